using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.Cluster.Workloads;

/// <summary>
/// What kubelets write of their devices into their Node (pkg/kubelet/nodestatus/setters.go, <c>MachineInfo</c>): all of them as capacity,
/// the healthy ones as allocatable. A resource whose plugin has gone for good stays there with 0.
/// </summary>
internal sealed class NodeCapacity(IClusterObjects objects, SandboxCluster cluster)
{
    /// <summary>What every machine has besides; nobody here counts it.</summary>
    private static readonly ImmutableArray<(string Name, string Quantity)> s_machine =
    [
        ("cpu", "64"),
        ("ephemeral-storage", "457Gi"),
        ("memory", "256Gi"),
        ("pods", "110"),
    ];

    public void Reconcile()
    {
        foreach (var node in cluster.Nodes)
        {
            if (objects.Get("nodes", node.Name) is not { } seen)
                continue;
            var resources = node.Kubelet.Registrations.Keys.Order(StringComparer.Ordinal).ToImmutableArray();
            var capacity = Quantities(resources, node.Kubelet.Capacity);
            var allocatable = Quantities(resources, node.Kubelet.Allocatable);
            var status = seen["status"];
            if (JsonNode.DeepEquals(status?["capacity"], capacity) && JsonNode.DeepEquals(status?["allocatable"], allocatable))
                continue;
            objects.Change(
                "nodes",
                node.Name,
                n => (n.Ensure("status")["capacity"], n["status"]!["allocatable"]) = (capacity.DeepClone(), allocatable.DeepClone()),
                "",
                "status",
                "kubelet"
            );
        }
    }

    private static JsonObject Quantities(ImmutableArray<string> resources, Func<string, int?> count) =>
        new(
            s_machine
                .Concat(resources.Select(r => (Name: r, Quantity: (count(r) ?? 0).ToString(CultureInfo.InvariantCulture))))
                .Select(r => KeyValuePair.Create(r.Name, (JsonNode?)r.Quantity))
        );
}
