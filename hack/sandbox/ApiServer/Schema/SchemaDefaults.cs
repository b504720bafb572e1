using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// Defaulting as apiextensions does it (<c>pkg/apiserver/schema/defaulting</c>): nulls that must not be and have no default go first, then
/// defaults are filled in from the outside inwards.
/// </summary>
internal static class SchemaDefaults
{
    public static void Apply(JsonNode? value, StructuralSchema schema)
    {
        DropNulls(value, schema);
        Fill(value, schema);
    }

    private static void DropNulls(JsonNode? value, StructuralSchema? schema)
    {
        if (value is JsonArray array)
        {
            foreach (var item in array)
                DropNulls(item, schema?.Items);
        }

        if (value is not JsonObject members)
            return;
        foreach (var (name, member) in members.ToList())
        {
            var known = schema?.Member(name);
            if (member is null && known is { Nullable: false, Default: null })
                members.Remove(name);
            else
                DropNulls(member, known);
        }
    }

    private static void Fill(JsonNode? value, StructuralSchema? schema)
    {
        if (schema is null)
            return;
        if (value is JsonArray array && schema.Items is { } items)
        {
            for (var i = 0; i < array.Count; i++)
            {
                if (array[i] is null && items is { Nullable: false, Default: not null })
                    array[i] = items.Default.DeepClone();
                Fill(array[i], items);
            }
        }

        if (value is not JsonObject members)
            return;
        foreach (var (name, known) in schema.Properties.Where(p => p.Value.Default is not null))
        {
            if (!members.TryGetPropertyValue(name, out var member) || (member is null && !known.Nullable))
                members[name] = known.Default!.DeepClone();
        }

        foreach (var (name, member) in members.ToList())
        {
            var known = schema.Member(name);
            if (member is null && known is { Nullable: false, Default: not null })
                members[name] = known.Default.DeepClone();
            Fill(members[name], known);
        }
    }
}
