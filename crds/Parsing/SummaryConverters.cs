using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Crds.Parsing;

/// <summary>A time as <c>metav1.Time</c> writes it: UTC, whole seconds (apimachinery <c>meta/v1/time.go</c>).</summary>
internal sealed class TimeConverter : JsonConverter<DateTimeOffset>
{
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetDateTimeOffset();

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
}

/// <summary>Reads any JSON value as its digest, and keeps nothing else of it.</summary>
internal sealed class SpecDigestConverter : JsonConverter<SpecDigest>
{
    public override SpecDigest Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using var document = JsonDocument.ParseValue(ref reader);
        return SpecDigest.Of(document.RootElement);
    }

    public override void Write(Utf8JsonWriter writer, SpecDigest value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}

/// <summary>Reads the list of allocations as how many there are of each resource.</summary>
internal sealed class AllocationCountConverter : JsonConverter<ImmutableSortedDictionary<string, int>>
{
    public override ImmutableSortedDictionary<string, int> Read(
        ref Utf8JsonReader reader,
        Type typeToConvert,
        JsonSerializerOptions options
    )
    {
        using var document = JsonDocument.ParseValue(ref reader);
        if (document.RootElement.ValueKind != JsonValueKind.Array)
            return ImmutableSortedDictionary<string, int>.Empty;
        return document
            .RootElement.EnumerateArray()
            .Select(a =>
                a.ValueKind == JsonValueKind.Object && a.TryGetProperty("resource", out var name) && name.ValueKind == JsonValueKind.String
                    ? name.GetString()!
                    : ""
            )
            .Where(name => name.Length > 0)
            .CountBy(name => name)
            .ToImmutableSortedDictionary(StringComparer.Ordinal);
    }

    public override void Write(Utf8JsonWriter writer, ImmutableSortedDictionary<string, int> value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach (var (name, count) in value)
            writer.WriteNumber(name, count);
        writer.WriteEndObject();
    }
}

/// <summary>
/// Reads a few of a list of problems: more would cost memory, and is shown to nobody. What is in the way comes before what is merely said,
/// and one of each reason before the second of any:
/// whether all that is left waits for VMs is judged by these, and eight held siblings must not hide what is waited for.
/// </summary>
internal sealed class FirstProblemsConverter : JsonConverter<ImmutableArray<DeviceProblem>>
{
    public override ImmutableArray<DeviceProblem> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using var document = JsonDocument.ParseValue(ref reader);
        if (document.RootElement.ValueKind != JsonValueKind.Array)
            return [];
        var problems = document
            .RootElement.EnumerateArray()
            .Select(p => p.Deserialize(CrdsJsonContext.Default.DeviceProblem))
            .OfType<DeviceProblem>();
        var numbered = problems.GroupBy(p => (p.State, p.Reason)).SelectMany(Numbered);
        return [.. numbered.OrderBy(p => Rank(p.Problem)).ThenBy(p => p.Number).Take(StatusSummary.MostProblems).Select(p => p.Problem)];
    }

    private static IEnumerable<(DeviceProblem Problem, int Number)> Numbered(IEnumerable<DeviceProblem> alike) =>
        alike.Select((problem, number) => (problem, number));

    private static int Rank(DeviceProblem problem) =>
        problem.State == FindingState.Blocked ? 0
        : problem.State.IsInTheWay ? 1
        : 2;

    public override void Write(Utf8JsonWriter writer, ImmutableArray<DeviceProblem> value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        foreach (var problem in value)
            JsonSerializer.Serialize(writer, problem, CrdsJsonContext.Default.DeviceProblem);
        writer.WriteEndArray();
    }
}

/// <summary>
/// Reads the list of devices as which ids its PCI functions have: a node has few kinds of devices and may have hundreds of each. A device
/// of which no class is said is a PCI function: an agent of the version before wrote it.
/// </summary>
internal sealed class PciIdsConverter : JsonConverter<ImmutableArray<string>>
{
    private static readonly JsonEncodedText Ids = JsonEncodedText.Encode("ids");
    private static readonly JsonEncodedText Class = JsonEncodedText.Encode("class");

    public override ImmutableArray<string> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var ids = new SortedSet<string>(StringComparer.Ordinal);
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            reader.Skip();
            return [];
        }

        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.StartObject)
                reader.Skip();
            else if (OfPciFunction(ref reader) is { } id && ids.Count < StatusSummary.MostIds)
                ids.Add(id);
        }

        return [.. ids];
    }

    /// <summary>Reads one device to its end; null for one that is no PCI function, or has no ids.</summary>
    private static string? OfPciFunction(ref Utf8JsonReader reader)
    {
        string? ids = null;
        var isPci = true;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var (isIds, isClass) = (reader.ValueTextEquals(Ids.EncodedUtf8Bytes), reader.ValueTextEquals(Class.EncodedUtf8Bytes));
            reader.Read();
            if (isIds && reader.TokenType == JsonTokenType.String)
                ids = reader.GetString();
            if (isClass)
                isPci = reader.TokenType == JsonTokenType.String && reader.ValueTextEquals(DeviceClass.Pci.Word());
            reader.Skip();
        }

        return isPci ? ids : null;
    }

    public override void Write(Utf8JsonWriter writer, ImmutableArray<string> value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        foreach (var id in value)
        {
            writer.WriteStartObject();
            writer.WriteString(Ids, id);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
