using System.Collections.Immutable;
using System.Text.Json.Nodes;
using static Hostdev.Sandbox.ApiServer.Schema.SchemaReader;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>That a schema is structural (apiextensions <c>pkg/apiserver/schema/validation.go</c>).</summary>
internal static class StructureCheck
{
    public static ImmutableArray<FieldError> Validate(JsonObject schema, string path) => [.. Node(schema, path, "at the root").OrderBy(e => e.ToString(), StringComparer.Ordinal)];

    private static IEnumerable<FieldError> Node(JsonObject schema, string path, string level)
    {
        var type = Text(schema, "type");
        if (type.Length == 0 && !Flag(schema, "x-kubernetes-int-or-string") && !Flag(schema, "x-kubernetes-preserve-unknown-fields")) yield return FieldError.Required($"{path}.type", $"must not be empty {level}");
        if (type == JsonType.Array && schema["items"] is not JsonObject) yield return FieldError.Required($"{path}.items", "must be specified");
        foreach (var error in schema["items"] is JsonObject items ? Node(items, $"{path}.items", "for specified array items") : []) yield return error;
        foreach (var (name, property) in CustomResourceReader.Part(schema, "properties"))
        {
            foreach (var error in property is JsonObject p ? Node(p, $"{path}.properties[{name}]", "for specified object fields") : []) yield return error;
        }
    }
}
