using System.Collections.Immutable;
using System.Text.Json.Nodes;
using static Hostdev.Sandbox.ApiServer.Schema.CustomResourceReader;
using static Hostdev.Sandbox.ApiServer.Schema.SchemaReader;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// That a schema is structural (apiextensions <c>pkg/apiserver/schema/validation.go</c>): each value has a type, and below allOf, anyOf,
/// oneOf and not only limits stand.
/// </summary>
internal static class StructureCheck
{
    private const string AtRoot = "at the root";
    private const string InItems = "for specified array items";
    private const string InFields = "for specified object fields";

    /// <summary>What gives structure, and so must not stand below a junctor; with what the API server says of it.</summary>
    private static readonly (string Keyword, string Detail)[] s_structure =
    [
        ("type", "must be empty to be structural"),
        ("additionalProperties", "must be undefined to be structural"),
        ("default", "must be undefined to be structural"),
        ("title", "must be empty to be structural"),
        ("description", "must be empty to be structural"),
        ("nullable", "must be false to be structural"),
        ("x-kubernetes-preserve-unknown-fields", "must be false to be structural"),
        ("x-kubernetes-embedded-resource", "must be false to be structural"),
        ("x-kubernetes-int-or-string", "must be false to be structural"),
        ("x-kubernetes-list-map-keys", "must be empty to be structural"),
        ("x-kubernetes-list-type", "must be undefined to be structural"),
        ("x-kubernetes-map-type", "must be undefined to be structural"),
        ("x-kubernetes-validations", "must be empty to be structural"),
    ];

    public static ImmutableArray<FieldError> Validate(JsonObject schema, string path) =>
        [.. Node(schema, path, AtRoot).Concat(Completeness(schema, path)).OrderBy(e => e.ToString(), StringComparer.Ordinal)];

    private static IEnumerable<FieldError> Node(JsonObject schema, string path, string level) =>
        [
            .. Type(schema, path, level),
            .. Extensions(schema, path),
            .. Meta(schema, path, level),
            .. Pattern(schema, path),
            .. Junctors(schema, path, skipIntOrString: true),
            .. schema["items"] is JsonObject items ? Node(items, $"{path}.items", InItems) : [],
            .. Part(schema, "properties")
                .SelectMany(p => p.Value is JsonObject property ? Node(property, $"{path}.properties[{p.Key}]", InFields) : []),
            .. schema["additionalProperties"] is JsonObject additional ? Node(additional, $"{path}.additionalProperties", InFields) : [],
        ];

    private static IEnumerable<FieldError> Type(JsonObject schema, string path, string level)
    {
        var type = Text(schema, "type");
        if (type == JsonType.Array && schema["items"] is not JsonObject)
            yield return FieldError.Required($"{path}.items", "must be specified");
        if (level == AtRoot && IsSet(schema["additionalProperties"]))
            yield return FieldError.Forbidden($"{path}.additionalProperties", "must not be used at the root");
        if (level == AtRoot && type.Length > 0 && type != JsonType.Object)
            yield return FieldError.Invalid($"{path}.type", type, "must be object at the root");
        const string embedded = "must be object if x-kubernetes-embedded-resource is true";
        if (Flag(schema, "x-kubernetes-embedded-resource") && type.Length > 0 && type != JsonType.Object)
            yield return FieldError.Invalid($"{path}.type", type, embedded);
        if (type.Length > 0)
            yield break;
        if (Flag(schema, "x-kubernetes-embedded-resource"))
            yield return FieldError.Required($"{path}.type", embedded);
        else if (!Flag(schema, "x-kubernetes-int-or-string") && !Flag(schema, "x-kubernetes-preserve-unknown-fields"))
            yield return FieldError.Required($"{path}.type", $"must not be empty {level}");
    }

    private static IEnumerable<FieldError> Extensions(JsonObject schema, string path)
    {
        foreach (var extension in (string[])["x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"])
        {
            if (Flag(schema, "x-kubernetes-int-or-string") && Flag(schema, extension))
                yield return FieldError.Invalid($"{path}.{extension}", true, "must be false if x-kubernetes-int-or-string is true");
        }

        if (!Flag(schema, "x-kubernetes-embedded-resource"))
            yield break;
        if (IsSet(schema["additionalProperties"]))
            yield return FieldError.Forbidden($"{path}.additionalProperties", "must not be used if x-kubernetes-embedded-resource is set");
        if (!Flag(schema, "x-kubernetes-preserve-unknown-fields") && Part(schema, "properties").Count == 0)
            yield return FieldError.Required(
                $"{path}.properties",
                "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
            );
    }

    /// <summary>
    /// At the root the schema may limit <c>metadata.name</c> and <c>metadata.generateName</c>, nothing else of the metadata.
    /// </summary>
    private static IEnumerable<FieldError> Meta(JsonObject schema, string path, string level)
    {
        var properties = Part(schema, "properties");
        if (level != AtRoot && !Flag(schema, "x-kubernetes-embedded-resource"))
            yield break;
        foreach (var name in (string[])["kind", "apiVersion"])
        {
            if (properties[name] is JsonObject text && Text(text, "type") != JsonType.String)
                yield return FieldError.Invalid($"{path}.properties[{name}].type", Text(text, "type"), "must be string");
        }

        if (properties["metadata"] is not JsonObject metadata)
            yield break;
        if (Text(metadata, "type") != JsonType.Object)
            yield return FieldError.Invalid($"{path}.properties[metadata].type", Text(metadata, "type"), "must be object");
        if (
            level == AtRoot
            && (
                metadata.Any(m => m.Key is not ("type" or "properties"))
                || Part(metadata, "properties").Any(p => p.Key is not ("name" or "generateName"))
            )
        )
            yield return FieldError.Forbidden(
                $"{path}.properties[metadata]",
                "must not specify anything other than name and generateName, but metadata is implicitly specified"
            );
    }

    private static IEnumerable<FieldError> Pattern(JsonObject schema, string path)
    {
        if (Text(schema, "pattern") is { Length: > 0 } text && !Re2Pattern.TryParse(text, out _, out var error))
            yield return FieldError.Invalid($"{path}.pattern", text, $"must be a valid regular expression, but isn't: {error}");
    }

    private static IEnumerable<FieldError> Junctors(JsonObject schema, string path, bool skipIntOrString) =>
        [
            .. Nested(schema, path)
                .Where(n => !(skipIntOrString && IsIntOrString(schema, n.Keyword)))
                .SelectMany(n => Limits(n.Schema, n.Path)),
        ];

    /// <summary>Everything that stands below a junctor: limits on what is described outside.</summary>
    private static IEnumerable<FieldError> Limits(JsonObject schema, string path) =>
        [
            .. s_structure.Where(s => IsSet(schema[s.Keyword])).Select(s => FieldError.Forbidden($"{path}.{s.Keyword}", s.Detail)),
            .. Part(schema, "properties").ContainsKey("metadata")
                ? (FieldError[])[FieldError.Forbidden($"{path}.properties[metadata]", "must not be specified in a nested context")]
                : [],
            .. Pattern(schema, path),
            .. Junctors(schema, path, skipIntOrString: false),
            .. schema["items"] is JsonObject items ? Limits(items, $"{path}.items") : [],
            .. Part(schema, "properties")
                .SelectMany(p => p.Value is JsonObject property ? Limits(property, $"{path}.properties[{p.Key}]") : []),
        ];

    /// <summary>
    /// What a junctor at the root limits is described outside of it; further in, the API server does not look (<c>complete.go</c>).
    /// </summary>
    private static IEnumerable<FieldError> Completeness(JsonObject schema, string path) =>
        Nested(schema, path).SelectMany(n => Missing(schema, path, n.Schema, n.Path));

    private static IEnumerable<FieldError> Missing(JsonObject? outside, string outsidePath, JsonObject nested, string path)
    {
        if (outside is null)
            return [FieldError.Required(outsidePath, $"because it is defined in {path}")];
        return
        [
            .. Nested(nested, path).SelectMany(n => Missing(outside, outsidePath, n.Schema, n.Path)),
            .. nested["items"] is JsonObject items
                ? Missing(outside["items"] as JsonObject, $"{outsidePath}.items", items, $"{path}.items")
                : [],
            .. Part(nested, "properties")
                .SelectMany(p =>
                    p.Value is JsonObject property
                        ? Missing(
                            Part(outside, "properties")[p.Key] as JsonObject,
                            $"{outsidePath}.properties[{p.Key}]",
                            property,
                            $"{path}.properties[{p.Key}]"
                        )
                        : []
                ),
        ];
    }

    private static IEnumerable<(string Keyword, JsonObject Schema, string Path)> Nested(JsonObject schema, string path)
    {
        foreach (var keyword in (string[])["allOf", "anyOf", "oneOf"])
        {
            foreach (var (nested, i) in Objects(schema, keyword).Select((nested, i) => (nested, i)))
                yield return (keyword, nested, $"{path}.{keyword}[{i}]");
        }

        if (schema["not"] is JsonObject not)
            yield return ("not", not, $"{path}.not");
    }

    /// <summary>The one case in which types may stand below anyOf: exactly integer, string beside x-kubernetes-int-or-string.</summary>
    private static bool IsIntOrString(JsonObject schema, string keyword) =>
        keyword == "anyOf"
        && Flag(schema, "x-kubernetes-int-or-string")
        && Objects(schema, "anyOf").Select(s => s.Count == 1 ? Text(s, "type") : "").SequenceEqual([JsonType.Integer, JsonType.String]);

    /// <summary>Absent, false, empty text and empty list are all the same to the API server here.</summary>
    private static bool IsSet(JsonNode? value) =>
        value switch
        {
            null => false,
            JsonArray array => array.Count > 0,
            JsonObject => true,
            _ => JsonType.IsTrue(value)
                || JsonType.Text(value) is { Length: > 0 }
                || JsonType.Of(value) is JsonType.Integer or JsonType.Number,
        };
}
