using Hostdev.Crds.Words;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>The chain by which a case of any class of device is judged.</summary>
public sealed class ChecksTests
{
    [Fact]
    public void The_first_objection_that_refuses_is_said_and_nothing_behind_it_is_asked()
    {
        var ruling = new Checks<Case>(
            _ => null,
            _ => Objection.Of(Reasons.TooManyVfs, "too many"),
            _ => throw new InvalidOperationException("it is refused already")
        ).Judge(new Case(null));

        Assert.Equal("Blocked TooManyVfs too many", Assert.Single(ruling.Findings).Message);
        Assert.True(ruling is { Refuses: true, Waits: false, AsksWhoUses: false });
    }

    [Fact]
    public void What_is_only_noticed_refuses_nothing_and_is_said_before_what_comes_after_it()
    {
        var ruling = new Checks<Case>(
            _ => Objection.Notices(Reasons.VfsNotIsolated, "not isolated"),
            _ => Objection.Waits(Reasons.InUse, "in use")
        ).Judge(new Case(null));

        Assert.Equal(["Noticed VfsNotIsolated not isolated", "Waiting InUse in use"], ruling.Findings.Select(f => f.Message));
        Assert.True(ruling is { Refuses: true, Waits: true });
    }

    [Fact]
    public void A_rule_for_what_is_new_leaves_what_is_in_force_and_says_why_it_stays()
    {
        var checks = new Checks<Case>(_ => Objection.Of(Reasons.NotEligible, "not eligible", isForNewAlone: true));

        var stays = checks.Judge(new Case("A VM has it"));
        Assert.Equal("Noticed NotEligible not eligible. A VM has it", Assert.Single(stays.Findings).Message);
        Assert.True(stays is { Refuses: false, AsksWhoUses: true });

        var isNew = checks.Judge(new Case(null));
        Assert.Equal("Blocked NotEligible not eligible", Assert.Single(isNew.Findings).Message);
        Assert.True(isNew is { Refuses: true, AsksWhoUses: true });
    }

    [Fact]
    public void What_is_said_elsewhere_refuses_without_a_word()
    {
        var ruling = new Checks<Case>(_ => new Objection(FindingState.Releasing, Reasons.ReleaseWaits, null)).Judge(new Case(null));

        Assert.Empty(ruling.Findings);
        Assert.True(ruling.Refuses);
    }

    [Fact]
    public void What_failed_lately_waits_for_a_user_and_blocks_otherwise()
    {
        Assert.Null(Objection.Of((Setback?)null));
        Assert.Equal(FindingState.Waiting, Objection.Of(new Setback(Reasons.InUse, "somebody has it"))!.State);
        Assert.Equal(FindingState.Blocked, Objection.Of(new Setback(Reasons.StepFailed, "it did not bind"))!.State);
    }

    private sealed record Case(string? WhyItStays) : ICase
    {
        public Finding Say(FindingState state, Reason reason, string message) =>
            new(null, "0000:41:00.0", state, reason, $"{state} {reason} {message}");
    }
}
