using System.Globalization;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Projection;

/// <summary>How far a policy's present version has come.</summary>
/// <param name="Limit">How many nodes may change at a time.</param>
/// <param name="Waiting">Selected nodes with a live agent that do not have this version yet, by name; those that get it now left
/// out.</param>
/// <param name="Admitted">Those that get it now.</param>
/// <param name="Changing">Those that have it and are not done: so many places are taken.</param>
/// <param name="Silent">Of those the ones without a live agent, by name: nobody knows when they will be done.</param>
/// <param name="HaltedBy">
/// The node that was ready and is Degraded with this version, and its words; null while nothing is in the way.
/// </param>
public sealed record RolloutState(
    int Limit,
    int Waiting,
    IReadOnlySet<string> Admitted,
    int Changing,
    IReadOnlyList<string> Silent,
    string? HaltedBy
);

/// <summary>Decides which nodes get a policy's present version now.</summary>
internal static class Rollout
{
    /// <summary>The nodes it selects, in order of name, so that two passes over one state decide alike.</summary>
    public static RolloutState Of(ClusterPolicy policy, IReadOnlyList<NodeView> selected)
    {
        var limit = Limit(policy.Policy.Common?.Rollout ?? new Crds.Kinds.Rollout(), selected.Count);
        var waiting = new List<string>();
        var silent = new List<string>();
        var changing = 0;
        string? halted = null;
        foreach (var node in selected)
        {
            if (node.GivenOf(policy.Key) != policy.Version)
            {
                // One without a live agent would hold a place for as long as it is away: it gets the version when it is back.
                // One without a spec gets everything at once, and is not asked for here.
                if (node.Agent == AgentPresence.Ready && node.Given is not null)
                    waiting.Add(node.Name);
                continue;
            }

            // Whether its agent lives or not: what was done stays done while the node is away, and what was refused there is refused on the
            // next.
            var isSilent = node.Agent != AgentPresence.Ready;
            switch (Progress.Reported(node, policy))
            {
                // One that waited for its VMs withdrew nothing; what it did after that, and before its agent went, nobody knows.
                case NodeProgress.WaitsForUsers when isSilent:
                case NodeProgress.Changing:
                    changing++;
                    if (isSilent)
                        silent.Add(node.Name);
                    break;
                case NodeProgress.Degraded when limit < selected.Count && Progress.MayHaveLost(node, policy):
                    halted ??= $"{node.Name}: {node.Results[policy.Identity.Uid].Message}";
                    break;
            }
        }

        var free = halted is null ? Math.Max(0, limit - changing) : 0;
        var admitted = waiting.Take(free).ToHashSet(StringComparer.Ordinal);
        return new RolloutState(limit, waiting.Count - admitted.Count, admitted, changing, silent, halted);
    }

    /// <summary>
    /// A percentage is of the selected nodes and rounded up, so that it is never 0 (as a DaemonSet's maxUnavailable is). A number is at
    /// least 1: 0 would never end.
    /// </summary>
    public static int Limit(Crds.Kinds.Rollout rollout, int nodes)
    {
        var text = rollout.MaxUnavailable;
        var number = int.TryParse(text.TrimEnd('%'), NumberStyles.None, CultureInfo.InvariantCulture, out var parsed) ? parsed : 1;
        return Math.Max(1, text.EndsWith('%') ? (int)Math.Ceiling(nodes * (long)number / 100.0) : number);
    }
}

/// <summary>What a node has made of the version it was given.</summary>
internal enum NodeProgress
{
    /// <summary>It was not given this version.</summary>
    NotGiven,

    /// <summary>It cannot be given this version (<see cref="NodeRoom"/>).</summary>
    Full,

    /// <summary>It has no live agent, so nobody knows.</summary>
    Unknown,

    /// <summary>Under way, or not reported yet.</summary>
    Changing,

    /// <summary>Done: everything that matches is offered.</summary>
    Ready,

    /// <summary>Done: nothing on it matches.</summary>
    NoMatch,

    /// <summary>Done as far as it goes: something is blocked, or the agent does not understand the policy.</summary>
    Degraded,

    /// <summary>
    /// Done as far as it goes, and not Ready: what is lacking is not ours to make. Nothing is refused, so it holds up nobody.
    /// </summary>
    Incomplete,

    /// <summary>
    /// Withdraws nothing, and goes on by itself when the users of its devices are gone: no reason to hold up other nodes.
    /// </summary>
    WaitsForUsers,
}

internal static class Progress
{
    public static NodeProgress Of(NodeView node, ClusterPolicy policy)
    {
        if (node.GivenOf(policy.Key) != policy.Version)
            return NodeProgress.NotGiven;
        return node.Agent == AgentPresence.Ready ? Reported(node, policy) : NodeProgress.Unknown;
    }

    /// <summary>What the agent of a node that has this version said of it last, whether it lives or not.</summary>
    public static NodeProgress Reported(NodeView node, ClusterPolicy policy)
    {
        if (!node.Results.TryGetValue(policy.Identity.Uid, out var result) || result.Generation != policy.Identity.Generation)
            return NodeProgress.Changing;
        if (result.Reason == Reasons.Ready)
            return NodeProgress.Ready;
        if (result.Reason == Reasons.NoMatch)
            return NodeProgress.NoMatch;
        if (result.Reason.IsTrouble)
            return NodeProgress.Degraded;
        return Awaits(result, policy) ?? NodeProgress.Changing; // also for a word that only a newer agent knows
    }

    /// <summary>
    /// Whether the policy was ready on the node before it was Degraded: what this version took from it, it takes from the next. Where
    /// nothing ever was ready nothing is lost, and the other
    /// nodes need not wait for it. An agent of an earlier version does not say it.
    /// </summary>
    public static bool MayHaveLost(NodeView node, ClusterPolicy policy) => node.Results[policy.Identity.Uid].ReadyGeneration is not 0;

    /// <summary>
    /// What a node that has nothing left to do itself waits for: somebody's end of use, whether the kernel, a process or a pod's answer
    /// tells of it, or virtual functions that somebody else makes. Null while there is something else.
    /// </summary>
    private static NodeProgress? Awaits(PolicyResultSummary result, ClusterPolicy policy)
    {
        var isIdle = policy.Policy.Common?.Disruption == Disruption.WhenIdle;
        bool IsAwaited(DeviceProblem p) => p.State == FindingState.Waiting && (p.Reason.IsMissing || (isIdle && p.Reason.IsUse));
        if (!result.Problems.Any(IsAwaited) || !result.Problems.All(p => IsAwaited(p) || p.State.IsRemark))
            return null;
        return result.Problems.Any(p => IsAwaited(p) && p.Reason.IsUse) ? NodeProgress.WaitsForUsers : NodeProgress.Incomplete;
    }
}
