using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Kube.Meta;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// The columns of built-in kinds as Kubernetes has them (<c>pkg/printers/internalversion/printers.go</c>). Empty for a kind that is shown
/// with name and age.
/// </summary>
internal static class BuiltInColumns
{
    private static readonly TableColumn s_age = Text("Age", (item, now) => TableColumn.Age(At(item, "metadata.creationTimestamp"), now));

    public static ImmutableArray<TableColumn> For(KubeResource resource) =>
        resource.FullName switch
        {
            "namespaces" => [TableColumn.Name, Text("Status", "status.phase"), s_age],
            "leases.coordination.k8s.io" => [TableColumn.Name, Text("Holder", "spec.holderIdentity"), s_age],
            "configmaps" =>
            [
                TableColumn.Name,
                Number("Data", item => (item["data"] as JsonObject)?.Count + ((item["binaryData"] as JsonObject)?.Count ?? 0) ?? 0),
                s_age,
            ],
            "customresourcedefinitions.apiextensions.k8s.io" =>
            [
                TableColumn.Name,
                new(new PrinterColumn("Created At", "date", ""), (item, _) => At(item, "metadata.creationTimestamp")),
            ],
            "nodes" => Nodes(),
            "pods" => Pods(),
            "events" or "events.events.k8s.io" => Events(),
            "deployments.apps" =>
            [
                TableColumn.Name,
                Text("Ready", (item, _) => $"{Count(item, "status.readyReplicas")}/{Count(item, "spec.replicas")}"),
                Number("Up-to-date", item => Count(item, "status.updatedReplicas")),
                Number("Available", item => Count(item, "status.availableReplicas")),
                s_age,
            ],
            "replicasets.apps" =>
            [
                TableColumn.Name,
                Number("Desired", item => Count(item, "spec.replicas")),
                Number("Current", item => Count(item, "status.replicas")),
                Number("Ready", item => Count(item, "status.readyReplicas")),
                s_age,
            ],
            "jobs.batch" =>
            [
                TableColumn.Name,
                Text("Status", (item, _) => BuiltInCells.JobStatus(item)),
                Text("Completions", (item, _) => BuiltInCells.JobCompletions(item)),
                s_age,
            ],
            "secrets" => [TableColumn.Name, Text("Type", "type"), Number("Data", item => (item["data"] as JsonObject)?.Count ?? 0), s_age],
            "daemonsets.apps" =>
            [
                TableColumn.Name,
                Number("Desired", item => Count(item, "status.desiredNumberScheduled")),
                Number("Current", item => Count(item, "status.currentNumberScheduled")),
                Number("Ready", item => Count(item, "status.numberReady")),
                Number("Up-to-date", item => Count(item, "status.updatedNumberScheduled")),
                Number("Available", item => Count(item, "status.numberAvailable")),
                s_age,
            ],
            _ => [],
        };

    private static ImmutableArray<TableColumn> Nodes() =>
        [
            TableColumn.Name,
            Text("Status", (item, _) => BuiltInCells.NodeStatus(item)),
            Text("Roles", (item, _) => BuiltInCells.NodeRoles(item)),
            s_age,
            Text("Version", "status.nodeInfo.kubeletVersion"),
            Text("Internal-IP", (item, _) => BuiltInCells.NodeAddress(item, "InternalIP"), priority: 1),
            Text("External-IP", (item, _) => BuiltInCells.NodeAddress(item, "ExternalIP"), priority: 1),
            Text("OS-Image", "status.nodeInfo.osImage", 1, "<unknown>"),
            Text("Kernel-Version", "status.nodeInfo.kernelVersion", 1, "<unknown>"),
            Text("Container-Runtime", "status.nodeInfo.containerRuntimeVersion", 1, "<unknown>"),
        ];

    private static ImmutableArray<TableColumn> Pods() =>
        [
            TableColumn.Name,
            Text("Ready", (item, _) => BuiltInCells.PodReady(item)),
            Text("Status", (item, _) => BuiltInCells.PodStatus(item)),
            Text("Restarts", (item, _) => BuiltInCells.PodRestarts(item)),
            s_age,
            Text("IP", "status.podIP", 1, "<none>"),
            Text("Node", "spec.nodeName", 1, "<none>"),
            Text("Nominated Node", "status.nominatedNodeName", 1, "<none>"),
            Text("Readiness Gates", (_, _) => "<none>", priority: 1),
        ];

    /// <summary>Both groups that events have show the same; their name stands last.</summary>
    private static ImmutableArray<TableColumn> Events() =>
        [
            Text("Last Seen", BuiltInCells.EventLastSeen),
            Text("Type", "type"),
            Text("Reason", "reason"),
            Text("Object", (item, _) => BuiltInCells.EventObject(item)),
            Text("Subobject", (item, _) => At(item, "involvedObject.fieldPath") ?? At(item, "regarding.fieldPath") ?? "", priority: 1),
            Text("Source", (item, _) => BuiltInCells.EventSource(item), priority: 1),
            Text("Message", (item, _) => (At(item, "message") ?? At(item, "note") ?? "").Trim()),
            Text("First Seen", BuiltInCells.EventFirstSeen, priority: 1),
            new(new PrinterColumn("Count", "string", "", Priority: 1), (item, _) => BuiltInCells.EventCount(item)),
            TableColumn.Name with
            {
                Header = TableColumn.Name.Header with { Priority = 1 },
            },
        ];

    private static TableColumn Text(string name, Func<JsonObject, DateTimeOffset, string> text, int priority = 0) =>
        new(new PrinterColumn(name, "string", "", Priority: priority), (item, now) => text(item, now));

    private static TableColumn Text(string name, string path, int priority = 0, string absent = "") =>
        Text(name, (item, _) => At(item, path) ?? absent, priority);

    private static TableColumn Number(string name, Func<JsonObject, long> number) =>
        new(new PrinterColumn(name, "integer", ""), (item, _) => number(item));

    internal static JsonNode? Find(JsonNode? item, string path) =>
        path.Split('.').Aggregate(item, (value, name) => (value as JsonObject)?[name]);

    /// <summary>The text at a path; null for none and for an empty one.</summary>
    internal static string? At(JsonNode? item, string path) => JsonType.Text(Find(item, path)) is { Length: > 0 } text ? text : null;

    internal static long Count(JsonNode? item, string path) => JsonType.TryInteger(Find(item, path), out var count) ? count : 0;
}
