using Hostdev.Crds.Kinds;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>What hangs together is done in order; what does not is done side by side.</summary>
public sealed class LaneTests
{
    [Fact]
    public void Different_groups_are_different_lanes()
    {
        var plan = Given.Input(new Machine().Gpu().Gpu("0000:44:00.0", 13), Given.HostDevice()).Plan();

        Assert.Equal(["0000:43:00.0", "0000:44:00.0"], plan.Lanes.Select(l => l.Key.ToString()));
    }

    [Fact]
    public void The_functions_of_one_group_share_a_lane_across_slots()
    {
        var machine = new Machine().Bridge("0000:40:01.0", 12).Gpu().Gpu("0000:44:00.0", 12);

        Assert.Equal(["0000:43:00.0"], Given.Input(machine, Given.HostDevice()).Plan().Lanes.Select(l => l.Key.ToString()));
    }

    [Fact]
    public void A_bridge_joins_no_lanes()
    {
        var machine = new Machine().Bridge("0000:40:01.0", 11).Gpu().Gpu("0000:44:00.0", 13);

        Assert.Equal(2, Given.Input(machine, Given.HostDevice()).Plan().Lanes.Length);
    }

    [Fact]
    public void A_physical_function_and_its_VFs_share_a_lane_and_another_has_its_own()
    {
        var machine = new Machine()
            .PhysicalFunction(vfs: 2, vfDriver: "igbvf")
            .PhysicalFunction("0000:42:00.0", 21, vfs: 1, vfDriver: "igbvf");
        var plan = Given.Input(machine, Given.Sriov(null)).Plan();

        Assert.Equal(["0000:41:00.0", "0000:42:00.0"], plan.Lanes.Select(l => l.Key.ToString()));
        Assert.Equal(["0000:41:10.0", "0000:41:10.2"], plan.Lanes[0].Disturbs.Select(a => a.ToString()));
    }

    [Fact]
    public void Two_physical_functions_in_one_group_share_a_lane()
    {
        var plan = Given.Input(new Machine().PhysicalFunction().PhysicalFunction("0000:41:00.1"), Given.Sriov(2)).Plan();

        Assert.Equal("0000:41:00.0", Assert.Single(plan.Lanes).Key.ToString());
    }

    [Fact]
    public void Within_a_lane_what_goes_goes_before_what_comes()
    {
        var machine = new Machine()
            .PhysicalFunction(vfs: 2, vfDriver: "igbvf")
            .Change("0000:41:10.2", f => f with { Driver = "vfio-pci", DriverOverride = "vfio-pci" });
        var plan = (
            Given.Input(machine, Given.Sriov(null, pools: [Given.Pool("a", 0, 0)])) with
            {
                Ownership = Ownership.None.Owns("0000:41:10.2", "igbvf"),
            }
        ).Plan();

        Assert.Equal(
            ["release 0000:41:10.2", "take 0000:41:10.0"],
            Assert.Single(plan.Lanes).Steps.Select(s => s.Purpose.ToString()).Distinct()
        );
    }

    [Fact]
    public void A_lane_disturbs_what_is_unbound_or_goes_and_nothing_else()
    {
        var machine = new Machine().Gpu().Audio(driver: null);
        var plan = Given.Input(machine, Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings })).Plan();

        Assert.Equal(["0000:43:00.0"], Assert.Single(plan.Lanes).Disturbs.Select(a => a.ToString()));
    }

    [Fact]
    public void A_machine_as_desired_has_no_lanes()
    {
        var applier = new PlanApplier(new Machine().Gpu().Audio().PhysicalFunction());
        var input = Given.Input(
            applier.Inventory,
            Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings }),
            Given.Sriov(4, pools: [Given.Pool("a", 0, 1, DriverType.Vfio)])
        );
        var plan = applier.Settle(input);

        Assert.Empty(plan.Lanes);
        Assert.Equal(["0000:41:10.0", "0000:41:10.2", "0000:43:00.0"], plan.UnitIds());
    }
}
