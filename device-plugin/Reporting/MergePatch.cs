using System.Text.Json.Nodes;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>The difference between two JSON objects as a merge patch (RFC 7386).</summary>
public static class MergePatch
{
    /// <summary>What makes <paramref name="before"/> into <paramref name="after"/>: changed members, and null for those that went. Null
    /// when nothing differs.</summary>
    public static JsonObject? Between(JsonObject before, JsonObject after)
    {
        var patch = new JsonObject();
        foreach (var (name, _) in before)
        {
            if (!after.ContainsKey(name))
                patch[name] = null;
        }

        foreach (var (name, value) in after)
        {
            var old = before[name];
            if (before.ContainsKey(name) && JsonNode.DeepEquals(old, value))
                continue;
            patch[name] = old is JsonObject from && value is JsonObject to ? Between(from, to) : value?.DeepClone();
        }

        return patch.Count == 0 ? null : patch;
    }
}
