using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Patching;

/// <summary>
/// Strategic merge patch for built-in kinds (apimachinery <c>pkg/util/strategicpatch</c>): maps are merged, lists that have a merge key
/// item by item, lists of words that merge as sets, other lists are replaced. The keys are those of the types that kubectl changes here:
/// metadata, nodes, pods and their containers, services, namespaces.
/// </summary>
internal static class StrategicMergePatch
{
    private const string Directive = "$patch";
    private const string DeleteItems = "$deleteFromPrimitiveList/";
    private const string Order = "$setElementOrder/";
    private const string RetainKeys = "$retainKeys";

    /// <summary>By the list's name; the merge keys in <c>k8s.io/api</c> differ by type only for ports.</summary>
    private static readonly Dictionary<string, string> s_mergeKeys = new()
    {
        ["ownerReferences"] = "uid",
        ["conditions"] = "type",
        ["addresses"] = "type",
        ["containers"] = "name",
        ["initContainers"] = "name",
        ["ephemeralContainers"] = "name",
        ["volumes"] = "name",
        ["env"] = "name",
        ["volumeMounts"] = "mountPath",
        ["volumeDevices"] = "devicePath",
        ["imagePullSecrets"] = "name",
        ["hostAliases"] = "ip",
        ["secrets"] = "name",
        ["topologySpreadConstraints"] = "topologyKey",
    };

    private static readonly HashSet<string> s_sets = ["finalizers", "podCIDRs"];

    /// <summary>Changes <paramref name="target"/>.</summary>
    public static JsonObject Apply(JsonObject target, JsonObject patch)
    {
        switch (patch.Text(Directive))
        {
            case "replace":
                return Plain(patch);
            case "delete":
                return [];
        }

        if (patch[RetainKeys] is JsonArray retained)
        {
            var names = retained.Select(n => n.AsText()).ToHashSet();
            foreach (var name in target.Select(p => p.Key).Where(n => !names.Contains(n)).ToList())
                target.Remove(name);
        }

        foreach (var (name, value) in patch.Where(p => p.Key.StartsWith(DeleteItems, StringComparison.Ordinal)))
        {
            var words = (value as JsonArray ?? []).Select(n => n?.ToJsonString()).ToHashSet();
            if (target[name[DeleteItems.Length..]] is JsonArray list)
                target[name[DeleteItems.Length..]] = new JsonArray([
                    .. list.Where(i => !words.Contains(i?.ToJsonString())).Select(i => i?.DeepClone()),
                ]);
        }

        foreach (var (name, value) in patch.Where(p => !p.Key.StartsWith('$')))
        {
            if (value is null)
                target.Remove(name);
            else
                target[name] = Merged(name, target[name], value);
        }

        foreach (var (name, value) in patch.Where(p => p.Key.StartsWith(Order, StringComparison.Ordinal)))
        {
            var list = name[Order.Length..];
            if (target[list] is JsonArray items && value is JsonArray order)
                target[list] = Sorted(items, order, KeyOf(list, items));
        }

        return target;
    }

    private static JsonNode Merged(string name, JsonNode? there, JsonNode value) =>
        (there, value) switch
        {
            (JsonObject map, JsonObject patch) => Apply((JsonObject)map.DeepClone(), patch),
            (_, JsonObject patch) => Apply([], patch),
            (var list, JsonArray patch) when KeyOf(name, patch) is { } key => Items(list as JsonArray ?? [], patch, key),
            (JsonArray list, JsonArray patch) when s_sets.Contains(name) => new JsonArray([
                .. list.Concat(patch).DistinctBy(i => i?.ToJsonString()).Select(i => i?.DeepClone()),
            ]),
            _ => value.DeepClone(),
        };

    private static JsonArray Items(JsonArray there, JsonArray patch, string key)
    {
        if (patch.OfType<JsonObject>().Any(i => i.Text(Directive) == "replace"))
            return new JsonArray([.. patch.OfType<JsonObject>().Where(i => i.Text(Directive) != "replace").Select(i => i.DeepClone())]);
        var items = there.OfType<JsonObject>().Select(i => (JsonObject)i.DeepClone()).ToList();
        foreach (var change in patch.OfType<JsonObject>())
        {
            var at = items.FindIndex(i => JsonNode.DeepEquals(i[key], change[key]));
            if (change.Text(Directive) == "delete")
            {
                if (at >= 0)
                    items.RemoveAt(at);
            }
            else if (at >= 0)
                items[at] = Apply(items[at], change);
            else
                items.Add(Apply([], change));
        }

        return new JsonArray([.. items]);
    }

    /// <summary>Items that the order names stand as it says; the others behind them, as they stood.</summary>
    private static JsonArray Sorted(JsonArray items, JsonArray order, string? key)
    {
        var wanted = order.Select(o => (key is null ? o : o?[key])?.ToJsonString()).ToList();
        return new JsonArray([
            .. items
                .OrderBy(i => wanted.IndexOf((key is null ? i : i?[key])?.ToJsonString()) is var at && at < 0 ? int.MaxValue : at)
                .Select(i => i?.DeepClone()),
        ]);
    }

    private static string? KeyOf(string name, JsonArray items) =>
        name switch
        {
            "ports" => items.OfType<JsonObject>().Any(i => i.ContainsKey("containerPort")) ? "containerPort" : "port",
            _ when items.Any(i => i is not JsonObject) => null,
            _ => s_mergeKeys.GetValueOrDefault(name),
        };

    /// <summary>Without directives.</summary>
    private static JsonObject Plain(JsonObject patch)
    {
        var copy = (JsonObject)patch.DeepClone();
        foreach (var name in copy.Select(p => p.Key).Where(n => n.StartsWith('$')).ToList())
            copy.Remove(name);
        return copy;
    }
}
