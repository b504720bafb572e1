using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;

namespace Hostdev.Projection;

/// <summary>What the Pods of a node's agent tell of it.</summary>
/// <param name="WasReady">One that is not Ready any more: it may have taken something, whether it could report or not.</param>
/// <param name="IsStarting">
/// Not Ready yet, and about to be: its container is made, or runs. Not one whose image cannot be had, nor one that ends again and again.
/// </param>
public readonly record struct AgentSight(AgentPresence Presence, bool WasReady = false, bool IsStarting = false);

/// <summary>What is in the way of a node that is to give everything back.</summary>
public static class GiveBackReport
{
    /// <summary>
    /// Whether nothing of the host is Hostdev's any more: by what its live agent says of the list it has now, or because there never was
    /// one.
    /// </summary>
    /// <param name="isLate">The time for it is over: an agent that is still starting is one that does not come.</param>
    public static bool IsDone(NodeDeviceStateSummary state, AgentSight agent, bool isLate)
    {
        if (agent.Presence != AgentPresence.Ready)
            return NeverRan(state, agent) && (isLate || !agent.IsStarting);
        return state.Spec is { Policies.IsEmpty: true }
            && IsAnswered(state)
            && state.Status is { Policies.IsEmpty: true, Releasing.IsEmpty: true, AllocatedByResource.IsEmpty: true };
    }

    /// <summary>
    /// Whether no agent was ever Ready for that node, as far as the API tells: none has reported, and none of its Pods was Ready. A state
    /// that was restored without its status looks the same,
    /// which is why an agent that is Ready is always asked (docs/adr/0015).
    /// </summary>
    public static bool NeverRan(NodeDeviceStateSummary state, AgentSight agent) =>
        agent is { Presence: not AgentPresence.Ready, WasReady: false } && state.Status is null;

    /// <summary>Whether the agent speaks of the list that the node has now.</summary>
    public static bool IsAnswered(NodeDeviceStateSummary state) => state.Status?.ObservedGeneration >= state.Metadata.Generation;

    /// <summary>Everything that is still held on the node, a line for each, and what to do about it.</summary>
    public static ImmutableArray<string> Lines(NodeDeviceState state, AgentPresence agent)
    {
        var node = state.Metadata.Name;
        if (agent == AgentPresence.None)
            return
            [
                $"{node}: no agent's Pod is there, so nobody gives anything back: start it again, or delete the "
                    + $"NodeDeviceState {node} when the host was set up anew",
            ];
        if (agent == AgentPresence.NotReady)
            return [$"{node}: the agent's Pod is not Ready, so nobody knows: look at its log; it gives everything back once it runs"];
        if (state.Status is not { } status || status.ObservedGeneration is null || status.ObservedGeneration < state.Metadata.Generation)
            return [$"{node}: the agent has not answered yet"];
        var allocated = status.Allocations.Select(a => a.Id).ToHashSet(StringComparer.Ordinal);
        var lines = status
            .Allocations.Select(a => $"{node}: {(TokenId.Is(a.Id) ? $"a token of {a.Resource}" : $"{a.Id} ({a.Resource})")} {Holder(a)}")
            .Concat(status.Releasing.Where(r => !allocated.Contains(r.Device)).Select(r => $"{node}: {r.Device}: {r.Message}"))
            .ToImmutableArray();
        return lines.IsEmpty && !status.Policies.IsEmpty ? [$"{node}: {status.Policies.Length} policies are still in force there"] : lines;
    }

    /// <summary>A Pod that is named may be gone, and nobody can stop it then: what is waited for is said first.</summary>
    private static string Holder(AllocationStatus a)
    {
        var pod = a.Pod is null ? null : $"{a.Namespace}/{a.Pod}";
        if (a.WaitsFor is { } proof)
            return $"is not proven free yet: {proof}{(pod is null ? "" : $"; Pod {pod} had it")}";
        return pod is null
            ? "was given out just now: the kubelet has not shown the Pod yet"
            : $"belongs to Pod {pod}: stop or migrate its VM";
    }
}
