using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// The value that stood at the same place before an update, where that place can be found: members by name, items of a list by their keys.
/// </summary>
internal readonly record struct Previous(JsonNode? Value, bool IsKnown = true)
{
    public static Previous None => default;

    public Previous Member(string name) =>
        IsKnown && Value is JsonObject members && members.TryGetPropertyValue(name, out var member) ? new Previous(member) : None;

    /// <summary>
    /// Finds items where only those of a list of type map can be told apart (apiserver <c>CorrelatedObject.Index</c>). They are looked up
    /// by their keys: a list of thousands, walked item by item, must not be searched for each of them.
    /// </summary>
    public Func<JsonNode?, Previous> Items(StructuralSchema list)
    {
        if (!IsKnown || list.ListType != "map" || Value is not JsonArray items)
            return _ => None;
        var byKeys = new Dictionary<string, JsonObject>();
        foreach (var item in items.OfType<JsonObject>())
            byKeys.TryAdd(Keys(item, list), item);
        return item => item is JsonObject wanted && byKeys.TryGetValue(Keys(wanted, list), out var same) ? new Previous(same) : None;
    }

    /// <summary>What did not change is not refused.</summary>
    public bool IsSame(JsonNode? value) => IsKnown && JsonType.Equal(Value, value);

    private static string Keys(JsonObject item, StructuralSchema list) =>
        string.Join('\0', list.ListMapKeys.Select(key => item[key]?.ToJsonString()));
}
