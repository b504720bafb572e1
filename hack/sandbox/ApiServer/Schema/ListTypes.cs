using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>That sets have each item once and maps each key once (apiextensions <c>pkg/apiserver/schema/listtype</c>).</summary>
internal static class ListTypes
{
    public static ImmutableArray<FieldError> Validate(JsonNode? value, StructuralSchema schema, string path) =>
        value switch
        {
            JsonArray array => [.. Duplicates(array, schema, path), .. Items(array, schema, path)],
            JsonObject members => [.. members.SelectMany(m => Member(m.Key, m.Value, schema, path))],
            _ => [],
        };

    private static ImmutableArray<FieldError> Member(string name, JsonNode? value, StructuralSchema schema, string path)
    {
        if (schema.Properties.TryGetValue(name, out var property))
            return Validate(value, property, path.Length == 0 ? name : $"{path}.{name}");
        return schema.AdditionalProperties is { } additional ? Validate(value, additional, $"{path}[{name}]") : [];
    }

    private static IEnumerable<FieldError> Items(JsonArray array, StructuralSchema schema, string path) =>
        schema.Items is { } items ? array.SelectMany((item, i) => Validate(item, items, $"{path}[{i}]")) : [];

    private static IEnumerable<FieldError> Duplicates(JsonArray array, StructuralSchema schema, string path)
    {
        if (schema.ListType == "set")
            return Repeated(array, path);
        if (schema.ListType != "map")
            return [];
        for (var i = 0; i < array.Count; i++)
        {
            if (array[i] is not (null or JsonObject))
                return [FieldError.Invalid($"{path}[{i}]", array[i], "must be an object for an array of list-type map")];
        }

        return Repeated(array.Select(item => Keys(item as JsonObject, schema.ListMapKeys)), path);
    }

    private static JsonObject Keys(JsonObject? item, ImmutableArray<string> names) =>
        new(
            names
                .Order(StringComparer.Ordinal)
                .Where(name => item?.ContainsKey(name) == true)
                .Select(name => KeyValuePair.Create(name, item![name]?.DeepClone()))
        );

    /// <summary>Each value that comes more than once is named once, at its second place.</summary>
    private static IEnumerable<FieldError> Repeated(IEnumerable<JsonNode?> values, string path)
    {
        var seen = new Dictionary<string, int>();
        return values
            .Select((value, i) => (value, i, Key: Canonical(value)))
            .Where(v => (seen[v.Key] = seen.GetValueOrDefault(v.Key) + 1) == 2)
            .Select(v => FieldError.Duplicate($"{path}[{v.i}]", v.value))
            .ToList();
    }

    private static string Canonical(JsonNode? value) =>
        value switch
        {
            null => "null",
            JsonObject members => $"{{{string.Join(',', members.OrderBy(m => m.Key, StringComparer.Ordinal).Select(Canonical))}}}",
            JsonArray items => $"[{string.Join(',', items.Select(Canonical))}]",
            _ => GoText.Value(value),
        };

    private static string Canonical(KeyValuePair<string, JsonNode?> member) => $"{GoText.Quote(member.Key)}:{Canonical(member.Value)}";
}
