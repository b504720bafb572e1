using System.Text.Json.Nodes;
using static Hostdev.Sandbox.ApiServer.Schema.CustomResourceReader;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// That defaults hold what their own schema says, and that none stands where none may (apiextensions
/// <c>pkg/apiserver/schema/defaulting/validation.go</c>).
/// </summary>
internal static class DefaultCheck
{
    public static IEnumerable<FieldError> Validate(JsonObject schema, string path)
    {
        foreach (var name in (string[])["apiVersion", "kind", "metadata"])
        {
            foreach (
                var error in Part(schema, "properties")[name] is JsonObject meta ? Forbidden(meta, $"{path}.properties[{name}]", name) : []
            )
                yield return error;
        }

        foreach (var error in Node(schema, path))
            yield return error;
    }

    private static IEnumerable<FieldError> Forbidden(JsonObject schema, string path, string name) =>
        [
            .. schema["default"] is null
                ? (FieldError[])[]
                : [FieldError.Forbidden($"{path}.default", $"must not be set in top-level {name}")],
            .. SchemaCheck.Children(schema, path).SelectMany(c => Forbidden(c.Schema, c.Path, name)),
        ];

    private static IEnumerable<FieldError> Node(JsonObject schema, string path) =>
        [
            .. schema["default"] is { } value ? Default(value, SchemaReader.Read(schema), $"{path}.default") : [],
            .. SchemaCheck.Children(schema, path).SelectMany(c => Node(c.Schema, c.Path)),
        ];

    private static IEnumerable<FieldError> Default(JsonNode value, StructuralSchema schema, string path)
    {
        var pruned = value.DeepClone();
        if (!SchemaPruning.Prune(pruned, schema, schema.EmbeddedResource).IsEmpty)
            return [FieldError.Invalid(path, value, "must not have unknown fields")];
        return SchemaWalk
            .Validate(schema, value, Previous.None, "")
            .Errors.Select(e => e.Path == FieldError.NoPath ? e with { Path = path } : e with { Path = $"{path}.{e.Path}" });
    }
}
