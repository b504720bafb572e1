using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.Cluster.Workloads;

/// <summary>
/// Whether a Pod may run on a node, in the words and the order of the scheduler's filters (pkg/scheduler/framework/plugins:
/// nodeunschedulable, tainttoleration, nodeaffinity, noderesources). The first that refuses is the one that speaks.
/// </summary>
internal static class NodeFit
{
    private const string Unschedulable = "node.kubernetes.io/unschedulable";

    /// <param name="free">How many of a resource the node has left.</param>
    /// <returns>Why not, empty when it fits; and whether the end of other Pods could change it.</returns>
    public static (ImmutableArray<string> Reasons, bool IsOfResources) Obstacles(JsonObject pod, JsonObject node, Func<string, int> free)
    {
        if (node["spec"]?["unschedulable"]?.GetValue<bool>() == true && !Tolerates(pod, Unschedulable, "", "NoSchedule"))
            return (["node(s) were unschedulable"], false);
        var taint = node["spec"]
            .Objects("taints")
            .Where(t => t.Text("effect") != "PreferNoSchedule")
            .FirstOrDefault(t => !Tolerates(pod, t.Text("key"), t.Text("value"), t.Text("effect")));
        if (taint is not null)
            return ([$"node(s) had untolerated taint {{{taint.Text("key")}: {taint.Text("value")}}}"], false);
        if (!IsSelected(pod, node))
            return (["node(s) didn't match Pod's node affinity/selector"], false);
        return ([.. PodRequests.Of(pod).Where(r => free(r.Key) < r.Value).Select(r => $"Insufficient {r.Key}")], true);
    }

    private static bool Tolerates(JsonObject pod, string key, string value, string effect) =>
        pod["spec"]
            .Objects("tolerations")
            .Any(t =>
                (t.Text("effect") is var e && (e.Length == 0 || e == effect))
                && (
                    t.Text("operator") == "Exists"
                        ? t.Text("key") is var any && (any.Length == 0 || any == key)
                        : t.Text("key") == key && t.Text("value") == value
                )
            );

    private static bool IsSelected(JsonObject pod, JsonObject node)
    {
        var labels = node["metadata"].Object("labels") ?? [];
        if (!(pod["spec"].Object("nodeSelector") ?? []).All(s => labels[s.Key].AsText() == s.Value.AsText()))
            return false;
        var required = pod["spec"].Object("affinity").Object("nodeAffinity").Object("requiredDuringSchedulingIgnoredDuringExecution");
        var fields = new JsonObject { ["metadata.name"] = node["metadata"].Text("name") };
        return required is null
            || required
                .Objects("nodeSelectorTerms")
                .Any(t =>
                    (t["matchExpressions"] ?? t["matchFields"]) is not null // a term without either selects nothing
                    && t.Objects("matchExpressions").All(e => Matches(e, labels))
                    && t.Objects("matchFields").All(e => Matches(e, fields))
                );
    }

    private static bool Matches(JsonObject expression, JsonObject values)
    {
        var (value, named) = (values[expression.Text("key")].AsText(), expression.Texts("values").ToList());
        return expression.Text("operator") switch
        {
            "In" => value is not null && named.Contains(value),
            "NotIn" => value is null || !named.Contains(value),
            "Exists" => value is not null,
            "DoesNotExist" => value is null,
            "Gt" => Number(value) > Number(named.FirstOrDefault()),
            "Lt" => Number(value) < Number(named.FirstOrDefault()),
            _ => false,
        };
    }

    private static long? Number(string? text) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;
}
