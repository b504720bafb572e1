using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Apply;

/// <summary>Which fields differ between two objects.</summary>
internal sealed record FieldComparison(FieldSet Removed, FieldSet Modified, FieldSet Added)
{
    public FieldComparison Within(FieldScope scope) => new(scope.Of(Removed), scope.Of(Modified), scope.Of(Added));
}

/// <summary>
/// What structured-merge-diff's <c>typed</c> package does with one or two values of a type. Nothing changes its arguments.
/// </summary>
internal static class TypedValue
{
    /// <summary>The fields of a value, as its owner would own them (<c>tofieldset.go</c>).</summary>
    public static FieldSet Fields(JsonObject value, TypeNode type)
    {
        var set = new FieldSetBuilder();
        AddFields(value, type, set, null, "");
        return set.Build();
    }

    private static void AddFields(JsonNode? value, TypeNode type, FieldSetBuilder set, FieldSetBuilder? parent, string element)
    {
        switch (value)
        {
            case JsonObject map when !type.AtomicMap:
                foreach (var (name, child) in map)
                {
                    var field = FieldElement.Field(name);
                    AddFields(child, type.Field(name), set.Below(field), set, field);
                    if (child is null or JsonObject { Count: 0 } || !type.NamesField(name))
                        set.Add(field);
                }

                break;
            case JsonArray list when type.List != ListForm.Atomic:
                foreach (var item in list)
                {
                    if (type.Element(item, out _) is not { } key)
                        continue;
                    AddFields(item, type.Items, set.Below(key), set, key);
                    set.Add(key);
                }

                break;
            default:
                parent?.Add(element);
                break;
        }
    }

    /// <summary>What differs from one value to another (<c>compare.go</c>).</summary>
    public static FieldComparison Compare(JsonObject before, JsonObject after, TypeNode type)
    {
        var (removed, modified, added) = (new FieldSetBuilder(), new FieldSetBuilder(), new FieldSetBuilder());
        CompareMaps(before, after, type, removed, modified, added);
        return new FieldComparison(removed.Build(), modified.Build(), added.Build());
    }

    private static void CompareMaps(
        JsonObject? before,
        JsonObject? after,
        TypeNode type,
        FieldSetBuilder removed,
        FieldSetBuilder modified,
        FieldSetBuilder added
    )
    {
        foreach (var name in Names(before).Union(Names(after)))
        {
            CompareChild(Child(before, name), Child(after, name), FieldElement.Field(name), type.Field(name), removed, modified, added);
        }

        static IEnumerable<string> Names(JsonObject? map) => map?.Select(p => p.Key) ?? [];
        static Present Child(JsonObject? map, string name) =>
            map is not null && map.TryGetPropertyValue(name, out var value) ? new Present(true, value) : default;
    }

    private static void CompareChild(
        Present before,
        Present after,
        string element,
        TypeNode type,
        FieldSetBuilder removed,
        FieldSetBuilder modified,
        FieldSetBuilder added
    )
    {
        if (before.Is && after.Is && JsonNode.DeepEquals(before.Value, after.Value))
            return;
        if (!before.Is)
            added.Add(element);
        if (!after.Is)
            removed.Add(element);
        var bothEmpty = before.IsEmptyContainer && after.IsEmptyContainer;
        if (!bothEmpty && before.FitsMap && after.FitsMap && !type.AtomicMap)
        {
            CompareMaps(
                before.Value as JsonObject,
                after.Value as JsonObject,
                type,
                removed.Below(element),
                modified.Below(element),
                added.Below(element)
            );
        }
        else if (!bothEmpty && before.FitsList && after.FitsList && type.List != ListForm.Atomic)
        {
            CompareLists(
                before.Value as JsonArray,
                after.Value as JsonArray,
                type,
                removed.Below(element),
                modified.Below(element),
                added.Below(element)
            );
        }
        else if (before.Is && after.Is)
        {
            modified.Add(element);
        }
    }

    private static void CompareLists(
        JsonArray? before,
        JsonArray? after,
        TypeNode type,
        FieldSetBuilder removed,
        FieldSetBuilder modified,
        FieldSetBuilder added
    )
    {
        var (left, right) = (Index(before, type), Index(after, type));
        foreach (var key in left.Keys.Union(right.Keys))
        {
            var (was, now) = (left.GetValueOrDefault(key), right.GetValueOrDefault(key));
            CompareChild(was, now, key, type.Items, removed, modified, added);
        }
    }

    /// <summary>
    /// The applied value laid over the live one (<c>merge.go</c>): the order is that of the applied one, with the live one's other items
    /// kept where they stand.
    /// </summary>
    public static JsonNode? Merge(JsonNode? live, JsonNode? applied, TypeNode type) =>
        (live, applied) switch
        {
            (JsonObject left, JsonObject right) when !type.AtomicMap => MergeMaps(left, right, type),
            (JsonArray left, JsonArray right) when type.List != ListForm.Atomic => MergeLists(left, right, type),
            _ => applied?.DeepClone(),
        };

    private static JsonObject MergeMaps(JsonObject left, JsonObject right, TypeNode type)
    {
        var result = new JsonObject();
        foreach (var (name, value) in left)
            result[name] = right.TryGetPropertyValue(name, out var over) ? Merge(value, over, type.Field(name)) : value?.DeepClone();
        foreach (var (name, value) in right)
        {
            if (!left.ContainsKey(name))
                result[name] = value?.DeepClone();
        }

        return result;
    }

    private static JsonArray MergeLists(JsonArray left, JsonArray right, TypeNode type)
    {
        var (live, applied) = (Keyed(left, type), Keyed(right, type));
        var liveByKey = live.DistinctBy(i => i.Key).ToDictionary(i => i.Key, i => i.Value);
        var appliedKeys = applied.Select(i => i.Key).ToHashSet();
        var result = new JsonArray();
        var next = 0; // of the applied items
        foreach (var (key, value) in live)
        {
            if (!appliedKeys.Contains(key))
            {
                result.Add(value?.DeepClone());
                continue;
            }

            // A shared item: everything applied up to it comes first, in the order that was applied.
            if (applied.FindIndex(next, i => i.Key == key) is var at && at < 0)
                continue;
            for (; next <= at; next++)
                Add(applied[next]);
        }

        for (; next < applied.Count; next++)
            Add(applied[next]);
        return result;

        void Add((string Key, JsonNode? Value) item) =>
            result.Add(liveByKey.TryGetValue(item.Key, out var under) ? Merge(under, item.Value, type.Items) : item.Value?.DeepClone());
    }

    /// <summary>The value without some of its fields (<c>remove.go</c>). Null when nothing is left of it.</summary>
    public static JsonNode? Remove(JsonNode? value, FieldSet fields, TypeNode type)
    {
        switch (value)
        {
            case JsonObject { Count: > 0 } map:
                if (type.AtomicMap)
                    return null;
                var kept = new JsonObject();
                foreach (var (name, child) in map)
                {
                    var element = FieldElement.Field(name);
                    if (fields.Members.Contains(element))
                        continue;
                    var rest = fields.Children.TryGetValue(element, out var below)
                        ? Remove(child, below, type.Field(name))
                        : child?.DeepClone();
                    // what is left empty-handed goes too: defaulting would drop the null that stands there otherwise
                    if (rest is not null || child is null)
                        kept[name] = rest;
                }

                return kept.Count == 0 ? null : kept;
            case JsonArray { Count: > 0 } list:
                if (type.List == ListForm.Atomic)
                    return null;
                var items = new JsonArray();
                foreach (var (key, item) in Keyed(list, type))
                {
                    if (fields.Members.Contains(key))
                        continue;
                    items.Add(fields.Children.TryGetValue(key, out var below) ? Remove(item, below, type.Items) : item?.DeepClone());
                }

                return items.Count == 0 ? null : items;
            case JsonObject or JsonArray:
                return null;
            default:
                return value?.DeepClone();
        }
    }

    /// <summary>Why an applied object does not fit its type; empty when it does.</summary>
    public static IEnumerable<string> Misfits(JsonNode? value, TypeNode type, string path = "")
    {
        if (value is JsonObject map)
        {
            foreach (var (name, child) in map)
            {
                var at = $"{path}.{name}";
                if (!type.Allows(name))
                    yield return $"{at}: field not declared in schema";
                else
                {
                    foreach (var misfit in Misfits(child, type.Field(name), at))
                        yield return misfit;
                }
            }
        }
        else if (value is JsonArray list && type.List != ListForm.Atomic)
        {
            var seen = new HashSet<string>();
            for (var i = 0; i < list.Count; i++)
            {
                if (type.Element(list[i], out var error) is not { } key)
                    yield return $"{path}: element {i}: {error}";
                else if (!seen.Add(key))
                    yield return $"{path}: duplicate entries for key {FieldElement.Display(key)}";
                else
                {
                    foreach (var misfit in Misfits(list[i], type.Items, path + FieldElement.Display(key)))
                        yield return misfit;
                }
            }
        }
        else if (value is JsonArray whole)
        {
            for (var i = 0; i < whole.Count; i++)
            {
                foreach (var misfit in Misfits(whole[i], type.Items, $"{path}[{i}]"))
                    yield return misfit;
            }
        }
    }

    private static List<(string Key, JsonNode? Value)> Keyed(JsonArray list, TypeNode type) =>
        [.. list.Select((item, i) => (type.Element(item, out _) ?? $"i:{i}", item))];

    private static Dictionary<string, Present> Index(JsonArray? list, TypeNode type) =>
        list is null ? [] : Keyed(list, type).DistinctBy(i => i.Key).ToDictionary(i => i.Key, i => new Present(true, i.Value));

    /// <summary>JSON's null is a value; that there is none is another thing.</summary>
    private readonly record struct Present(bool Is, JsonNode? Value)
    {
        public bool FitsMap => Value is JsonObject || (!Is || Value is null);

        public bool FitsList => Value is JsonArray || (!Is || Value is null);

        public bool IsEmptyContainer => Value is null or JsonObject { Count: 0 } or JsonArray { Count: 0 };
    }
}
