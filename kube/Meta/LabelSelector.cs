using System.Collections.Immutable;

namespace Hostdev.Kube.Meta;

/// <summary>A label selector as <c>metav1.LabelSelector</c> has it. Empty selects everything.</summary>
public sealed record LabelSelector
{
    public ImmutableSortedDictionary<string, string> MatchLabels { get => field ?? ImmutableSortedDictionary<string, string>.Empty; init; }

    public ImmutableArray<LabelRequirement> MatchExpressions { get => field.IsDefault ? [] : field; init; }
}

public enum LabelOperator
{
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

public sealed record LabelRequirement
{
    public required string Key { get; init; }

    public required LabelOperator Operator { get; init; }

    public ImmutableArray<string> Values { get => field.IsDefault ? [] : field; init; }
}
