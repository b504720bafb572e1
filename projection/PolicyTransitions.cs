using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Kube.Control;
using Hostdev.Kube.Meta;

namespace Hostdev.Projection;

/// <summary>Something that an admin should hear of a policy.</summary>
public sealed record PolicyTransition(EventType Type, Reason Reason, string Note);

/// <summary>
/// What changed in a policy's conditions, told as Events. Both statuses are such as stand in the API, so another leader has nothing to tell
/// again.
/// </summary>
public static class PolicyTransitions
{
    /// <param name="before">Null for a policy without a status.</param>
    public static ImmutableArray<PolicyTransition> Of(PolicyStatus? before, PolicyStatus after) =>
        [
            .. after
                .Conditions.Where(c => HasTurned(Find(before, c.Type), c))
                .Select(c => Tell(c, Find(before, c.Type)))
                .OfType<PolicyTransition>()
                .DistinctBy(t => t.Reason),
        ];

    private static bool HasTurned(Condition? before, Condition after) => before?.Status != after.Status || before.Reason != after.Reason;

    /// <summary>Null for what another condition tells better, or nobody needs to hear.</summary>
    private static PolicyTransition? Tell(Condition condition, Condition? before)
    {
        var reason = Reasons.Of(condition.Reason);
        return TypeOf(condition, reason, before) is { } type ? new(type, reason, condition.Message) : null;
    }

    private static EventType? TypeOf(Condition condition, Reason reason, Condition? before) =>
        condition switch
        {
            // An agent's Pod is away for a moment with every update of its image, node after node for hours: where one stays away, its own
            // Events say so. And that it is back is no news.
            _ when reason == Reasons.AgentNotReady => null,
            { Type: ConditionTypes.Ready, Status: ConditionStatus.True } when before?.Reason == Reasons.AgentNotReady.Name => null,
            { Type: ConditionTypes.Ready, Status: ConditionStatus.True } => EventType.Normal,
            // Nothing happens until somebody changes the policy or the cluster.
            { Type: ConditionTypes.Ready } when reason == Reasons.NoMatch => EventType.Warning,
            { Type: ConditionTypes.Ready } when reason == Reasons.GiveBack => EventType.Normal,
            { Type: ConditionTypes.Progressing } when reason == Reasons.Halted => EventType.Warning,
            { Type: ConditionTypes.Progressing, Status: ConditionStatus.True } => EventType.Normal,
            { Type: ConditionTypes.Degraded, Status: ConditionStatus.True } => EventType.Warning,
            _ => null,
        };

    private static Condition? Find(PolicyStatus? status, string type) => status?.Conditions.FirstOrDefault(c => c.Type == type);
}
