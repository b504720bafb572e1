using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Tests.Inventory;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>
/// A policy is fulfilled when all that its pools name is there: the kinds of cases 10-vfs-that-are-not-there and
/// 11-native-pool-with-autoprobe-off.
/// </summary>
public sealed class PoolFindingTests
{
    private const string Pf = "0000:41:00.0";

    [Fact]
    public void Case_10_vfs_that_are_not_there_with_a_gap_names_what_is_missing()
    {
        using var reported = FieldCase.Load("10-vfs-that-are-not-there");
        var input = reported.Input("desired-external.yaml");
        var plan = input.Plan();

        plan.Says(
            "0000:3b:00.0",
            FindingState.Waiting,
            Reasons.NoVfs,
            "0000:3b:00.0 has 3 VFs, and pool a names 0-7, of which 2, 4-7 are not there: make them, or lower last"
        );
        Assert.Equal(["0000:3b:02.0", "0000:3b:02.1", "0000:3b:02.3"], plan.UnitIds());
        Assert.Equal(5, Assert.Single(plan.Policies).Missing);
        Golden.MatchesWords("case-10", input, "0000:3b:00.0");
    }

    [Theory]
    [InlineData(0, "0000:41:00.0 has 0 VFs, and pool all names 0-5: make them, or lower last")]
    [InlineData(1, "0000:41:00.0 has 1 VF, and pool all names 0-5: make them, or lower last")]
    [InlineData(2, "0000:41:00.0 has 2 VFs, and pool all names 0-5: make them, or lower last")]
    public void Fewer_VFs_than_pools_name_are_said_with_both_numbers(int vfs, string message)
    {
        var plan = Given
            .Input(new Machine().PhysicalFunction(vfs: vfs, vfDriver: "igbvf"), Given.Sriov(null, pools: [Given.Pool("all", 0, 5)]))
            .Plan();

        plan.Says(Pf, FindingState.Waiting, Reasons.NoVfs, message);
        Assert.Equal(vfs, plan.Units.Length);
    }

    [Fact]
    public void Several_pools_are_one_sentence_and_those_that_are_whole_are_not_in_it()
    {
        var pools = new[] { Given.Pool("a", 0, 1), Given.Pool("b", 2, 3), Given.Pool("host", 4, 4, DriverType.Native) };
        var plan = Given.Input(new Machine().PhysicalFunction(vfs: 2, vfDriver: "igbvf"), Given.Sriov(null, pools: [.. pools])).Plan();

        plan.Says(
            Pf,
            FindingState.Waiting,
            Reasons.NoVfs,
            "0000:41:00.0 has 2 VFs, and pool b names 2-3, and pool host names 4: make them, or lower last"
        );
        Assert.Equal(2, plan.Policies[0].Missing); // what the host's driver would have is not offered
    }

    [Fact]
    public void What_is_about_to_be_made_and_what_something_else_stands_in_the_way_of_is_not_said_twice()
    {
        Assert.Empty(Given.Input(new Machine().PhysicalFunction(), Given.Sriov(4, pools: [Given.Pool("all", 0, 3)])).Plan().Findings);
        Assert.Equal(
            Reasons.TooManyVfs,
            Given.Input(new Machine().PhysicalFunction(), Given.Sriov(16, pools: [Given.Pool("all", 0, 15)])).Plan().About(Pf).Reason
        );
    }

    [Fact]
    public void A_VF_of_an_owned_number_that_does_not_show_is_said()
    {
        var machine = new Machine()
            .PhysicalFunction(vfs: 2, vfDriver: "vfio-pci")
            .Change(Pf, f => f with { Sriov = f.Sriov! with { NumVfs = 3 } });
        var plan = (
            Given.Input(machine, Given.Sriov(3, pools: [Given.Pool("all", 0, 2)])) with
            {
                Ownership = Ownership.None.OwnsVfsOf(Pf, asked: 3, made: 3),
            }
        ).Plan();

        plan.Says(Pf, FindingState.Waiting, Reasons.NoVfs, "0000:41:00.0 has 2 VFs, and pool all names 0-2: make them, or lower last");
    }

    [Fact]
    public void Case_11_native_pool_with_autoprobe_off_gets_the_hosts_driver_and_the_setting_is_as_it_was()
    {
        var applier = new PlanApplier(new Machine().PhysicalFunction(autoprobe: false));
        var steps = new List<string>();
        var plan = applier.Settle(Given.Input(applier.Inventory, Mixed(3)), look: (p, _) => steps.AddRange(p.Steps()));

        Assert.Equal(
            ["vfio-pci", "igbvf", "igbvf"],
            applier.Inventory.Functions.Values.Where(f => f.IsVirtualFunction).Select(f => f.Driver)
        );
        Assert.False(applier.Inventory.Functions[PciAddress.Parse(Pf)].Sriov!.Autoprobe);
        Assert.Empty(plan.Findings);
        Assert.Equal(
            [
                "autoprobe 1 on 0000:41:00.0",
                "probe 0000:41:10.2 for the host",
                "probe 0000:41:10.4 for the host",
                "autoprobe 0 on 0000:41:00.0",
                "probe 0000:41:10.0 for vfio-pci",
            ],
            steps.Where(s => s.StartsWith("autoprobe", StringComparison.Ordinal) || s.StartsWith("probe", StringComparison.Ordinal))
        );
        applier.Settle(Given.Input(applier.Inventory));
        Assert.False(applier.Inventory.Functions[PciAddress.Parse(Pf)].Sriov!.Autoprobe);
        Assert.Empty(applier.Ownership.PhysicalFunctions);
    }

    [Fact]
    public void Interrupted_at_any_step_the_setting_is_as_it_was_in_the_end_and_native_VFs_have_their_driver()
    {
        for (var stop = 0; stop <= 10; stop++)
        {
            var applier = new PlanApplier(new Machine().PhysicalFunction(autoprobe: false));
            var input = Given.Input(applier.Inventory, Mixed(3));
            applier.Apply(input.Plan());
            applier.Apply((input with { Inventory = applier.Inventory, Ownership = applier.Ownership }).Plan(), stop);
            applier.Settle(input);

            Assert.Equal(
                ["vfio-pci", "igbvf", "igbvf"],
                applier.Inventory.Functions.Values.Where(f => f.IsVirtualFunction).Select(f => f.Driver)
            );
            Assert.False(applier.Inventory.Functions[PciAddress.Parse(Pf)].Sriov!.Autoprobe);
        }
    }

    [Fact]
    public void A_VF_that_goes_from_a_vfio_pool_to_a_native_one_gets_the_hosts_driver_too()
    {
        var applier = new PlanApplier(new Machine().PhysicalFunction(autoprobe: false));
        applier.Settle(Given.Input(applier.Inventory, Given.Sriov(3, pools: [Given.Pool("vms", 0, 2)])));
        var plan = applier.Settle(Given.Input(applier.Inventory, Mixed(3)));

        Assert.Equal(
            ["vfio-pci", "igbvf", "igbvf"],
            applier.Inventory.Functions.Values.Where(f => f.IsVirtualFunction).Select(f => f.Driver)
        );
        Assert.False(applier.Inventory.Functions[PciAddress.Parse(Pf)].Sriov!.Autoprobe);
        Assert.False(applier.Ownership.PhysicalFunctions[PciAddress.Parse(Pf)].SetupOpen);
        Assert.Empty(plan.Findings);
    }

    [Fact]
    public void A_VF_that_had_a_host_driver_gets_it_back_although_autoprobe_is_off()
    {
        var machine = new Machine()
            .PhysicalFunction(vfs: 1, autoprobe: false, vfDriver: "vfio-pci")
            .Change("0000:41:10.0", f => f with { DriverOverride = "vfio-pci" });
        var plan = (Given.Input(machine) with { Ownership = Ownership.None.Owns("0000:41:10.0", "igbvf") }).Plan();

        Assert.Equal(
            [
                "unbind 0000:41:10.0 from vfio-pci",
                "override igbvf on 0000:41:10.0",
                "probe 0000:41:10.0 for the host",
                "override nothing on 0000:41:10.0",
                "forget 0000:41:10.0",
            ],
            plan.Steps()
        );

        // A crash before the override was cleared again.
        var crashed = machine.Change("0000:41:10.0", f => f with { Driver = "igbvf", DriverOverride = "igbvf" });
        var rest = (Given.Input(crashed) with { Ownership = Ownership.None.Owns("0000:41:10.0", "igbvf") }).Plan();
        Assert.Equal(["override nothing on 0000:41:10.0", "forget 0000:41:10.0"], rest.Steps());
    }

    [Theory]
    [InlineData(
        true,
        "load the driver for 8086:10ca, or look at dmesg for why it does not take it; "
            + "then write 0000:41:10.2 to /sys/bus/pci/drivers_probe"
    )]
    [InlineData(
        false,
        "sriov_drivers_autoprobe of 0000:41:00.0 is 0, which keeps drivers from it: "
            + "write 1 to it, and 0000:41:10.2 to /sys/bus/pci/drivers_probe"
    )]
    public void A_native_VF_without_a_driver_is_said_whoever_made_it(bool autoprobe, string remedy)
    {
        var machine = new Machine()
            .PhysicalFunction(vfs: 2, autoprobe: autoprobe, vfDriver: "vfio-pci")
            .Change("0000:41:10.2", f => f with { Driver = null });
        var pools = new[] { Given.Pool("vms", 0, 0), Given.Pool("host", 1, 1, DriverType.Native) };
        foreach (
            var (policy, owned) in ((EffectivePolicy, Ownership)[])
                [(Given.Sriov(null, pools: [.. pools]), Ownership.None), (Given.Sriov(2, pools: [.. pools]), Ownership.None.OwnsVfsOf(Pf))]
        )
        {
            var plan = (Given.Input(machine, policy) with { Ownership = owned }).Plan();
            plan.Says(
                "0000:41:10.2",
                FindingState.Blocked,
                Reasons.DriverMissing,
                $"0000:41:10.2 is in pool host, whose driver is the host's own (Native), and has no driver: {remedy}"
            );
            Assert.Equal(["0000:41:10.0"], plan.UnitIds());
            Golden.MatchesWords(
                autoprobe ? "case-11-driver" : "case-11-autoprobe",
                Given.Input(machine, policy) with
                {
                    Ownership = Ownership.None.OwnsVfsOf(Pf).Owns("0000:41:10.0", null),
                },
                "0000:41:10.2"
            );
        }
    }

    private static EffectivePolicy Mixed(int numVfs) =>
        Given.Sriov(numVfs, pools: [Given.Pool("vms", 0, 0), Given.Pool("host", 1, 2, DriverType.Native)]);
}
