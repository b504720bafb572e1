using System.Collections.Immutable;
using System.Text.Json.Nodes;
using static Hostdev.Sandbox.ApiServer.Schema.CustomResourceReader;
using static Hostdev.Sandbox.ApiServer.Schema.SchemaReader;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// What a real API server refuses of a schema in a CRD (apiextensions <c>ValidateCustomResourceDefinitionOpenAPISchema</c>), CEL
/// expressions apart: those are not compiled here. A keyword that does not exist is refused as strict decoding does, which is what kubectl
/// asks for.
/// </summary>
internal static class SchemaCheck
{
    private static readonly string[] s_types = ["array", "boolean", "integer", "number", "object", "string"];

    private static readonly string[] s_notSupported = ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"];

    private static readonly HashSet<string> s_keywords =
    [
        "description",
        "title",
        "type",
        "format",
        "default",
        "example",
        "externalDocs",
        "nullable",
        "enum",
        "required",
        "properties",
        "additionalProperties",
        "items",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "pattern",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
        "$schema",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-type",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-map-type",
        "x-kubernetes-validations",
        .. s_notSupported,
    ];

    /// <summary>
    /// Keywords that may stand at the root of a schema whose status is written apart, because its properties are validated apart.
    /// </summary>
    private static readonly HashSet<string> s_rootKeywords =
    [
        "description",
        "type",
        "format",
        "title",
        "maximum",
        "exclusiveMaximum",
        "minimum",
        "exclusiveMinimum",
        "maxLength",
        "minLength",
        "pattern",
        "maxItems",
        "minItems",
        "uniqueItems",
        "multipleOf",
        "required",
        "items",
        "properties",
        "externalDocs",
        "example",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-validations",
    ];

    /// <param name="path">Where the schema stands in the CRD.</param>
    public static ImmutableArray<FieldError> Validate(JsonObject schema, string path, bool hasStatus)
    {
        var structure = StructureCheck.Validate(schema, path);
        return
        [
            .. Root(schema, path, hasStatus),
            .. structure,
            .. structure.IsEmpty ? DefaultCheck.Validate(schema, path) : [],
            .. Node(schema, path),
        ];
    }

    private static IEnumerable<FieldError> Root(JsonObject schema, string path, bool hasStatus)
    {
        if (Flag(schema, "nullable"))
            yield return FieldError.Forbidden($"{path}.nullable", "nullable cannot be true at the root");
        if (hasStatus && schema.Select(m => m.Key).FirstOrDefault(k => !s_rootKeywords.Contains(k)) is { } keyword)
            yield return FieldError.Invalid(
                path,
                JsonValue.Create(keyword),
                $"only {string.Join(' ', s_rootKeywords)} fields are allowed at the root of the schema if the status subresource is enabled"
            );
    }

    private static IEnumerable<FieldError> Node(JsonObject schema, string path) =>
        [
            .. Keywords(schema, path),
            .. Types(schema, path),
            .. ListTypeCheck.Validate(schema, path),
            .. Rules(schema, path),
            .. Children(schema, path).SelectMany(c => Node(c.Schema, c.Path)),
        ];

    internal static IEnumerable<(JsonObject Schema, string Path)> Children(JsonObject schema, string path)
    {
        foreach (var keyword in (string[])["additionalProperties", "not", "items"])
        {
            if (schema[keyword] is JsonObject child)
                yield return (child, $"{path}.{keyword}");
        }

        foreach (var (name, property) in Part(schema, "properties"))
        {
            if (property is JsonObject child)
                yield return (child, $"{path}.properties[{name}]");
        }

        foreach (var keyword in (string[])["allOf", "oneOf", "anyOf"])
        {
            foreach (var (child, i) in Objects(schema, keyword).Select((child, i) => (child, i)))
                yield return (child, $"{path}.{keyword}[{i}]");
        }
    }

    private static IEnumerable<FieldError> Keywords(JsonObject schema, string path)
    {
        foreach (var keyword in s_notSupported.Where(schema.ContainsKey))
            yield return FieldError.Forbidden($"{path}.{keyword}", $"{keyword} is not supported");
        foreach (var (keyword, _) in schema.Where(m => !s_keywords.Contains(m.Key)))
            yield return FieldError.Forbidden($"{path}.{keyword}", $"strict decoding error: unknown field \"{path}.{keyword}\"");
        if (Flag(schema, "uniqueItems"))
            yield return FieldError.Forbidden(
                $"{path}.uniqueItems",
                "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
            );
        if (schema["additionalProperties"] is { } additional && Part(schema, "properties").Count > 0 && !JsonType.IsTrue(additional))
            yield return FieldError.Forbidden($"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive");
        if (schema["x-kubernetes-preserve-unknown-fields"] is { } preserve && !JsonType.IsTrue(preserve))
            yield return FieldError.Invalid($"{path}.x-kubernetes-preserve-unknown-fields", preserve, "must be true or undefined");
        if (schema["items"] is JsonArray)
            yield return FieldError.Forbidden($"{path}.items", "items must be a schema object and not an array");
    }

    private static IEnumerable<FieldError> Types(JsonObject schema, string path)
    {
        var type = Text(schema, "type");
        if (type == JsonType.Null)
            yield return FieldError.Forbidden($"{path}.type", "type cannot be set to null, use nullable as an alternative");
        if (type.Length > 0 && !s_types.Contains(type))
            yield return FieldError.NotSupported($"{path}.type", type, s_types);
        if (Text(schema, "x-kubernetes-map-type") is not { Length: > 0 } mapType)
            yield break;
        const string needsObject = "must be object if x-kubernetes-map-type is specified";
        if (type.Length == 0)
            yield return FieldError.Required($"{path}.type", needsObject);
        else if (type != JsonType.Object)
            yield return FieldError.Invalid($"{path}.type", type, needsObject);
        if (mapType is not ("atomic" or "granular"))
            yield return FieldError.NotSupported($"{path}.x-kubernetes-map-type", mapType, ["atomic", "granular"]);
    }

    private static IEnumerable<FieldError> Rules(JsonObject schema, string path) =>
        Objects(schema, "x-kubernetes-validations").SelectMany((rule, i) => Rule(rule, schema, $"{path}.x-kubernetes-validations[{i}]"));

    private static IEnumerable<FieldError> Rule(JsonObject rule, JsonObject schema, string path)
    {
        var (text, message, fieldPath) = (Text(rule, "rule").Trim(), Text(rule, "message"), Text(rule, "fieldPath"));
        if (text.Length == 0)
            yield return FieldError.Required($"{path}.rule", "rule is not specified");
        else if (message.Length > 0 && message.Trim().Length == 0)
            yield return FieldError.Invalid($"{path}.message", message, "must be non-empty if specified");
        else if (HasNewlines(message.Trim()))
            yield return FieldError.Invalid($"{path}.message", message, "must not contain line breaks");
        else if (HasNewlines(text) && message.Trim().Length == 0)
            yield return FieldError.Required($"{path}.message", "message must be specified if rule contains line breaks");
        string[] reasons = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
        if (Text(rule, "reason") is { Length: > 0 } reason && !reasons.Contains(reason))
            yield return FieldError.NotSupported($"{path}.reason", reason, reasons);
        if (HasNewlines(fieldPath))
            yield return FieldError.Invalid($"{path}.fieldPath", fieldPath, "must not contain line breaks");
        if (fieldPath.Length > 0 && !IsFieldOf(schema, fieldPath))
            yield return FieldError.Invalid($"{path}.fieldPath", fieldPath, "must be a valid path");
    }

    /// <summary>
    /// Whether a path leads from the schema to a field of it: <c>.spec.name</c>, <c>['a.b'].c</c>; items of lists cannot be named.
    /// </summary>
    private static bool IsFieldOf(JsonObject schema, string fieldPath)
    {
        if (fieldPath[0] is not ('.' or '[') || !JsonPathReader.TryRead(fieldPath, out var steps))
            return false;
        JsonObject? at = schema;
        foreach (var step in steps)
        {
            if (step is not JsonPathStep.Member { Name: var name } || at is null)
                return false;
            at = Part(at, "properties")[name] as JsonObject ?? at["additionalProperties"] as JsonObject;
        }

        return at is not null;
    }

    private static bool HasNewlines(string text) => text.AsSpan().IndexOfAny('\n', '\r') >= 0;
}
