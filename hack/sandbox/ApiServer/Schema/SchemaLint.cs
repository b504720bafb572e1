using System.Collections.Immutable;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// What a careful author does beyond what the API server asks: describe each field, and bound each list, map and text. Without bounds the
/// API server takes the largest request for granted when it estimates what a CEL rule costs, and refuses the CRD for it (apiextensions
/// <c>cel_validation.go</c>).
/// </summary>
public static class SchemaLint
{
    /// <summary>
    /// Formats whose texts have a length that the API server knows (apiserver <c>cel/common/schemas.go</c>,
    /// <c>estimateMaxStringLengthPerRequest</c>).
    /// </summary>
    private static readonly string[] s_boundedFormats = ["date", "date-time", "duration"];

    /// <returns>One sentence for each finding: where, what, which fix. Empty when all is well.</returns>
    public static ImmutableArray<string> Check(StructuralSchema schema) =>
        [.. schema.Properties.Where(p => p.Key != "metadata").SelectMany(p => Check(p.Value, p.Key, isField: true))];

    private static IEnumerable<string> Check(StructuralSchema schema, string path, bool isField) =>
        [
            .. isField && schema.Description.Length == 0
                ? (string[])[$"{path} has no description: say what it means, its unit, its default and what a change disrupts"]
                : [],
            .. Bounds(schema, path),
            .. schema.Properties.SelectMany(p => Check(p.Value, $"{path}.{p.Key}", isField: true)),
            .. schema.Items is { } items ? Check(items, $"{path}[*]", isField: false) : [],
            .. schema.AdditionalProperties is { } additional ? Check(additional, $"{path}.*", isField: false) : [],
        ];

    private static IEnumerable<string> Bounds(StructuralSchema schema, string path)
    {
        var limits = schema.Constraints;
        if (schema.Type == JsonType.Array && limits.MaxItems is null)
            yield return $"{path} is a list without maxItems: add how many items it has at most";
        if (schema.Type == JsonType.Array && schema.ListType.Length == 0)
            yield return $"{path} is a list without x-kubernetes-list-type: add atomic, set or map, which says how two appliers share it";
        if (schema is { Type: JsonType.Object, AdditionalProperties: not null } && limits.MaxProperties is null)
            yield return $"{path} is a map without maxProperties: add how many members it has at most";
        if (schema.Type == JsonType.String && limits.MaxLength is null && limits.Enum.IsEmpty && !s_boundedFormats.Contains(limits.Format))
            yield return $"{path} is a text without maxLength, enum or a format of known length: add how long it is at most";
    }
}
