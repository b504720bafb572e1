using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>Pruning as apiextensions does it (<c>pkg/apiserver/schema/pruning</c>).</summary>
internal static class SchemaPruning
{
    private static readonly StructuralSchema s_nothing = new();

    public static ImmutableArray<string> Prune(JsonNode? resource, StructuralSchema schema, bool isResource = true)
    {
        var unknown = new List<string>();
        Prune(resource, isResource ? schema with { EmbeddedResource = true } : schema, "", unknown);
        unknown.Sort(StringComparer.Ordinal);
        return [.. unknown];
    }

    /// <summary>Whether a member of a resource is left alone, because every resource has it.</summary>
    private static bool IsMeta(string name) => name is "apiVersion" or "kind" or "metadata";

    private static void Prune(JsonNode? value, StructuralSchema schema, string path, List<string> unknown)
    {
        if (value is JsonArray array)
        {
            var items = schema.Items ?? s_nothing;
            if (schema.PreserveUnknownFields)
                items = items with { PreserveUnknownFields = true };
            for (var i = 0; i < array.Count; i++)
                Prune(array[i], items, $"{path}[{i}]", unknown);
        }

        if (value is not JsonObject members)
            return;
        foreach (var (name, member) in members.ToList())
        {
            if (schema.EmbeddedResource && IsMeta(name))
                continue;
            var at = path.Length == 0 ? name : $"{path}.{name}";
            if (schema.Member(name) is { } known)
            {
                Prune(member, known, at, unknown);
            }
            else if (!schema.PreserveUnknownFields)
            {
                unknown.Add(at);
                members.Remove(name);
            }
        }
    }
}
