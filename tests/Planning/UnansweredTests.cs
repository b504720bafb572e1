using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>A busy machine is not a broken one: advice that destroys a device is for what the kernel said of it.</summary>
public sealed class UnansweredTests
{
    private static readonly ReadProblem Late = new(
        "/sys/devices/x/0000:43:00.0/driver_override",
        "was not read within 30 s: this machine is too busy"
    )
    {
        Unanswered = true,
    };

    private static readonly ReadProblem Garbled = new("/sys/devices/x/0000:43:00.0/vendor", "is empty");

    [Fact]
    public void What_was_not_answered_in_time_is_no_reason_to_remove_the_device()
    {
        var input = Given.Input(new Machine().Gpu().Change("0000:43:00.0", f => f with { Unreadable = [Late] }), Given.HostDevice());
        var plan = input.Plan();

        Golden.MatchesWords("unanswered", input, "0000:43:00.0");
        Assert.Equal(
            "0000:43:00.0 is left as it is, because /sys/devices/x/0000:43:00.0/driver_override was not read within "
                + "30 s: this machine is too busy: "
                + "nothing is wrong with it as far as is known, and it is read again; if it stays so, find who holds "
                + "it or what keeps this machine busy",
            Assert.Single(plan.Findings, f => f.Reason == Reasons.Unreadable).Message
        );
        Assert.Empty(plan.Lanes);
    }

    [Fact]
    public void What_the_kernel_said_comes_first_and_keeps_its_advice()
    {
        var plan = Given
            .Input(new Machine().Gpu().Change("0000:43:00.0", f => f with { Unreadable = [Late, Garbled] }), Given.HostDevice())
            .Plan();

        Assert.Equal(
            "0000:43:00.0 is left as it is, because /sys/devices/x/0000:43:00.0/vendor is empty: look at dmesg; "
                + "a rescan (1 to its remove file, then to /sys/bus/pci/rescan) or a reboot often helps, else the device is failing",
            Assert.Single(plan.Findings, f => f.Reason == Reasons.Unreadable).Message
        );
    }

    /// <summary>The bridge of a group, or a sibling, that was not read in time: what is in force with it stays.</summary>
    [Theory]
    [InlineData("0000:40:00.0")]
    [InlineData("0000:43:00.1")]
    public void What_is_in_force_stays_while_another_member_of_its_group_is_not_answered(string member)
    {
        var policy = Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings });
        var machine = new Machine().Bridge("0000:40:00.0", 12).Gpu(driver: "vfio-pci").Audio(driver: "vfio-pci");
        var owned = Ownership.None.Owns("0000:43:00.0", "nouveau").Owns("0000:43:00.1", "snd_hda_intel");
        Assert.Empty((Given.Input(machine, policy) with { Ownership = owned }).Plan().Lanes);

        var plan = (Given.Input(machine.Change(member, f => f with { Unreadable = [Late] }), policy) with { Ownership = owned }).Plan();
        Assert.Empty(plan.Lanes);
        Assert.Contains(plan.Findings, f => f.Reason == Reasons.Unreadable && f.State == FindingState.Blocked);
        Assert.NotEmpty((Given.Input(machine) with { Ownership = owned }).Plan().Lanes); // no policy wants it any more
    }
}
