using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>How many virtual functions a physical function gets, and what stands in the way.</summary>
public sealed class VfCountTests
{
    private static readonly Ownership Ours = Ownership.None.OwnsVfsOf("0000:41:00.0");

    [Fact]
    public void More_VFs_than_there_can_be_are_refused_before_any_step()
    {
        var plan = Given.Input(new Machine().PhysicalFunction(total: 8), Given.Sriov(16)).Plan();

        Assert.Empty(plan.Lanes);
        plan.Says(
            "0000:41:00.0",
            FindingState.Blocked,
            Reasons.TooManyVfs,
            "0000:41:00.0 asks for 16 VFs but sriov_totalvfs is 8: set numVfs to at most 8, or raise it in firmware"
        );
    }

    [Fact]
    public void Too_many_VFs_lose_none_of_those_that_are_there()
    {
        var machine = new Machine().PhysicalFunction(total: 8, vfs: 2, vfDriver: "vfio-pci");
        var plan = (
            Given.Input(machine, Given.Sriov(16)) with
            {
                Ownership = Ours.Owns("0000:41:10.0", null).Owns("0000:41:10.2", null),
            }
        ).Plan();

        Assert.Empty(plan.Lanes);
        Assert.Equal(["0000:41:10.0", "0000:41:10.2"], plan.UnitIds());
    }

    [Fact]
    public void VFs_that_Hostdev_did_not_make_are_never_reset()
    {
        var plan = Given.Input(new Machine().PhysicalFunction(vfs: 3, vfDriver: "igbvf"), Given.Sriov(2, pools: [])).Plan();

        Assert.Empty(plan.Lanes);
        plan.Says(
            "0000:41:00.0",
            FindingState.Blocked,
            Reasons.ForeignVfs,
            "0000:41:00.0 has 3 VFs that Hostdev did not make, and 2 are asked for: they are never reset; remove "
                + "them by hand, set numVfs to 3, or use management External"
        );
    }

    [Fact]
    public void Foreign_VFs_of_the_right_number_are_used_and_not_owned()
    {
        var plan = Given.Input(new Machine().PhysicalFunction(vfs: 2, vfDriver: "igbvf"), Given.Sriov(2)).Plan();

        Assert.Equal(["0000:41:10.0", "0000:41:10.2"], plan.UnitIds());
        Assert.DoesNotContain(
            plan.Steps(),
            s => s.Contains("the VFs of", StringComparison.Ordinal) || s.Contains("numvfs", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void External_takes_the_VFs_that_are_there_however_many()
    {
        var plan = Given
            .Input(new Machine().PhysicalFunction(vfs: 3, vfDriver: "igbvf"), Given.Sriov(null, pools: [Given.Pool("some", 1, 2)]))
            .Plan();

        Assert.Equal(["0000:41:10.2", "0000:41:10.4"], plan.UnitIds());
        Assert.Empty(plan.Findings);
        Assert.Empty(Given.Input(new Machine().PhysicalFunction(), Given.Sriov(null)).Plan().Lanes);
    }

    [Fact]
    public void A_device_without_SR_IOV_is_said_to_have_none()
    {
        var plan = Given.Input(new Machine().Function("0000:41:00.0", 20, "igb", "8086:10c9", 0x020000), Given.Sriov(2)).Plan();

        plan.Says(
            "0000:41:00.0",
            FindingState.Blocked,
            Reasons.NoSriov,
            "0000:41:00.0 has no SR-IOV capability: select another device, or enable SR-IOV in its firmware"
        );
    }

    [Theory]
    [InlineData(null, "0000:41:00.0 has no driver, which makes no virtual functions: bind its own driver first")]
    [InlineData("vfio-pci", "0000:41:00.0 has the driver vfio-pci, which makes no virtual functions: bind its own driver first")]
    public void A_physical_function_without_its_own_driver_makes_no_VFs(string? driver, string message)
    {
        var plan = Given.Input(new Machine().PhysicalFunction(driver: driver), Given.Sriov(2)).Plan();

        Assert.Empty(plan.Lanes);
        plan.Says("0000:41:00.0", FindingState.Blocked, Reasons.PhysicalFunctionUnbound, message);
    }

    [Fact]
    public void A_number_that_cannot_be_read_changes_nothing()
    {
        var machine = new Machine()
            .PhysicalFunction(vfs: 2, vfDriver: "vfio-pci")
            .Change("0000:41:00.0", f => f with { Sriov = f.Sriov! with { NumVfs = null } });
        var owned = Ours.Owns("0000:41:10.0", null).Owns("0000:41:10.2", null);
        var kept = (Given.Input(machine, Given.Sriov(4)) with { Ownership = owned }).Plan();
        var released = (Given.Input(machine) with { Ownership = Ours }).Plan();

        Assert.Empty(kept.Lanes);
        Assert.Equal(["0000:41:10.0", "0000:41:10.2"], kept.UnitIds());
        kept.Says(
            "0000:41:00.0",
            FindingState.Blocked,
            Reasons.SriovBusy,
            "sriov_numvfs of 0000:41:00.0 cannot be read now, because another PCI operation blocks the kernel: look "
                + "for a process that holds a virtual function which is being removed"
        );
        Assert.Empty(released.Lanes);
    }

    [Fact]
    public void From_N_to_M_all_go_first_and_none_is_offered_meanwhile()
    {
        var machine = new Machine().PhysicalFunction(vfs: 2, vfDriver: "vfio-pci");
        var plan = (
            Given.Input(machine, Given.Sriov(4)) with
            {
                Ownership = Ours.Owns("0000:41:10.0", null).Owns("0000:41:10.2", null),
            }
        ).Plan();

        Assert.Equal(["numvfs 0 on 0000:41:00.0", "forget 0000:41:10.0", "forget 0000:41:10.2"], plan.Steps());
        Assert.Empty(plan.Units);
        Assert.Equal(["0000:41:10.0", "0000:41:10.2"], plan.Lanes[0].Disturbs.Select(a => a.ToString()));
    }

    [Theory]
    [InlineData(Disruption.WhenIdle, false, "")]
    [InlineData(Disruption.Cordon, true, "; meanwhile none is offered")]
    public void From_N_to_M_waits_for_every_user_and_names_them(Disruption disruption, bool cordoned, string addition)
    {
        var machine = new Machine().PhysicalFunction(vfs: 3, vfDriver: "vfio-pci");
        var input = Given.Input(machine, Given.Sriov(4, spec: s => s with { Disruption = disruption })) with
        {
            Ownership = Ours.Owns("0000:41:10.0", null).Owns("0000:41:10.2", null).Owns("0000:41:10.4", null),
            Usage = Given.Users(
                ("0000:41:10.2", UserKind.Pod, "pod default/vm has 0000:41:10.2"),
                ("0000:41:10.4", UserKind.VfioHolder, "process 7 (qemu) has /dev/vfio/9 open")
            ),
        };
        var plan = input.Plan();

        Assert.Empty(plan.Lanes);
        Assert.Equal(3, plan.Units.Length);
        Assert.All(plan.Units, u => Assert.Equal(cordoned, u.Cordoned));
        plan.Says(
            "0000:41:00.0",
            FindingState.Waiting,
            Reasons.InUse,
            "0000:41:00.0 goes from 3 to 4 VFs, which needs all of them free, but pod default/vm has 0000:41:10.2; "
                + $"0000:41:10.4: process 7 (qemu) has /dev/vfio/9 open: it is done as soon as they are let go{addition}"
        );
    }

    [Fact]
    public void A_user_who_came_at_the_last_moment_cordons_too()
    {
        var machine = new Machine().PhysicalFunction(vfs: 1, vfDriver: "vfio-pci");
        var input = Given.Input(machine, Given.Sriov(4, spec: s => s with { Disruption = Disruption.Cordon })) with
        {
            Ownership = Ours.Owns("0000:41:10.0", null),
            Setbacks = Given.Setback("vfs 0000:41:00.0", Reasons.InUse, "in use: process 7 (qemu); it goes on when they let go"),
        };

        Assert.True(Assert.Single(input.Plan().Units).Cordoned);
        input.Plan().Says("0000:41:00.0", FindingState.Waiting, Reasons.InUse, "in use: process 7 (qemu); it goes on when they let go");
    }

    [Fact]
    public void Going_to_no_VFs_lets_go_of_the_physical_function()
    {
        var applier = new PlanApplier(new Machine().PhysicalFunction());
        applier.Settle(Given.Input(applier.Inventory, Given.Sriov(2)));
        applier.Settle(Given.Input(applier.Inventory, Given.Sriov(0)));

        Assert.Equal(0, applier.Inventory.Functions[PciAddress.Parse("0000:41:00.0")].Sriov!.NumVfs);
        Assert.Empty(applier.Ownership.PhysicalFunctions);
        Assert.Empty(applier.Ownership.Functions);
    }

    [Fact]
    public void Pools_divide_the_VFs_by_index_and_the_rest_stays_the_host_s()
    {
        var machine = new Machine().PhysicalFunction(vfs: 6, vfDriver: "igbvf");
        var pools = new[] { Given.Pool("slow", 0, 1), Given.Pool("host", 2, 3, DriverType.Native), Given.Pool("fast", 4, 4) };
        var plan = Given.Input(machine, Given.Sriov(null, pools: [.. pools])).Plan();

        Assert.Equal(
            ["0000:41:10.0 example.com/vf-slow", "0000:41:10.2 example.com/vf-slow", "0000:41:11.0 example.com/vf-fast"],
            plan.Units.Select(u => $"{u.Id} {u.Resource}")
        );
        Assert.DoesNotContain(
            plan.Steps(),
            s => s.Contains("0000:41:10.4", StringComparison.Ordinal) || s.Contains("0000:41:11.2", StringComparison.Ordinal)
        );
        Assert.Equal(["example.com/vf-fast", "example.com/vf-slow"], plan.Resources.Select(r => r.Value));
    }

    [Fact]
    public void A_policy_counts_its_physical_functions()
    {
        var plan = Given.Input(new Machine().PhysicalFunction().PhysicalFunction("0000:42:00.0", 21), Given.Sriov(2)).Plan();

        Assert.Equal(2, Assert.Single(plan.Policies).Matched);
        Assert.Equal(["0000:41:00.0", "0000:42:00.0"], plan.Lanes.Select(l => l.Key.ToString()));
    }

    [Fact]
    public void A_VF_whose_protection_is_overridden_is_taken()
    {
        var usage = Given.Users(("0000:41:10.0", UserKind.NetworkAddress, "eth9 has 192.0.2.9/24"));
        var byAddress = new PfSelector { Addresses = [PciAddress.Parse("0000:41:00.0")] };
        var machine = new Machine().PhysicalFunction(vfs: 1, vfDriver: "igbvf");

        var blocked = (Given.Input(machine, Given.Sriov(1)) with { Usage = usage }).Plan();
        var allowed = (
            Given.Input(
                machine,
                Given.Sriov(1, spec: s => s with { PhysicalFunctions = [byAddress], AllowProtected = [Protection.Network] })
            ) with
            {
                Usage = usage,
            }
        ).Plan();

        Assert.Equal(Reasons.Protected, blocked.About("0000:41:10.0").Reason);
        Assert.Equal(["0000:41:10.0"], allowed.UnitIds());
    }
}
