using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>
/// Virtual functions that could never be passed, because the port above does not isolate them from their physical function, are not made
/// without a word.
/// </summary>
public sealed class VfIsolationTests
{
    private const string Pf = "0000:41:00.0";
    private const string Port = "0000:40:00.0";
    private const string Unpassable =
        $"{Pf} is in one IOMMU group with the port above it ({Port}), " + "and so would be its VFs, none of which could be passed: ";

    [Fact]
    public void VFs_for_VMs_are_not_made_where_they_would_share_the_physical_function_s_group()
    {
        var input = Given.Input(Unisolated(), Given.Sriov(4));
        input.Plan().Refuses(Pf, Reasons.VfsNotIsolated, $"{Unpassable}none is made; enable ACS in firmware, or use another slot");
        Golden.MatchesWords("vfs-not-isolated", input, Pf);
    }

    [Fact]
    public void Those_that_the_host_gets_too_are_made_and_it_is_said_before()
    {
        var plan = Given
            .Input(Unisolated(), Given.Sriov(2, pools: [Given.Pool("vms", 0, 0), Given.Pool("host", 1, 1, DriverType.Native)]))
            .Plan();
        Assert.Contains("numvfs 2 on 0000:41:00.0", plan.Steps());
        plan.Says(
            Pf,
            FindingState.Noticed,
            Reasons.VfsNotIsolated,
            $"{Unpassable}they are made for those that the policy leaves to the host; enable ACS in firmware, or use another slot"
        );
    }

    [Fact]
    public void VFs_for_the_host_alone_are_made_without_a_word()
    {
        var plan = Given.Input(Unisolated(), Given.Sriov(2, pools: [Given.Pool("host", 0, 1, DriverType.Native)])).Plan();
        Assert.NotEmpty(plan.Lanes);
        Assert.Empty(plan.Findings);
    }

    [Theory]
    [InlineData(20, false)] // the port isolates
    [InlineData(21, true)] // another function of the slot is in the group: its VFs are not
    public void VFs_that_will_be_alone_are_made(int portsGroup, bool sharesWithOther)
    {
        var machine = Unisolated(portsGroup + 1);
        if (sharesWithOther)
            machine.Function("0000:41:00.1", 20, "igb", "8086:10c9", 0x020000);
        Assert.Contains("numvfs 4 on 0000:41:00.0", Given.Input(machine, Given.Sriov(4)).Plan().Steps());
    }

    [Fact]
    public void On_POWER_groups_are_not_made_by_ports() =>
        Assert.NotEmpty(Given.Input(Unisolated().Facts(f => f with { Architecture = "ppc64le" }), Given.Sriov(4)).Plan().Lanes);

    [Fact]
    public void Those_that_are_in_force_stay_as_they_are_and_only_another_number_is_refused()
    {
        var machine = Unisolated(vfs: 4);
        var owned = Ownership.None.OwnsVfsOf(Pf, asked: 4, made: 4);
        Assert.Empty((Given.Input(machine, Given.Sriov(4)) with { Ownership = owned }).Plan().Lanes);
        var other = (Given.Input(machine, Given.Sriov(2)) with { Ownership = owned }).Plan();
        Assert.Empty(other.Lanes);
        Assert.EndsWith(
            "none of which could be passed: their number is left as it is; enable ACS in firmware, or use another slot",
            other.About(Pf).Message,
            StringComparison.Ordinal
        );

        Assert.Contains("numvfs 0 on 0000:41:00.0", (Given.Input(machine, Given.Sriov(0)) with { Ownership = owned }).Plan().Steps());
    }

    private static Machine Unisolated(int portsGroup = 20, int vfs = 0) =>
        new Machine()
            .Bridge(Port, portsGroup)
            .PhysicalFunction(vfs: vfs, vfGroup: 20, vfDriver: "igbvf")
            .Change(Pf, f => f with { Path = [PciAddress.Parse(Port)] });
}
