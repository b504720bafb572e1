using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Following;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>
/// How a node as a whole stands, in the four conditions of its status. They have no times yet (<see cref="StatusStamp"/>).
/// </summary>
internal static class NodeConditions
{
    private const string True = "True";
    private const string False = "False";

    /// <param name="unreached">The first resource that does not reach the kubelet; null when all do.</param>
    public static ImmutableArray<NodeCondition> Of(
        HostInventory inventory,
        DesiredState desired,
        ImmutableArray<PolicyResult> policies,
        ImmutableArray<ResourceStatus> resources,
        ResourceProblem? unreached,
        Plan plan
    )
    {
        var troubled = policies.FirstOrDefault(p => p.Reason.IsTrouble);
        var moving = policies.FirstOrDefault(p => p.Reason == Reasons.Progressing);
        return
        [
            Synced(desired),
            Degraded(inventory, plan, troubled, unreached),
            Progressing(plan, moving),
            Ready(inventory, desired, plan, troubled, moving, unreached, resources.FirstOrDefault(r => !r.Registered)),
        ];
    }

    private static NodeCondition Synced(DesiredState desired)
    {
        NodeCondition Is(string status, Reason reason, string message) => new(ConditionTypes.Synced, status, reason, message);
        if (desired.Problem is { } problem)
            return Is(False, Reasons.DesiredStateUnreadable, problem);
        return desired.Policies is null
            ? Is("Unknown", Reasons.NoDesiredState, "no desired state was read yet: nothing is touched")
            : Is(True, Reasons.Followed, "the desired state is followed");
    }

    /// <summary>What counts most stands there.</summary>
    private static NodeCondition Degraded(HostInventory inventory, Plan plan, PolicyResult? troubled, ResourceProblem? unreached)
    {
        NodeCondition Is(string status, Reason reason, string message) => new(ConditionTypes.Degraded, status, reason, message);
        if (inventory.Unlisted is { } unlisted)
        {
            return Is(True, Reasons.HostUnreadable, $"{unlisted}: everything stays as it is until it can be read");
        }

        if (plan.Halt is { } halt)
            return Is(True, halt.Reason, halt.Message);
        if (troubled is not null)
            return Is(True, troubled.Reason, troubled.Message);
        if (plan.Findings.FirstOrDefault(f => f.Reason == Reasons.NotReturned) is { } lost)
            return Is(True, lost.Reason, lost.Message);
        return unreached is null ? Is(False, Reasons.AsDesired, "") : Is(True, unreached.Reason, unreached.Message);
    }

    private static NodeCondition Progressing(Plan plan, PolicyResult? moving)
    {
        NodeCondition Is(string status, Reason reason, string message) => new(ConditionTypes.Progressing, status, reason, message);
        if (moving is not null)
            return Is(True, Reasons.Waiting, moving.Message);
        var places = string.Join(", ", plan.Lanes.Select(l => l.Key));
        if (places.Length > 0)
            return Is(True, Reasons.Applying, $"work is under way at {places}");
        var releasing = plan.Findings.FirstOrDefault(f => f.State == FindingState.Releasing);
        return releasing is null ? Is(False, Reasons.Settled, "") : Is(True, Reasons.Releasing, releasing.Message);
    }

    private static NodeCondition Ready(
        HostInventory inventory,
        DesiredState desired,
        Plan plan,
        PolicyResult? troubled,
        PolicyResult? moving,
        ResourceProblem? unreached,
        ResourceStatus? registering
    )
    {
        var first = inventory.Unlisted?.ToString() ?? plan.Halt?.Message ?? troubled?.Message ?? moving?.Message;
        var then =
            (registering is null ? null : $"{registering.Name} is being registered with the kubelet")
            ?? desired.Problem
            ?? (plan.Lanes.IsEmpty ? null : "work is under way")
            ?? (desired.Policies is null ? "no desired state was read yet" : null);
        // Why a resource does not reach the kubelet says more than that it does not; alone it keeps nothing from being Ready.
        return first is null && then is null
            ? new NodeCondition(ConditionTypes.Ready, True, Reasons.AsDesired, "every policy is fulfilled")
            : new NodeCondition(ConditionTypes.Ready, False, Reasons.NotAsDesired, first ?? unreached?.Message ?? then!);
    }
}
