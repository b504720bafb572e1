using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Apply;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.Cluster.Workloads;

/// <summary>
/// The scheduler (pkg/scheduler): of the nodes that fit, a Pod gets the one with the fewest Pods; where none fits, its condition and an
/// Event say why, in the scheduler's words. It counts extended resources, and no processors and no memory.
/// </summary>
/// <param name="takesPod">Which Pods are this scheduler's.</param>
internal sealed class PodScheduler(IClusterObjects objects, PodEvents events, Func<JsonObject, bool> takesPod, TimeProvider time)
{
    private const string Scheduler = "default-scheduler";

    public void Reconcile()
    {
        var pods = objects.List("pods");
        var waiting = pods.Where(p => IsLive(p) && NodeOf(p).Length == 0 && !PodTemplate.IsDeleting(p) && takesPod(p)).ToImmutableArray();
        if (waiting.IsEmpty || objects.List("nodes") is not { IsEmpty: false } nodes)
            return;
        var bound = pods.Where(p => IsLive(p) && NodeOf(p).Length > 0).ToLookup(NodeOf).ToDictionary(n => n.Key, n => n.ToList());
        foreach (var pod in waiting.OrderBy(p => p["metadata"].Text("creationTimestamp"), StringComparer.Ordinal))
        {
            var obstacles = nodes.Select(n => (Node: n, Fit: NodeFit.Obstacles(pod, n, r => Free(n, r)))).ToImmutableArray();
            var fitting = obstacles.Where(o => o.Fit.Reasons.IsEmpty).Select(o => o.Node["metadata"].Text("name"));
            if (fitting.MinBy(n => On(n).Count) is { } node)
                On(node).Add(Bind(pod, node));
            else
                Refuse(pod, Words([.. obstacles.Select(o => o.Fit)]));
        }

        List<JsonObject> On(string node) => bound.TryGetValue(node, out var there) ? there : bound[node] = [];

        int Free(JsonObject node, string resource) =>
            PodRequests.Count(node["status"].Object("allocatable")?[resource])
            - On(node["metadata"].Text("name")).Sum(p => PodRequests.Of(p).GetValueOrDefault(resource));
    }

    /// <summary>
    /// As <c>FitError</c> says it (pkg/scheduler/framework/types.go), with what preemption found: nobody here has priority over others.
    /// </summary>
    private static string Words(ImmutableArray<(ImmutableArray<string> Reasons, bool IsOfResources)> fits)
    {
        var none = string.Create(CultureInfo.InvariantCulture, $"0/{fits.Length} nodes are available: ");
        var helped = fits.Select(f =>
            f.IsOfResources ? "No preemption victims found for incoming pod" : "Preemption is not helpful for scheduling"
        );
        return $"{none}{Counted(fits.SelectMany(f => f.Reasons))}. preemption: {none}{Counted(helped)}.";
    }

    private static string Counted(IEnumerable<string> reasons) =>
        string.Join(
            ", ",
            reasons
                .GroupBy(r => r)
                .Select(r => string.Create(CultureInfo.InvariantCulture, $"{r.Count()} {r.Key}"))
                .Order(StringComparer.Ordinal)
        );

    private JsonObject Bind(JsonObject pod, string node)
    {
        var (name, ns) = (pod["metadata"].Text("name"), pod["metadata"].Text("namespace"));
        objects.Change("pods", name, p => p["spec"]!["nodeName"] = node, ns, manager: "kube-scheduler");
        var assigned = Tell(pod, ("status", "True"));
        events.Write(pod, "Normal", "Scheduled", $"Successfully assigned {ns}/{name} to {node}", Scheduler);
        return assigned;
    }

    private void Refuse(JsonObject pod, string message)
    {
        if (Condition(pod)?.Text("message") == message)
            return;
        Tell(pod, ("status", "False"), ("reason", "Unschedulable"), ("message", message));
        events.Write(pod, "Warning", "FailedScheduling", message, Scheduler);
    }

    private JsonObject Tell(JsonObject pod, params ReadOnlySpan<(string Key, string Value)> fields)
    {
        var condition = new JsonObject { ["type"] = "PodScheduled", ["lastTransitionTime"] = ManagedFields.TimeText(time.GetUtcNow()) };
        foreach (var (key, value) in fields)
            condition[key] = value;
        return objects.Change(
            "pods",
            pod["metadata"].Text("name"),
            p => p.Ensure("status")["conditions"] = new JsonArray([.. Others(p).Select(c => c.DeepClone()), condition.DeepClone()]),
            pod["metadata"].Text("namespace"),
            "status",
            "kube-scheduler"
        );
    }

    private static IEnumerable<JsonObject> Others(JsonObject pod) =>
        pod.Object("status").Objects("conditions").Where(c => c.Text("type") != "PodScheduled");

    private static JsonObject? Condition(JsonObject pod) =>
        pod.Object("status").Objects("conditions").FirstOrDefault(c => c.Text("type") == "PodScheduled");

    private static bool IsLive(JsonObject pod) => pod.Object("status").Text("phase") is not ("Succeeded" or "Failed");

    private static string NodeOf(JsonObject pod) => pod["spec"].Text("nodeName");
}
