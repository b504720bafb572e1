using System.Text.Json;

namespace Hostdev.Crds.Rules;

/// <summary>One place of a spec that a rule's location means.</summary>
/// <param name="Old">What stood there before; undefined where nothing did, and in lists whose items have no key.</param>
/// <param name="IsUnchanged">It, or what it is part of, stood there before as it stands now.</param>
internal readonly record struct RulePlace(string Path, JsonElement Self, JsonElement Old, bool IsUnchanged)
{
    public static IEnumerable<RulePlace> All(string location, JsonElement spec, JsonElement oldSpec)
    {
        IEnumerable<RulePlace> places = [new RulePlace("spec", spec, oldSpec, AreSame(spec, oldSpec))];
        foreach (var segment in location.Split('.').Skip(1))
        {
            var list = segment.IndexOf('[', StringComparison.Ordinal);
            var name = list < 0 ? segment : segment[..list];
            places = places.Select(p => p.Field(name));
            if (list >= 0)
                places = places.SelectMany(p => p.Items(segment[(list + 1)..^1]));
        }

        return places.Where(p => p.Self.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null));
    }

    private RulePlace Field(string name) => Below($"{Path}.{name}", Self.Get(name), Old.Get(name));

    private IEnumerable<RulePlace> Items(string key)
    {
        var here = this;
        return Self.Items()
            .Select(
                (item, i) =>
                    here.Below(
                        $"{here.Path}[{i}]",
                        item,
                        key == "*" ? default : here.Old.Items().FirstOrDefault(o => o.Text(key) == item.Text(key))
                    )
            );
    }

    private RulePlace Below(string path, JsonElement self, JsonElement old) => new(path, self, old, IsUnchanged || AreSame(self, old));

    private static bool AreSame(JsonElement self, JsonElement old) =>
        old.ValueKind != JsonValueKind.Undefined && self.ValueKind == old.ValueKind && JsonElement.DeepEquals(self, old);
}

/// <summary>JSON as rules read it: what is absent, null or of another type is nothing.</summary>
internal static class JsonReading
{
    public static JsonElement Get(this JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null
            ? value
            : default;

    public static bool Has(this JsonElement element, string name) => element.Get(name).ValueKind != JsonValueKind.Undefined;

    /// <summary>Whether the list <paramref name="name"/> has an item.</summary>
    public static bool HasAny(this JsonElement element, string name) => element.Get(name).Items().Any();

    public static IEnumerable<JsonElement> Items(this JsonElement element) =>
        element.ValueKind == JsonValueKind.Array ? element.EnumerateArray() : [];

    public static string? Text(this JsonElement element, string name) =>
        element.Get(name) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    public static long? Number(this JsonElement element, string name) =>
        element.Get(name) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt64(out var value) ? value : null;
}
