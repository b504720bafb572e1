using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Kube.Client;
using Hostdev.Kube.Control;
using Hostdev.Kube.Meta;
using Hostdev.Projection;

namespace Hostdev.Operator.Reconcilers;

/// <summary>Brings the labels of one Node to what its agent reports.</summary>
internal sealed class NodeLabelReconciler(KubeClient client, ClusterStores stores, Func<string, NodeView?> view)
{
    private static readonly KubeKind<PartialObjectMetadata> Nodes = PartialObjectMetadata.Of(ClusterStores.NodeResource);
    private static readonly WriteOptions Write = new() { FieldManager = OperatorOptions.LabelFieldManager, Force = true };

    /// <summary>
    /// What was asked for and what came of it. A label that somebody else owns too does not go by leaving it out: that is not tried again
    /// and again.
    /// </summary>
    private readonly ConcurrentDictionary<string, (ImmutableSortedSet<string> Asked, ImmutableSortedSet<string> Got)> _applied = new();

    public async Task<ReconcileResult> ReconcileAsync(string node, CancellationToken cancellationToken)
    {
        if (view(node) is not { } seen || !Differs(seen) || NodeLabels.Of(seen) is not { } labels)
            return ReconcileResult.Done;
        var body = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Node",
            // Of this Node: an apply without the uid would make one that is gone.
            ["metadata"] = new JsonObject
            {
                ["name"] = node,
                ["uid"] = seen.Uid,
                ["labels"] = new JsonObject(labels.Select(l => KeyValuePair.Create(l, (JsonNode?)"true"))),
            },
        };
        var written = await client.ApplyAsync(Nodes, new ObjectKey(node), body, Write, cancellationToken).ConfigureAwait(false);
        _applied[node] = (labels, NodeLabels.On(written.Metadata.Labels));
        return ReconcileResult.Done;
    }

    /// <summary>Equal for the same labels.</summary>
    public static string Want(NodeView node) => string.Join(' ', NodeLabels.Of(node) ?? []);

    public bool Differs(NodeView node)
    {
        if (node.Uid is null || NodeLabels.Of(node) is not { } labels)
            return false;
        // Newer than what the look saw, where the watch has brought it meanwhile.
        var has = NodeLabels.On(stores.NodeMetadata(node.Name)?.Labels ?? node.Labels);
        return !labels.SetEquals(has)
            && !(_applied.TryGetValue(node.Name, out var before) && before.Asked.SetEquals(labels) && before.Got.SetEquals(has));
    }
}
