using System.Collections.Immutable;
using System.Text.Json;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Kube.Meta;

namespace Hostdev.Projection;

/// <summary>Everything that the projection looks at: what is wanted, which nodes there are, what each was given and says of it.</summary>
public sealed record ClusterView
{
    /// <summary>In any order.</summary>
    public required ImmutableArray<ClusterPolicy> Policies { get; init; }

    /// <summary>
    /// The policy kinds that the API server serves and of which <see cref="Policies"/> has all, each with the time its CRD was made. What
    /// is missing or on its way out is not here: a CRD takes its objects with it, and nobody asked for the devices back. Nor is a kind with
    /// an object that cannot be read: it is there.
    /// </summary>
    public required ImmutableDictionary<string, DateTimeOffset> Kinds { get; init; }

    /// <summary>Nodes that run an agent, or have a NodeDeviceState; those whose state cannot be read left out. In any order.</summary>
    public required ImmutableArray<NodeView> Nodes { get; init; }
}

/// <summary>A policy as it stands in the API.</summary>
/// <param name="Policy">Understood, or frozen with the reason.</param>
/// <param name="Spec">As it was applied: it is handed on whole, with fields that this version does not know.</param>
/// <param name="Digest">What tells one spec from another.</param>
/// <param name="Status">As it was written last; null before that.</param>
/// <param name="NodeSelector">Null where it cannot be read: then nobody knows which nodes are meant, and every node keeps what it
/// has.</param>
public sealed record ClusterPolicy(
    DesiredPolicy Policy,
    JsonElement Spec,
    SpecDigest Digest,
    LabelSelector? NodeSelector,
    PolicyStatus? Status = null
)
{
    public static ClusterPolicy Read(PolicyObject policy)
    {
        var read = PolicyReader.Read(policy.Kind, policy.Metadata, policy.Spec);
        return new ClusterPolicy(
            read,
            policy.Spec,
            SpecDigest.Of(policy.Spec),
            read.Common?.NodeSelector ?? PolicyReader.NodeSelector(policy.Spec),
            policy.Status
        );
    }

    public PolicyIdentity Identity => Policy.Identity;

    public PolicyKey Key => new(Identity.Kind, Identity.Name);

    /// <summary>What a node that has this version was given.</summary>
    public GivenPolicy Version => new(Key, Identity.Uid, Identity.Generation, Digest, Identity.CreationTimestamp);
}

/// <summary>Kind and name: unique in the cluster at a time.</summary>
public readonly record struct PolicyKey(string Kind, string Name)
{
    /// <summary><c>HostDevice/gpus</c>.</summary>
    public override string ToString() => $"{Kind}/{Name}";
}

/// <summary>One version of a policy in a node's spec.</summary>
public readonly record struct GivenPolicy(PolicyKey Key, string Uid, long Generation, SpecDigest Digest, DateTimeOffset? Created);

public enum AgentPresence
{
    /// <summary>No agent Pod is on the node.</summary>
    None,

    /// <summary>There is one that is not Ready: what the node says is old, and what it is told is not heard.</summary>
    NotReady,

    Ready,
}

/// <summary>One node, as the operator knows it.</summary>
public sealed record NodeView
{
    public required string Name { get; init; }

    /// <summary>Of the Node object; null when there is none (any more).</summary>
    public string? Uid { get; init; }

    public ImmutableSortedDictionary<string, string> Labels
    {
        get => field ?? ImmutableSortedDictionary<string, string>.Empty;
        init;
    }

    public AgentPresence Agent { get; init; }

    /// <summary>What stands in its spec; null where it was never projected: that is not the same as an empty list.</summary>
    public ImmutableArray<GivenPolicy>? Given { get; init; }

    /// <summary>
    /// Everything on it is to be given back, whatever policies say (annotation <see cref="HostdevAnnotations.GiveBack"/> of its state).
    /// </summary>
    public bool GiveBack { get; init; }

    /// <summary>What the agent says of each policy, by uid.</summary>
    public ImmutableDictionary<string, PolicyResultSummary> Results
    {
        get => field ?? ImmutableDictionary<string, PolicyResultSummary>.Empty;
        init;
    }

    /// <summary>What the agent is giving back.</summary>
    public ImmutableArray<DeviceProblem> Releasing
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary><c>vendor:device</c> of the PCI functions that its agent has found, each once; null before it has reported.</summary>
    public ImmutableArray<string>? PciIds { get; init; }

    /// <summary>Whether its agent has left devices out of its report, so that <see cref="PciIds"/> are not all.</summary>
    public bool IsTruncated { get; init; }

    /// <param name="state">Null where it has none.</param>
    /// <param name="node">The Node object; null where there is none.</param>
    public static NodeView Of(string name, NodeDeviceStateSummary? state, PartialObjectMetadata? node, AgentPresence agent) =>
        new()
        {
            Name = name,
            Uid = node?.Metadata.Uid,
            Labels = node?.Metadata.Labels ?? ImmutableSortedDictionary<string, string>.Empty,
            Agent = agent,
            GiveBack = state?.Metadata.Annotations.GetValueOrDefault(HostdevAnnotations.GiveBack) == "true",
            Given = state?.Spec is { } spec
                ?
                [
                    .. spec
                        .Policies.OfType<ProjectedPolicySummary>()
                        .Select(p => new GivenPolicy(new PolicyKey(p.Kind, p.Name), p.Uid, p.Generation, p.Digest, p.CreationTimestamp)),
                ]
                : null,
            Results = NodeReport.Results(name, state?.Status),
            Releasing = NodeReport.Releasing(state?.Status),
            PciIds = state?.Status?.PciIds,
            IsTruncated = state?.Status?.Truncated == true,
        };

    /// <summary>The version of the policy in its spec; null when it has none.</summary>
    public GivenPolicy? GivenOf(PolicyKey key)
    {
        if (Given is not { } given)
            return null;
        foreach (var one in given)
        {
            if (one.Key == key)
                return one;
        }

        return null;
    }
}
