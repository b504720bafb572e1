using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Planning;

/// <summary>What was decided over a wish.</summary>
/// <param name="First">The policy that has a part of it already; null when none has, or it was not asked for.</param>
internal sealed record Decision(Wish Wish, PolicyIdentity? First)
{
    public bool IsGranted => !Wish.Ruling.Refuses && First is null;

    public ImmutableArray<Finding> Findings =>
        First is not null ? [.. Wish.Ruling.Findings, ClaimedBy(First)]
        : IsGranted ? [.. Wish.Ruling.Findings, .. Wish.Findings]
        : Wish.Ruling.Findings;

    /// <summary>What else is in the way, behind what is said.</summary>
    public ImmutableArray<Finding> Behind =>
        First is null ? Wish.Behind() : [.. Wish.Findings.Where(f => f.State.IsInTheWay), .. Wish.Behind()];

    private Finding ClaimedBy(PolicyIdentity first) =>
        new(
            Wish.Policy,
            Wish.Device.ToString(),
            FindingState.Blocked,
            Reasons.ClaimedByOther,
            $"{Wish.What} is already claimed by {first}, which has precedence: narrow the selectors of one of the two, or raise "
                + "priority here"
        );
}
