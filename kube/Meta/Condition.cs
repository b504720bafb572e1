namespace Hostdev.Kube.Meta;

/// <summary>Whether a condition holds (Kubernetes API conventions, "Typical status properties").</summary>
public enum ConditionStatus
{
    True,
    False,
    Unknown,
}

/// <summary>One condition of an object's status, as <c>metav1.Condition</c> has it.</summary>
/// <param name="Type">CamelCase, unique in its list: <c>Ready</c>, <c>Progressing</c>, <c>Degraded</c>.</param>
/// <param name="Reason">CamelCase constant that programs may match on.</param>
/// <param name="Message">A sentence for people: what, where, which fix.</param>
/// <param name="LastTransitionTime">Moves only when <paramref name="Status"/> changes.</param>
/// <param name="ObservedGeneration">The <c>metadata.generation</c> that was looked at; absent where there is none.</param>
public sealed record Condition(
    string Type,
    ConditionStatus Status,
    string Reason,
    string Message,
    DateTimeOffset LastTransitionTime,
    long? ObservedGeneration = null
);
