using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Kube.Meta;

namespace Hostdev.Kubectl.Answers;

/// <summary>Something that is degraded, in its own words.</summary>
/// <param name="Object"><c>HostDevice/gpus</c>, <c>Node/node-1</c>.</param>
public sealed record Problem(string Object, string Reason, string Message)
{
    /// <summary>Of a policy over all nodes; null where all is well, and while no operator has looked at it.</summary>
    public static Problem? Of(string kind, PolicyObject policy) =>
        (policy.Status?.Conditions ?? []).FirstOrDefault(c => c is { Type: ConditionTypes.Degraded, Status: ConditionStatus.True })
            is { } told
            ? new($"{kind}/{policy.Metadata.Name}", told.Reason, told.Message)
            : null;

    /// <summary>Of a node, by its agent's word.</summary>
    public static Problem? Of(NodeReading reading) =>
        (reading.Status?.Conditions ?? [])
            .OfType<NodeCondition>()
            .FirstOrDefault(c => c is { Type: ConditionTypes.Degraded, Status: nameof(ConditionStatus.True) })
            is { } told
            ? new($"Node/{reading.Node}", told.Reason.Name, told.Message)
            : null;
}
