using System.Globalization;
using System.Text.Json;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Kube.Client;
using Hostdev.Kube.Control;
using Hostdev.Kube.Meta;
using Hostdev.Projection;
using Microsoft.Extensions.Logging;

namespace Hostdev.Operator.Reconcilers;

/// <summary>
/// Brings one node's spec to what the projection says: reads it fresh, writes it only where it differs, and only over what it has read.
/// </summary>
internal sealed partial class NodeSpecReconciler(
    KubeClient client,
    ClusterStores stores,
    Func<ClusterProjection?> projection,
    TimeProvider time,
    ILogger<NodeSpecReconciler> logger
)
{
    private static readonly WriteOptions Write = new() { FieldManager = OperatorOptions.FieldManager, Force = true };

    public async Task<ReconcileResult> ReconcileAsync(string node, CancellationToken cancellationToken)
    {
        if (projection()?.Specs.GetValueOrDefault(node) is not { } spec)
            return ReconcileResult.Done; // it was overtaken
        var stored = stores.StoredVersion(node);
        var key = new ObjectKey(node);
        var found = await client.FindAsync(HostdevKinds.NodeDeviceStates, key, cancellationToken).ConfigureAwait(false);
        if (found is not null && Has(found, spec))
            return ReconcileResult.Done; // the look was older than our own last write
        // Somebody asked for it since the look: a list that gives something would be taken back at once.
        var isOverdue = found?.Metadata.Annotations.GetValueOrDefault(HostdevAnnotations.GiveBack) == "true" && !spec.Entries.IsEmpty;
        // what we know is older than what is there: the watch brings it
        if (isOverdue || Compose(spec, found) is not { } body)
            return ReconcileResult.RequeueAfter(TimeSpan.FromSeconds(1));
        var written = await client
            .ApplyAsync(HostdevKinds.NodeDeviceStateSummaries, key, body, Write, cancellationToken)
            .ConfigureAwait(false);
        stores.WrittenStates.Add(written, stored);
        Projected(
            logger,
            node,
            spec.Entries.IsEmpty ? "no policy" : string.Join(", ", spec.Entries.Select(e => $"{e.Version.Key} ({e.Version.Generation})"))
        );
        return ReconcileResult.Done;
    }

    /// <summary>Equal for specs with the same versions of the same policies for the same Node.</summary>
    public static string Want(NodeSpec spec) => $"{spec.NodeUid}: {string.Join(' ', spec.Entries.Select(e => Want(e.Version)))}";

    private static string Want(GivenPolicy it) =>
        string.Create(CultureInfo.InvariantCulture, $"{it.Key}/{it.Uid}/{it.Generation}/{it.Digest}");

    /// <summary>Null when an entry that is to be kept is not there any more.</summary>
    private JsonBody? Compose(NodeSpec spec, NodeDeviceState? found)
    {
        var policies = new List<ProjectedPolicy>();
        foreach (var entry in spec.Entries)
        {
            if (
                entry switch
                {
                    NodeEntry.Give(var policy) => new ProjectedPolicy(
                        policy.Identity.Kind,
                        policy.Identity.Name,
                        policy.Identity.Uid,
                        policy.Identity.Generation,
                        policy.Spec,
                        policy.Identity.CreationTimestamp
                    ),
                    _ => Kept(entry.Version, found),
                }
                is not { } projected
            )
            {
                return null;
            }

            policies.Add(projected);
        }

        return NodeProjectionWriter.ToJson(
            new NodeProjection
            {
                Metadata = new ObjectMeta
                {
                    Name = spec.Node,
                    // Whoever wrote it since we read it knew more: then this write is a conflict, and is made anew from what is there.
                    ResourceVersion = found?.Metadata.ResourceVersion,
                    OwnerReferences =
                    [
                        new OwnerReference
                        {
                            ApiVersion = "v1",
                            Kind = "Node",
                            Name = spec.Node,
                            Uid = spec.NodeUid,
                        },
                    ],
                },
                Spec = new NodeProjectionSpec { ProjectedAt = time.GetUtcNow(), Policies = [.. policies] },
            }
        );
    }

    private static bool Has(NodeDeviceState found, NodeSpec spec) =>
        Policies(found) is { } policies
        && policies.Select(Version).ToHashSet().SetEquals(spec.Entries.Select(e => (GivenPolicy?)e.Version));

    /// <summary>What stands in the list; null where it cannot be read.</summary>
    private static GivenPolicy? Version(ProjectedPolicy? policy) =>
        policy is null
            ? null
            : new GivenPolicy(
                new PolicyKey(policy.Kind, policy.Name),
                policy.Uid,
                policy.Generation,
                SpecDigest.Of(policy.Spec),
                policy.CreationTimestamp
            );

    /// <summary>Null where there is no list; an entry that cannot be read is null.</summary>
    private static List<ProjectedPolicy?>? Policies(NodeDeviceState found) =>
        found.Spec is { ValueKind: JsonValueKind.Object } spec
        && spec.TryGetProperty("policies", out var policies)
        && policies.ValueKind == JsonValueKind.Array
            ? [.. policies.EnumerateArray().Select(ProjectedPolicyReader.Read)]
            : null;

    private static ProjectedPolicy? Kept(GivenPolicy version, NodeDeviceState? found) =>
        found is null ? null : Policies(found)?.FirstOrDefault(p => Version(p) == version);

    [LoggerMessage(EventId = 4001, Level = LogLevel.Information, Message = "{Node} is to have: {Policies}")]
    private static partial void Projected(ILogger logger, string node, string policies);
}
