using System.Collections.Immutable;
using Hostdev.Crds.Kinds;

namespace Hostdev.Operator.Projection;

/// <summary>What is in the way of a node that is to give everything back.</summary>
public static class GiveBackReport
{
    /// <summary>Whether nothing of the host is Hostdev's any more, by what its live agent says of the list it has now.</summary>
    public static bool IsDone(NodeDeviceStateSummary state, AgentPresence agent) =>
        agent == AgentPresence.Ready
        && state is { Spec.Policies.IsEmpty: true, Status: { Policies.IsEmpty: true, Releasing.IsEmpty: true, AllocatedByResource.IsEmpty: true } status }
        && status.ObservedGeneration >= state.Metadata.Generation;

    /// <summary>Everything that is still held on the node, a line for each, and what to do about it.</summary>
    public static ImmutableArray<string> Lines(NodeDeviceState state, AgentPresence agent)
    {
        var node = state.Metadata.Name;
        if (agent == AgentPresence.None) return [$"{node}: no agent's Pod is there, so nobody gives anything back: start it again, or delete the NodeDeviceState {node} when the host was set up anew"];
        if (agent == AgentPresence.NotReady) return [$"{node}: the agent's Pod is not Ready, so nobody knows: look at its log; it gives everything back once it runs"];
        if (state.Status is not { } status || status.ObservedGeneration is null || status.ObservedGeneration < state.Metadata.Generation) return [$"{node}: the agent has not answered yet"];
        var allocated = status.Allocations.Select(a => a.Id).ToHashSet(StringComparer.Ordinal);
        var lines = status.Allocations
            .Select(a => a.Pod is null ? $"{node}: {a.Id} ({a.Resource}) is not proven free yet: {a.WaitsFor}" : $"{node}: {a.Id} ({a.Resource}) belongs to Pod {a.Namespace}/{a.Pod}: stop or migrate its VM")
            .Concat(status.Releasing.Where(r => !allocated.Contains(r.Device)).Select(r => $"{node}: {r.Device}: {r.Message}"))
            .ToImmutableArray();
        return lines.IsEmpty && !status.Policies.IsEmpty ? [$"{node}: {status.Policies.Length} policies are still in force there"] : lines;
    }
}
