using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Hostdev.Planning;
using Hostdev.Planning.Lending;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>
/// A record as a line of the journal, and back. A field that this version does not know is one that it may pass over (docs/adr/0006); an
/// operation is not.
/// </summary>
internal static class JournalLine
{
    private static readonly Dictionary<string, JsonTypeInfo> s_operations =
        JournalJsonContext.Default.JournalRecord.PolymorphismOptions!.DerivedTypes.ToDictionary(
            d => (string)d.TypeDiscriminator!,
            d => JournalJsonContext.Default.GetTypeInfo(d.DerivedType)!,
            StringComparer.Ordinal
        );

    public static string Write(JournalRecord record) => JsonSerializer.Serialize(record, JournalJsonContext.Default.JournalRecord);

    /// <exception cref="JsonException">The line is no record.</exception>
    /// <exception cref="FormatException">Its operation is not known, or lacks a field that it needs.</exception>
    public static JournalRecord Read(string line)
    {
        using var document = JsonDocument.Parse(line);
        if (document.RootElement is not { ValueKind: JsonValueKind.Object } fields)
            throw new FormatException("the line is no record");
        if (!Has(fields, JournalRecord.Operation))
            throw new FormatException($"{JournalRecord.Operation} is missing");
        var name = fields.GetProperty(JournalRecord.Operation).ToString();
        if (!s_operations.TryGetValue(name, out var operation))
            throw new FormatException($"its operation {name} is not known to this version: run the version that wrote it");
        // Null is never written: what cannot be null is needed.
        if (operation.Properties.FirstOrDefault(p => !p.IsSetNullable && !Has(fields, p.Name)) is { } missing)
            throw new FormatException($"{missing.Name} is missing in a {name} record");
        return (JournalRecord)fields.Deserialize(operation)!;
    }

    private static bool Has(JsonElement fields, string name) =>
        fields.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null;
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    Converters = [typeof(InterfaceDriversConverter)]
)]
[JsonSerializable(typeof(JournalRecord))]
internal sealed partial class JournalJsonContext : JsonSerializerContext;
