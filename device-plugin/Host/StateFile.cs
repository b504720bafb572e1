using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace Hostdev.DevicePlugin.Host;

/// <summary>
/// A file that outlives the agent: one JSON object, replaced whole, with the number of its format. It is read by versions on both sides of
/// the one that wrote it (docs/adr/0006): fields that are not known are passed over, an older format is converted, a newer one is damage.
/// What damage means is for whoever reads it.
/// </summary>
/// <param name="remedy">
/// What the file says and what to do without it, as the sentences that follow what is wrong; null where that is nothing.
/// </param>
/// <param name="conversions">The first makes format 2 of format 1, and so on. What is written has the format after the last.</param>
public sealed class StateFile<T>(
    string path,
    JsonTypeInfo<T> type,
    string? remedy = null,
    params ImmutableArray<Action<JsonObject>> conversions
)
    where T : class
{
    private const string Format = "format";

    public string Path { get; } = path;

    /// <summary>
    /// The first format that the file names; one without a number has format 1. Above 1 where versions before refuse a file that names it.
    /// </summary>
    public int NamedFrom { get; init; } = 1;

    private int Newest => conversions.Length + 1;

    /// <summary>What the file says; null when it is not there, and when it is damaged.</summary>
    /// <param name="take">Makes of it what is worked with; what it throws as a <see cref="FormatException"/> is damage too.</param>
    /// <param name="damage">Why it cannot be read, with path and remedy; null when it can.</param>
    public TState? Read<TState>(Func<T, TState> take, out string? damage)
        where TState : class
    {
        damage = null;
        if (!File.Exists(Path))
            return null;
        try
        {
            return take(Parse(File.ReadAllText(Path)));
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            damage = remedy is null ? $"{Path}: {JsonWords.Of(e)}" : $"{Path}: {JsonWords.Of(e)}. {remedy}";
            return null;
        }
    }

    /// <summary>On disk when it returns, whole whatever happens.</summary>
    public void Write(T content)
    {
        var fields = JsonSerializer.SerializeToNode(content, type)!.AsObject();
        if (Newest >= NamedFrom)
            fields.Insert(0, Format, Newest);
        DurableFile.Replace(Path, fields.ToJsonString(type.Options));
    }

    /// <summary>No file when it returns, also after a power cut.</summary>
    public void Delete()
    {
        File.Delete(Path);
        DurableFile.SyncDirectory(System.IO.Path.GetDirectoryName(Path)!);
    }

    private T Parse(string text)
    {
        var options = new JsonDocumentOptions { AllowDuplicateProperties = false };
        if (JsonNode.Parse(text, documentOptions: options) is not JsonObject fields)
            throw new FormatException("it is no JSON object");
        var format = FormatOf(fields);
        if (format > Newest)
            throw new FormatException($"it has format {format} and this version reads {Newest}: run the version that wrote it");
        fields.Remove(Format);
        foreach (var convert in conversions.Skip(format - 1))
            convert(fields);
        return fields.Deserialize(type)!;
    }

    private static int FormatOf(JsonObject fields)
    {
        if (!fields.TryGetPropertyValue(Format, out var format))
            return 1;
        return format is JsonValue value && value.TryGetValue(out int number) && number > 0
            ? number
            : throw new FormatException($"its format is {format?.ToJsonString() ?? "null"} and not a number from 1 on");
    }
}
