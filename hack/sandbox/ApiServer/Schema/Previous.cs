using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>The value that stood at the same place before an update, where that place can be found: members by name, items of a list by their keys.</summary>
internal readonly record struct Previous(JsonNode? Value, bool IsKnown = true)
{
    public static Previous None => default;

    public Previous Member(string name) => IsKnown && Value is JsonObject members && members.TryGetPropertyValue(name, out var member) ? new Previous(member) : None;

    /// <summary>Only items of a list of type map can be told apart (apiserver <c>CorrelatedObject.Index</c>).</summary>
    public Previous Item(JsonNode? item, StructuralSchema list)
    {
        if (!IsKnown || list.ListType != "map" || Value is not JsonArray items || item is not JsonObject wanted) return None;
        var same = items.FirstOrDefault(i => i is JsonObject candidate && list.ListMapKeys.All(key => JsonType.Equal(candidate[key], wanted[key])));
        return same is null ? None : new Previous(same);
    }

    /// <summary>What did not change is not refused.</summary>
    public bool IsSame(JsonNode? value) => IsKnown && JsonType.Equal(Value, value);
}
