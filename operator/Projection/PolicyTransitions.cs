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
        [.. after.Conditions.Where(c => HasTurned(Find(before, c.Type), c)).Select(c => Tell(c, Find(before, c.Type))).OfType<PolicyTransition>().DistinctBy(t => t.Reason)];

    private static bool HasTurned(Condition? before, Condition after) => before?.Status != after.Status || before.Reason != after.Reason;

    /// <summary>Null for what another condition tells better, or nobody needs to hear.</summary>
    private static PolicyTransition? Tell(Condition condition, Condition? before) => condition switch
    {
        // An agent's Pod is away for a moment with every update of its image, node after node for hours: where one stays away, its own Events say so. And that it is back is no news.
        { Reason: PolicyReasons.AgentNotReady } => null,
        { Type: "Ready", Status: ConditionStatus.True } when before?.Reason == PolicyReasons.AgentNotReady => null,
        { Type: "Ready", Status: ConditionStatus.True } => new(EventType.Normal, condition.Reason, condition.Message),
        // Nothing happens until somebody changes the policy or the cluster.
        { Type: "Ready", Reason: ResultReasons.NoMatch } => new(EventType.Warning, condition.Reason, condition.Message),
        { Type: "Ready", Reason: PolicyReasons.GiveBack } => new(EventType.Normal, condition.Reason, condition.Message),
        { Type: "Progressing", Reason: PolicyReasons.Halted } => new(EventType.Warning, condition.Reason, condition.Message),
        { Type: "Progressing", Status: ConditionStatus.True } => new(EventType.Normal, condition.Reason, condition.Message),
        { Type: "Degraded", Status: ConditionStatus.True } => new(EventType.Warning, condition.Reason, condition.Message),
        _ => null,
    };

    private static Condition? Find(PolicyStatus? status, string type) => status?.Conditions.FirstOrDefault(c => c.Type == type);
}
