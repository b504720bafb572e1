using System.Globalization;
using System.Text.Json.Nodes;
using static Hostdev.Sandbox.ApiServer.Schema.BuiltInColumns;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>Cells of built-in kinds that are made of several fields.</summary>
internal static class BuiltInCells
{
    private const string RolePrefix = "node-role.kubernetes.io/";

    public static string NodeStatus(JsonObject node)
    {
        var ready = Items(node, "status.conditions").FirstOrDefault(c => At(c, "type") == "Ready");
        var status =
            ready is null ? "Unknown"
            : At(ready, "status") == "True" ? "Ready"
            : "NotReady";
        return JsonType.IsTrue(Find(node, "spec.unschedulable")) ? $"{status},SchedulingDisabled" : status;
    }

    public static string NodeRoles(JsonObject node)
    {
        var labels = Find(node, "metadata.labels") as JsonObject ?? [];
        var roles = labels.Select(l =>
            l.Key.StartsWith(RolePrefix, StringComparison.Ordinal) ? l.Key[RolePrefix.Length..]
            : l.Key == "kubernetes.io/role" ? JsonType.Text(l.Value) ?? ""
            : ""
        );
        return string.Join(',', roles.Where(r => r.Length > 0).Order(StringComparer.Ordinal)) is { Length: > 0 } text ? text : "<none>";
    }

    public static string NodeAddress(JsonObject node, string type) =>
        At(Items(node, "status.addresses").FirstOrDefault(a => At(a, "type") == type), "address") ?? "<none>";

    public static string PodReady(JsonObject pod)
    {
        var ready = Items(pod, "status.containerStatuses")
            .Count(c => JsonType.IsTrue(c["ready"]) && Find(c, "state.running") is JsonObject);
        return string.Create(CultureInfo.InvariantCulture, $"{ready}/{Items(pod, "spec.containers").Count()}");
    }

    /// <summary>What kubectl calls STATUS: the phase, or why a container does not run, or that the pod is going.</summary>
    public static string PodStatus(JsonObject pod)
    {
        if (At(pod, "metadata.deletionTimestamp") is not null)
            return At(pod, "status.reason") == "NodeLost" ? "Unknown" : "Terminating";
        var containers = Items(pod, "status.containerStatuses")
            .Select(c => At(c, "state.waiting.reason") ?? Terminated(c))
            .OfType<string>()
            .FirstOrDefault();
        return containers ?? At(pod, "status.reason") ?? At(pod, "status.phase") ?? "";
    }

    public static string JobStatus(JsonObject job)
    {
        var last = Items(job, "status.conditions").Where(c => At(c, "status") == "True").Select(c => At(c, "type")).LastOrDefault();
        return last ?? (At(job, "metadata.deletionTimestamp") is not null ? "Terminating" : "Running");
    }

    public static string JobCompletions(JsonObject job)
    {
        var wanted = Find(job, "spec.completions") is null ? 1 : Count(job, "spec.completions");
        return string.Create(CultureInfo.InvariantCulture, $"{Count(job, "status.succeeded")}/{wanted}");
    }

    public static string PodRestarts(JsonObject pod) =>
        Items(pod, "status.containerStatuses").Sum(c => Count(c, "restartCount")).ToString(CultureInfo.InvariantCulture);

    public static string EventFirstSeen(JsonObject item, DateTimeOffset now) =>
        TableColumn.Age(At(item, "firstTimestamp") ?? At(item, "deprecatedFirstTimestamp") ?? At(item, "eventTime"), now);

    public static string EventLastSeen(JsonObject item, DateTimeOffset now) =>
        (At(item, "series.lastObservedTime") ?? At(item, "lastTimestamp") ?? At(item, "deprecatedLastTimestamp")) is { } last
            ? TableColumn.Age(last, now)
            : EventFirstSeen(item, now);

    public static string EventObject(JsonObject item)
    {
        var target = Find(item, "involvedObject") ?? Find(item, "regarding");
        var kind = (At(target, "kind") ?? "").ToLowerInvariant();
        return At(target, "name") is { } name ? $"{kind}/{name}" : kind;
    }

    public static string EventSource(JsonObject item)
    {
        var component =
            At(item, "source.component")
            ?? At(item, "deprecatedSource.component")
            ?? At(item, "reportingComponent")
            ?? At(item, "reportingController")
            ?? "";
        var host = At(item, "source.host") ?? At(item, "deprecatedSource.host") ?? At(item, "reportingInstance");
        return host is null ? component : $"{component}, {host}";
    }

    /// <summary>An event that came once has no count.</summary>
    public static long EventCount(JsonObject item)
    {
        var counts = new[] { Count(item, "series.count"), Count(item, "count"), Count(item, "deprecatedCount") };
        return counts.FirstOrDefault(c => c > 0, 1);
    }

    private static string? Terminated(JsonObject container)
    {
        if (Find(container, "state.terminated") is not JsonObject terminated)
            return null;
        return At(terminated, "reason")
            ?? (Count(terminated, "signal") is var signal and not 0 ? $"Signal:{signal}" : $"ExitCode:{Count(terminated, "exitCode")}");
    }

    private static IEnumerable<JsonObject> Items(JsonNode item, string path) => (Find(item, path) as JsonArray)?.OfType<JsonObject>() ?? [];
}
