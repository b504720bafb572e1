using System.Collections.Immutable;

namespace Hostdev.Crds.Words;

/// <summary>The types of the conditions that nodes and policies have.</summary>
public static class ConditionTypes
{
    /// <summary>Of a node alone: the desired state is followed.</summary>
    public const string Synced = "Synced";

    /// <summary>Everything is as it should be.</summary>
    public const string Ready = "Ready";

    /// <summary>Something is under way.</summary>
    public const string Progressing = "Progressing";

    /// <summary>Somebody should look.</summary>
    public const string Degraded = "Degraded";

    public static ImmutableArray<string> All { get; } = [Synced, Ready, Progressing, Degraded];

    /// <summary>Those of a policy, in the order in which they stand.</summary>
    public static ImmutableArray<string> OfPolicies { get; } = [Ready, Progressing, Degraded];
}
