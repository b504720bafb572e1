using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Agent;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Agent;

/// <summary>When the machine is looked at again where no event tells: by how what was found ends.</summary>
public sealed class NextLookTests
{
    private static readonly AgentTimings s_timings = new()
    {
        WhileWaiting = TimeSpan.FromSeconds(2),
        WhileProtected = TimeSpan.FromSeconds(60),
        Resync = TimeSpan.FromSeconds(600),
    };

    [Theory]
    [InlineData("Waiting", "InUse", 2)] // a process closes a file
    [InlineData("Waiting", "Faulty", 2)] // a reset proves that it is back
    [InlineData("Waiting", "ReleaseWaits", 2)]
    [InlineData("Releasing", "ReleaseWaits", 2)]
    [InlineData("Releasing", "InUse", 2)]
    [InlineData("Blocked", "Protected", 60)] // an unmount
    [InlineData("Noticed", "Protected", 60)]
    [InlineData("Blocked", "Unreadable", 60)]
    [InlineData("Releasing", "Unreadable", 60)]
    [InlineData("Blocked", "StepTimedOut", 60)]
    [InlineData("Releasing", "NotReturned", 60)]
    [InlineData("Waiting", "NoVfs", 600)] // whoever makes them makes events
    [InlineData("Waiting", "Unconfirmed", 600)]
    [InlineData("Blocked", "Faulty", 600)] // it cannot be reset: nothing goes on by itself
    [InlineData("Blocked", "NoIommu", 600)]
    [InlineData("Blocked", "StepFailed", 600)] // it has a time of its own
    [InlineData("Held", "HeldSibling", 600)]
    [InlineData("Adopted", "Adopted", 600)]
    public void It_follows_from_what_ends_the_reason(string state, string reason, int seconds) =>
        Assert.Equal(seconds, s_timings.NextLook(With((state, reason))).TotalSeconds);

    [Fact]
    public void Of_many_findings_the_one_that_is_to_be_looked_at_first_decides()
    {
        Assert.Equal(60, s_timings.NextLook(With(("Blocked", "NoIommu"), ("Blocked", "Protected"), ("Waiting", "NoVfs"))).TotalSeconds);
        Assert.Equal(2, s_timings.NextLook(With(("Blocked", "Protected"), ("Waiting", "InUse"), ("Held", "HeldSibling"))).TotalSeconds);
    }

    [Fact]
    public void What_is_still_to_be_done_is_looked_at_soon_and_a_halt_waits_for_nobody()
    {
        var lane = new Lane(PciAddress.Parse("0000:43:00.0"), []);
        Assert.Equal(2, s_timings.NextLook(Plan.Nothing with { Lanes = [lane] }).TotalSeconds);
        Assert.Equal(600, s_timings.NextLook(Plan.Nothing).TotalSeconds);
        var halted = With(("Waiting", "InUse")) with { Halt = Halt.Disabled("/var/lib/hostdev/disabled", "") };
        Assert.Equal(600, s_timings.NextLook(halted).TotalSeconds);
    }

    /// <summary>Guards the agent's quiet: of a device that stays blocked every look is one too many.</summary>
    [Fact]
    public void Nothing_that_somebody_has_to_change_is_looked_at_by_the_clock() =>
        Assert.Equal([], Reasons.All.Where(r => r.Ends == Ends.Admin && s_timings.NextLook(With(("Blocked", r.Name))) != s_timings.Resync));

    private static Plan With(params (string State, string Reason)[] findings) =>
        Plan.Nothing with
        {
            Findings =
            [
                .. findings.Select(f => new Finding(null, "0000:43:00.0", FindingState.Of(f.State), Reasons.Of(f.Reason), "its words")),
            ],
        };
}
