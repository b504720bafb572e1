using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Projection;

/// <summary>
/// From policies and nodes: what each node is to have now, and how far each policy has come. Pure and level-triggered: the same state gives
/// the same answer, whoever is the leader.
/// </summary>
public static class Projector
{
    public static ClusterProjection Project(ClusterView view)
    {
        var ordered = view.Policies.OrderBy(p => p.Policy, PolicyPrecedence.Comparer).ToImmutableArray();
        var claims = ResourceNameClaims.Of(ordered.Select(p => p.Policy));
        var nodes = view.Nodes.OrderBy(n => n.Name, StringComparer.Ordinal).ToImmutableArray();
        var full = nodes.Where(IsProjected).Select(n => (n.Name, Lacking: Lacking(n, view.Kinds, ordered, claims)));
        var lacking = full.Where(f => !f.Lacking.IsEmpty).ToDictionary(f => f.Name, f => f.Lacking, StringComparer.Ordinal);
        var policies = ordered.ToImmutableDictionary(p => p.Key, p => Situation(p, claims, nodes, lacking));
        var specs = ImmutableSortedDictionary.CreateBuilder<string, NodeSpec>(StringComparer.Ordinal);
        foreach (var node in nodes.Where(IsProjected))
        {
            if (Spec(node, view.Kinds, ordered, policies) is { } spec && Differs(node, spec))
                specs.Add(node.Name, spec);
        }

        return new ClusterProjection([.. ordered.Select(p => policies[p.Key])], specs.ToImmutable());
    }

    /// <summary>
    /// Whether a node loses a policy that is not there any more: then it matters whether somebody deleted it, or its kind went.
    /// </summary>
    public static bool TakesDeletedAway(ClusterView view, ClusterProjection projection)
    {
        var there = view.Policies.Select(p => p.Key).ToHashSet();
        return view.Nodes.Any(n =>
            !n.GiveBack
            && projection.Specs.TryGetValue(n.Name, out var spec)
            && (n.Given ?? []).Any(g => !there.Contains(g.Key) && !spec.Entries.Any(e => e.Version == g))
        );
    }

    /// <summary>
    /// A node without an agent and without a state has nothing that could act; one with a state keeps being told what is wanted, or a
    /// policy that went while the agent was away would be in force when it is back. A state without a Node is the garbage collector's.
    /// </summary>
    private static bool IsProjected(NodeView node) => node.Uid is not null && (node.Agent != AgentPresence.None || node.Given is not null);

    /// <summary>The policies that a node is to have and has no room for; those that are held back come to no node, and need none.</summary>
    private static ImmutableHashSet<PolicyKey> Lacking(
        NodeView node,
        ImmutableDictionary<string, DateTimeOffset> kinds,
        ImmutableArray<ClusterPolicy> ordered,
        ResourceNameClaims claims
    )
    {
        if (node.GiveBack || NodeRoom.IsAmple(node.Given ?? [], ordered))
            return [];
        var there = ordered.ToDictionary(p => p.Key);
        var stay = (node.Given ?? []).Where(g =>
            there.TryGetValue(g.Key, out var policy)
                ? policy.NodeSelector is not { } selector || selector.Matches(node.Labels)
                : VanishedWithItsKind(g, kinds)
        );
        var wanted = ordered.Where(p => HeldBackBy(p, claims) is null && p.NodeSelector!.Matches(node.Labels));
        return NodeRoom.Lacking([.. stay], [.. wanted]);
    }

    private static HeldBack? HeldBackBy(ClusterPolicy policy, ResourceNameClaims claims) =>
        policy.Policy switch
        {
            // A field that this version does not know is the agents' to judge: they may be newer.
            DesiredPolicy.Frozen frozen when frozen.Reason != Reasons.UnsupportedField => new HeldBack(frozen.Reason, frozen.Message),
            _ when policy.NodeSelector is null => new HeldBack(
                Reasons.InvalidSpec,
                $"{policy.Identity}: spec.nodeSelector cannot be read: write nodeSelector: {{}} for all nodes, or matchLabels"
            ),
            _ => claims.Conflicts.TryGetValue(policy.Identity, out var conflict) ? new HeldBack(Reasons.ResourceNameConflict, conflict)
            : claims.Unlike.TryGetValue(policy.Identity, out var unlike) ? new HeldBack(Reasons.CompanionsDiffer, unlike)
            : null,
        };

    private static PolicySituation Situation(
        ClusterPolicy policy,
        ResourceNameClaims claims,
        ImmutableArray<NodeView> nodes,
        Dictionary<string, ImmutableHashSet<PolicyKey>> lacking
    )
    {
        var held = HeldBackBy(policy, claims);
        ImmutableArray<NodeView> chosen = policy.NodeSelector is { } selector
            ? [.. nodes.Where(n => IsProjected(n) && selector.Matches(n.Labels))]
            : [];
        ImmutableArray<NodeView> selected = [.. chosen.Where(n => !n.GiveBack)];
        ImmutableHashSet<string> full =
        [
            .. selected.Select(n => n.Name).Where(n => lacking.GetValueOrDefault(n)?.Contains(policy.Key) == true),
        ];
        ImmutableArray<NodeView> withRoom = full.IsEmpty ? selected : [.. selected.Where(n => !full.Contains(n.Name))];
        return new PolicySituation(policy, held, selected, held is null ? Rollout.Of(policy, withRoom) : null)
        {
            GivingBack = chosen.Length - selected.Length,
            Full = full,
        };
    }

    private static NodeSpec? Spec(
        NodeView node,
        ImmutableDictionary<string, DateTimeOffset> kinds,
        ImmutableArray<ClusterPolicy> ordered,
        ImmutableDictionary<PolicyKey, PolicySituation> situations
    )
    {
        if (node.GiveBack)
            return new NodeSpec(node.Name, node.Uid!, []);
        // Without a spec, what the node has in force is known to its agent alone, and whatever a first list lacks is given back: it gets
        // everything at once, or no list yet.
        var first = node.Given is null;
        if (first && (kinds.Count < PolicyKinds.All.Length || ordered.Any(p => p.NodeSelector is null)))
            return null;
        var entries = ordered.Select(p => first ? FirstEntry(node, situations[p.Key]) : Entry(node, situations[p.Key])).OfType<NodeEntry>();
        var orphans = (node.Given ?? [])
            .Where(g => !situations.ContainsKey(g.Key) && VanishedWithItsKind(g, kinds))
            .Select(g => new NodeEntry.Keep(g));
        return new NodeSpec(node.Name, node.Uid!, [.. entries, .. orphans]);
    }

    /// <summary>
    /// Whether nobody deleted the policy, but its CRD went and took it along: it is older than the CRD that is there now, or none is.
    /// </summary>
    private static bool VanishedWithItsKind(GivenPolicy given, ImmutableDictionary<string, DateTimeOffset> kinds) =>
        !kinds.TryGetValue(given.Key.Kind, out var made) || given.Created < made;

    private static NodeEntry.Give? FirstEntry(NodeView node, PolicySituation situation) =>
        situation.Policy.NodeSelector!.Matches(node.Labels)
        && situation.HeldBack?.Reason != Reasons.ResourceNameConflict
        && !situation.Full.Contains(node.Name)
            ? new NodeEntry.Give(situation.Policy)
            : null;

    private static NodeEntry? Entry(NodeView node, PolicySituation situation) =>
        Entry(node, situation, situation.Rollout?.Admitted.Contains(node.Name) == true);

    private static NodeEntry? Entry(NodeView node, PolicySituation situation, bool isAdmitted)
    {
        var policy = situation.Policy;
        var given = node.GivenOf(policy.Key);
        // Also of an earlier object of that name: somebody made it anew, so what it has is wanted until the new one's turn has come.
        var earlier = given is { } version ? new NodeEntry.Keep(version) : null;
        if (policy.NodeSelector is null)
            return earlier;
        if (!policy.NodeSelector.Matches(node.Labels))
            return null;
        if (given == policy.Version)
            return earlier;
        return isAdmitted ? new NodeEntry.Give(policy) : earlier;
    }

    /// <summary>What a node has when every rollout has come to its end, and none was halted: in order of precedence.</summary>
    internal static ImmutableArray<NodeEntry> AtTheEnd(NodeView node, ImmutableArray<PolicySituation> policies) =>
        node.GiveBack
            ? []
            : [.. policies.Select(p => Entry(node, p, p.HeldBack is null && !p.Full.Contains(node.Name))).OfType<NodeEntry>()];

    // The order in a spec is for its readers; agents sort by precedence themselves. A new priority must not change every node at once.
    private static bool Differs(NodeView node, NodeSpec spec) =>
        node.Given is not { } given || !given.ToHashSet().SetEquals(spec.Entries.Select(e => e.Version));
}

/// <summary>What is to be done now.</summary>
/// <param name="Policies">In order of precedence.</param>
/// <param name="Specs">The nodes whose spec differs from what they are to have now, and what that is.</param>
public sealed record ClusterProjection(ImmutableArray<PolicySituation> Policies, ImmutableSortedDictionary<string, NodeSpec> Specs)
{
    /// <summary>What a node has when every rollout has come to its end, and none was halted: in order of precedence.</summary>
    public ImmutableArray<NodeEntry> AtTheEnd(NodeView node) => Projector.AtTheEnd(node, Policies);
}

/// <summary>A policy and where it stands.</summary>
/// <param name="Selected">The nodes that its selector picks, by name.</param>
/// <param name="Rollout">Null while it is held back.</param>
public sealed record PolicySituation(ClusterPolicy Policy, HeldBack? HeldBack, ImmutableArray<NodeView> Selected, RolloutState? Rollout)
{
    /// <summary>How many nodes the selector picks that are to give everything back, and are not among <see cref="Selected"/>.</summary>
    public int GivingBack { get; init; }

    /// <summary>Names of those of <see cref="Selected"/> that have no room for its present version (<see cref="NodeRoom"/>).</summary>
    public ImmutableHashSet<string> Full
    {
        get => field ?? [];
        init;
    }
}

/// <summary>Why no node gets a policy's present version.</summary>
public sealed record HeldBack(Reason Reason, string Message);

/// <summary>What one node's spec is to hold.</summary>
/// <param name="NodeUid">Of the Node, which owns the state.</param>
/// <param name="Entries">In order of precedence. None gives everything back.</param>
public sealed record NodeSpec(string Node, string NodeUid, ImmutableArray<NodeEntry> Entries);

/// <summary>One policy in a node's spec.</summary>
public abstract record NodeEntry(GivenPolicy Version)
{
    /// <summary>The version that the node has, whatever the policy says now.</summary>
    public sealed record Keep(GivenPolicy Given) : NodeEntry(Given);

    /// <summary>The policy's present version.</summary>
    public sealed record Give(ClusterPolicy Policy) : NodeEntry(Policy.Version);
}
