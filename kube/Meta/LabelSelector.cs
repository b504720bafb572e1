using System.Collections.Immutable;

namespace Hostdev.Kube.Meta;

/// <summary>A label selector as <c>metav1.LabelSelector</c> has it. Empty selects everything.</summary>
public sealed record LabelSelector
{
    public ImmutableSortedDictionary<string, string> MatchLabels
    {
        get => field ?? ImmutableSortedDictionary<string, string>.Empty;
        init;
    }

    public ImmutableArray<LabelRequirement> MatchExpressions
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>Whether labels satisfy every line of it.</summary>
    public bool Matches(IReadOnlyDictionary<string, string> labels) =>
        MatchLabels.All(wanted => labels.TryGetValue(wanted.Key, out var value) && value == wanted.Value)
        && MatchExpressions.All(e => e.Matches(labels));
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

    /// <summary>For <see cref="LabelOperator.In"/> and <see cref="LabelOperator.NotIn"/> alone.</summary>
    public ImmutableArray<string> Values
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>
    /// A label that is not there is not in any list: it satisfies <see cref="LabelOperator.NotIn"/> (apimachinery
    /// <c>labels.Requirement.Matches</c>).
    /// </summary>
    public bool Matches(IReadOnlyDictionary<string, string> labels)
    {
        var there = labels.TryGetValue(Key, out var value);
        return Operator switch
        {
            LabelOperator.In => there && Values.Contains(value!),
            LabelOperator.NotIn => !there || !Values.Contains(value!),
            LabelOperator.Exists => there,
            _ => !there,
        };
    }
}
