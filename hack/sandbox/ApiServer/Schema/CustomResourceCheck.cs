using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using static Hostdev.Sandbox.ApiServer.Schema.CustomResourceReader;
using static Hostdev.Sandbox.ApiServer.Schema.SchemaReader;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// What a real API server refuses of a CRD (apiextensions <c>pkg/apis/apiextensions/validation</c>), the schema left to
/// <see cref="SchemaCheck"/>.
/// </summary>
internal static partial class CustomResourceCheck
{
    private const string NotALabel =
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
        + "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for "
        + "validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

    private const string NotASubdomain =
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
        + "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

    private static readonly string[] s_columnTypes = ["boolean", "date", "integer", "number", "string"];

    private static readonly string[] s_columnFormats = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];

    public static ImmutableArray<FieldError> Validate(JsonObject crd)
    {
        var spec = Part(crd, "spec");
        return
        [
            .. Name(crd, spec),
            .. Group(Text(spec, "group")),
            .. Scope(Text(spec, "scope")),
            .. Versions(spec),
            .. Names(Part(spec, "names"), "spec.names"),
            .. PreserveUnknownFields(spec),
        ];
    }

    private static IEnumerable<FieldError> Name(JsonObject crd, JsonObject spec)
    {
        var name = Text(Part(crd, "metadata"), "name");
        if (name.Length == 0)
            yield return FieldError.Required("metadata.name", "name or generateName is required");
        else if (name != $"{Text(Part(spec, "names"), "plural")}.{Text(spec, "group")}")
            yield return FieldError.Invalid("metadata.name", name, "must be spec.names.plural+\".\"+spec.group");
    }

    private static IEnumerable<FieldError> Group(string group)
    {
        if (group.Length == 0)
            yield return FieldError.Required("spec.group");
        else if (!Subdomain().IsMatch(group))
            yield return FieldError.Invalid("spec.group", group, NotASubdomain);
        else if (!group.Contains('.'))
            yield return FieldError.Invalid("spec.group", group, "should be a domain with at least one dot");
    }

    private static IEnumerable<FieldError> Scope(string scope)
    {
        if (scope.Length == 0)
            yield return FieldError.Required("spec.scope");
        else if (scope is not ("Cluster" or "Namespaced"))
            yield return FieldError.NotSupported("spec.scope", scope, ["Cluster", "Namespaced"]);
    }

    private static IEnumerable<FieldError> PreserveUnknownFields(JsonObject spec)
    {
        if (Flag(spec, "preserveUnknownFields"))
            yield return FieldError.Invalid(
                "spec.preserveUnknownFields",
                true,
                "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
            );
    }

    private static IEnumerable<FieldError> Versions(JsonObject spec)
    {
        var versions = Objects(spec, "versions").ToList();
        var errors = versions.SelectMany((v, i) => Version(v, $"spec.versions[{i}]")).ToList();
        var value = spec["versions"];
        if (versions.Select(v => Text(v, "name")).Distinct().Count() != versions.Count)
            errors.Add(FieldError.Invalid("spec.versions", value, "must contain unique version names"));
        if (versions.Count(v => Flag(v, "storage")) != 1)
            errors.Add(FieldError.Invalid("spec.versions", value, "must have exactly one version marked as storage version"));
        return errors;
    }

    private static IEnumerable<FieldError> Version(JsonObject version, string path)
    {
        var name = Text(version, "name");
        var schema = Part(version, "schema")["openAPIV3Schema"] as JsonObject;
        return
        [
            .. Label().IsMatch(name) ? (FieldError[])[] : [FieldError.Invalid($"{path}.name", name, NotALabel)],
            .. schema is null
                ? [FieldError.Required($"{path}.schema.openAPIV3Schema")]
                : SchemaCheck.Validate(
                    schema,
                    $"{path}.schema.openAPIV3Schema",
                    hasStatus: Part(version, "subresources")["status"] is JsonObject
                ),
            .. Objects(version, "additionalPrinterColumns").SelectMany((c, i) => Column(c, $"{path}.additionalPrinterColumns[{i}]")),
            .. SelectableFields(version, schema, $"{path}.selectableFields"),
        ];
    }

    private static IEnumerable<FieldError> Column(JsonObject json, string path)
    {
        var (column, types) = (CustomResourceReader.Column(json), $"must be one of {string.Join(',', s_columnTypes)}");
        if (column.Name.Length == 0)
            yield return FieldError.Required($"{path}.name");
        if (column.Type.Length == 0)
            yield return FieldError.Required($"{path}.type", types);
        else if (!s_columnTypes.Contains(column.Type))
            yield return FieldError.Invalid($"{path}.type", column.Type, types);
        if (column.Format.Length > 0 && !s_columnFormats.Contains(column.Format))
            yield return FieldError.Invalid($"{path}.format", column.Format, $"must be one of {string.Join(',', s_columnFormats)}");
        if (column.JsonPath.Length == 0)
            yield return FieldError.Required($"{path}.JSONPath");
        else if (column.JsonPath[0] != '.')
            yield return FieldError.Invalid($"{path}.JSONPath", column.JsonPath, "must be a simple json path starting with .");
    }

    private static IEnumerable<FieldError> SelectableFields(JsonObject version, JsonObject? schema, string path)
    {
        var fields = Objects(version, "selectableFields").Select(f => Text(f, "jsonPath")).ToList();
        var root = schema is null ? new StructuralSchema() : SchemaReader.Read(schema);
        for (var i = 0; i < fields.Count; i++)
        {
            var (at, field) = ($"{path}[{i}].jsonPath", fields[i]);
            if (field.Length == 0)
                yield return FieldError.Required(at);
            else if (field.StartsWith(".metadata", StringComparison.Ordinal))
                yield return FieldError.Invalid(at, field, "must not point to fields in metadata");
            else if (field.TrimStart('.').Split('.').Aggregate(root, (s, name) => s?.Properties.GetValueOrDefault(name)!) is not { } found)
                yield return FieldError.Invalid(at, field, "is an invalid path: does not refer to a valid field");
            else if (found.Type is not (JsonType.String or JsonType.Boolean or JsonType.Integer))
                yield return FieldError.Invalid(
                    at,
                    field,
                    "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed."
                );
            if (fields.IndexOf(field) < i)
                yield return FieldError.Duplicate(at, field);
        }

        if (fields.Distinct().Count() is var count and > 8)
            yield return FieldError.TooMany(path, count, 8);
    }

    private static IEnumerable<FieldError> Names(JsonObject names, string path)
    {
        foreach (var required in (string[])["plural", "kind"])
        {
            if (Text(names, required).Length == 0)
                yield return FieldError.Required($"{path}.{required}");
        }

        foreach (var name in (string[])["plural", "singular"])
        {
            if (Text(names, name) is { Length: > 0 } text && !Label().IsMatch(text))
                yield return FieldError.Invalid($"{path}.{name}", text, NotALabel);
        }

        foreach (var name in (string[])["kind", "listKind"])
        {
            if (Text(names, name) is { Length: > 0 } text && !Label().IsMatch(text.ToLowerInvariant()))
                yield return FieldError.Invalid($"{path}.{name}", text, $"may have mixed case, but should otherwise match: {NotALabel}");
        }

        foreach (var list in (string[])["shortNames", "categories"])
        {
            foreach (var (text, i) in Texts(names, list).Select((text, i) => (text, i)).Where(t => !Label().IsMatch(t.text)))
                yield return FieldError.Invalid($"{path}.{list}[{i}]", text, NotALabel);
        }

        if (Text(names, "kind") is { Length: > 0 } kind && kind == Text(names, "listKind"))
            yield return FieldError.Invalid($"{path}.listKind", kind, "kind and listKind may not be the same");
    }

    [GeneratedRegex(@"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?\z")]
    private static partial Regex Label();

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z")]
    private static partial Regex Subdomain();
}
