using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Control;
using Hostdev.Kube.Meta;

namespace Hostdev.Operator.Projection;

/// <summary>Something that an admin should hear of a policy.</summary>
public sealed record PolicyTransition(EventType Type, string Reason, string Note);

/// <summary>What changed in a policy's conditions, told as Events. Both statuses are such as stand in the API, so another leader has nothing to tell again.</summary>
public static class PolicyTransitions
{
    /// <param name="before">Null for a policy without a status.</param>
    public static ImmutableArray<PolicyTransition> Of(PolicyStatus? before, PolicyStatus after) =>
        [.. after.Conditions.Where(c => HasTurned(Find(before, c.Type), c)).Select(Tell).OfType<PolicyTransition>().DistinctBy(t => t.Reason)];

    private static bool HasTurned(Condition? before, Condition after) => before?.Status != after.Status || before.Reason != after.Reason;

    /// <summary>Null for what another condition tells better, or nobody needs to hear.</summary>
    private static PolicyTransition? Tell(Condition condition) => condition switch
    {
        { Type: "Ready", Status: ConditionStatus.True } => new(EventType.Normal, condition.Reason, condition.Message),
        // Nothing happens until somebody changes the policy or the cluster.
        { Type: "Ready", Reason: ResultReasons.NoMatch } => new(EventType.Warning, condition.Reason, condition.Message),
        { Type: "Ready", Reason: PolicyReasons.GiveBack } => new(EventType.Normal, condition.Reason, condition.Message),
        { Type: "Progressing", Reason: PolicyReasons.Halted } => new(EventType.Warning, condition.Reason, condition.Message),
        { Type: "Progressing", Status: ConditionStatus.True } => new(EventType.Normal, condition.Reason, condition.Message),
        // An agent's Pod is away for a moment with every update of its image; where it stays away, its own Events say so.
        { Type: "Degraded", Status: ConditionStatus.True, Reason: PolicyReasons.AgentNotReady } => new(EventType.Normal, condition.Reason, condition.Message),
        { Type: "Degraded", Status: ConditionStatus.True } => new(EventType.Warning, condition.Reason, condition.Message),
        _ => null,
    };

    private static Condition? Find(PolicyStatus? status, string type) => status?.Conditions.FirstOrDefault(c => c.Type == type);
}
