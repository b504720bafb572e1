using System.Text.Json;
using System.Text.Json.Serialization;
using Hostdev.Crds.Words;

namespace Hostdev.Crds.Parsing;

/// <summary>
/// A word of the contract by its name. One that this version knows is read without a string being made: an operator reads 100,000.
/// </summary>
public abstract class WordConverter<T> : JsonConverter<T>
    where T : class
{
    private const int LongestKnown = 64;

    public sealed override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.String)
            throw new JsonException("must be a string: put the value in quotes");
        if (reader.HasValueSequence || reader.ValueSpan.Length > LongestKnown)
            return Of(reader.GetString());
        Span<char> name = stackalloc char[LongestKnown];
        return Of(name[..reader.CopyString(name)]);
    }

    public sealed override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());

    protected abstract T Of(ReadOnlySpan<char> name);
}

public sealed class ReasonConverter : WordConverter<Reason>
{
    protected override Reason Of(ReadOnlySpan<char> name) => Reasons.Of(name);
}

public sealed class FindingStateConverter : WordConverter<FindingState>
{
    protected override FindingState Of(ReadOnlySpan<char> name) => FindingState.Of(name);
}
