using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>Reads <c>openAPIV3Schema</c>. What no schema may say, it passes over.</summary>
internal static class SchemaReader
{
    public static StructuralSchema Read(JsonObject json) =>
        new()
        {
            Type = Text(json, "type"),
            Description = Text(json, "description"),
            Title = Text(json, "title"),
            Properties = Members(json, "properties"),
            AdditionalProperties = Additional(json["additionalProperties"]),
            Items = json["items"] is JsonObject items ? Read(items) : null,
            Nullable = Flag(json, "nullable"),
            Default = json["default"]?.DeepClone(),
            ListType = Text(json, "x-kubernetes-list-type"),
            ListMapKeys = Texts(json, "x-kubernetes-list-map-keys"),
            MapType = Text(json, "x-kubernetes-map-type"),
            PreserveUnknownFields = Flag(json, "x-kubernetes-preserve-unknown-fields"),
            EmbeddedResource = Flag(json, "x-kubernetes-embedded-resource"),
            IntOrString = Flag(json, "x-kubernetes-int-or-string"),
            Rules = [.. Objects(json, "x-kubernetes-validations").Select(Rule)],
            Constraints = Constraints(json),
        };

    private static ValueConstraints Constraints(JsonObject json) =>
        new()
        {
            Format = Text(json, "format"),
            Minimum = Number(json, "minimum"),
            Maximum = Number(json, "maximum"),
            ExclusiveMinimum = Flag(json, "exclusiveMinimum"),
            ExclusiveMaximum = Flag(json, "exclusiveMaximum"),
            MultipleOf = Number(json, "multipleOf"),
            MinLength = Integer(json, "minLength"),
            MaxLength = Integer(json, "maxLength"),
            Pattern = Re2Pattern.TryParse(Text(json, "pattern"), out var pattern, out _) && pattern.Text.Length > 0 ? pattern : null,
            MinItems = Integer(json, "minItems"),
            MaxItems = Integer(json, "maxItems"),
            UniqueItems = Flag(json, "uniqueItems"),
            MinProperties = Integer(json, "minProperties"),
            MaxProperties = Integer(json, "maxProperties"),
            Enum = json["enum"] is JsonArray values ? [.. values.Select(v => v?.DeepClone())] : [],
            Required = Texts(json, "required"),
            AllOf = [.. Objects(json, "allOf").Select(Read)],
            AnyOf = [.. Objects(json, "anyOf").Select(Read)],
            OneOf = [.. Objects(json, "oneOf").Select(Read)],
            Not = json["not"] is JsonObject not ? Read(not) : null,
        };

    private static ValidationRule Rule(JsonObject json) =>
        new(
            Text(json, "rule"),
            Text(json, "message"),
            Text(json, "messageExpression"),
            Text(json, "reason"),
            Text(json, "fieldPath"),
            Flag(json, "optionalOldSelf")
        );

    /// <summary><c>additionalProperties: true</c> allows every member, whatever it is.</summary>
    private static StructuralSchema? Additional(JsonNode? json) =>
        json switch
        {
            JsonObject schema => Read(schema),
            _ => JsonType.IsTrue(json) ? new StructuralSchema { PreserveUnknownFields = true, Nullable = true } : null,
        };

    private static ImmutableSortedDictionary<string, StructuralSchema> Members(JsonObject json, string keyword) =>
        json[keyword] is JsonObject members
            ? members
                .Where(m => m.Value is JsonObject)
                .ToImmutableSortedDictionary(m => m.Key, m => Read(m.Value!.AsObject()), StringComparer.Ordinal)
            : ImmutableSortedDictionary.Create<string, StructuralSchema>(StringComparer.Ordinal);

    internal static IEnumerable<JsonObject> Objects(JsonObject json, string keyword) =>
        (json[keyword] as JsonArray)?.OfType<JsonObject>() ?? [];

    internal static ImmutableArray<string> Texts(JsonObject json, string keyword) =>
        json[keyword] is JsonArray texts ? [.. texts.Select(JsonType.Text).OfType<string>()] : [];

    internal static string Text(JsonObject json, string keyword) => JsonType.Text(json[keyword]) ?? "";

    internal static bool Flag(JsonObject json, string keyword) => JsonType.IsTrue(json[keyword]);

    private static double? Number(JsonObject json, string keyword) =>
        JsonType.Of(json[keyword]) is JsonType.Integer or JsonType.Number ? JsonType.Double(json[keyword]!) : null;

    private static long? Integer(JsonObject json, string keyword) => JsonType.TryInteger(json[keyword], out var value) ? value : null;
}
