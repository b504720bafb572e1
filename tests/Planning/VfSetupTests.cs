using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>
/// Making virtual functions so that each is bound exactly once, and going on wherever it was interrupted (contracts/kernel.md, "More about
/// binding and VFs").
/// </summary>
public sealed class VfSetupTests
{
    private static readonly PciAddress Pf = PciAddress.Parse("0000:41:00.0");
    private static readonly ImmutableArray<VfPool> OnePool = [Given.Pool("first", 0, 0)];

    [Fact]
    public void First_come_the_journal_autoprobe_and_the_number()
    {
        var plan = Given.Input(new Machine().PhysicalFunction(), Given.Sriov(2)).Plan();

        Assert.Equal(
            [
                "record the VFs of 0000:41:00.0: 0, autoprobe 1",
                "open the setup of 0000:41:00.0",
                "autoprobe 0 on 0000:41:00.0",
                "numvfs 2 on 0000:41:00.0",
            ],
            plan.Steps()
        );
        Assert.All(plan.Lanes[0].Steps, s => Assert.Equal(Purpose.Vfs(PciAddress.Parse("0000:41:00.0")), s.Purpose));
        Assert.Empty(plan.Units);
    }

    [Fact]
    public void Then_overrides_autoprobe_as_it_was_a_probe_of_every_VF_and_the_end()
    {
        var applier = new PlanApplier(new Machine().PhysicalFunction());
        var input = Given.Input(applier.Inventory, Given.Sriov(2, pools: OnePool));
        applier.Apply(input.Plan());
        var plan = (input with { Inventory = applier.Inventory, Ownership = applier.Ownership }).Plan();

        Assert.Equal(
            [
                "record 0000:41:10.0 with no driver",
                "override vfio-pci on 0000:41:10.0",
                "autoprobe 1 on 0000:41:00.0",
                "probe 0000:41:10.0 for vfio-pci",
                "probe 0000:41:10.2 for the host",
                "close the setup of 0000:41:00.0",
            ],
            plan.Steps()
        );
    }

    [Fact]
    public void A_VF_that_fails_fails_alone()
    {
        var machine = new Machine().PhysicalFunction(vfs: 2, autoprobe: false);
        var plan = (
            Given.Input(machine, Given.Sriov(2)) with
            {
                Ownership = Ownership.None.OwnsVfsOf("0000:41:00.0", setupOpen: true),
            }
        ).Plan();

        Assert.Equal(
            ["take 0000:41:10.0", "take 0000:41:10.2", "vfs 0000:41:00.0"],
            plan.Lanes[0].Steps.Select(s => s.Purpose.ToString()).Distinct().Order()
        );
        Assert.All(
            plan.Lanes[0].Steps.Where(s => s.Step is PlanStep.SetAutoprobe or PlanStep.Record { Entry: JournalRecord.CloseVfSetup }),
            s => Assert.Equal(Purpose.Vfs(PciAddress.Parse("0000:41:00.0")), s.Purpose)
        );
    }

    [Fact]
    public void A_host_that_has_autoprobe_off_keeps_it_off()
    {
        var applier = new PlanApplier(new Machine().PhysicalFunction(autoprobe: false));
        var seen = new List<string>();
        applier.Settle(Given.Input(applier.Inventory, Given.Sriov(2, pools: OnePool)), look: (plan, _) => seen.AddRange(plan.Steps()));

        Assert.DoesNotContain(seen, s => s.StartsWith("autoprobe", StringComparison.Ordinal));
        Assert.Contains("record the VFs of 0000:41:00.0: 0, autoprobe 0", seen);
        Assert.Equal("vfio-pci", applier.Inventory.Functions[PciAddress.Parse("0000:41:10.0")].Driver);
        Assert.Null(applier.Inventory.Functions[PciAddress.Parse("0000:41:10.2")].Driver);
    }

    [Fact]
    public void In_the_end_pooled_VFs_are_on_vfio_pci_the_others_on_the_host_s_driver_and_the_setting_is_back()
    {
        var applier = new PlanApplier(new Machine().PhysicalFunction());
        var plan = applier.Settle(
            Given.Input(applier.Inventory, Given.Sriov(3, pools: [Given.Pool("a", 0, 0), Given.Pool("host", 1, 1, DriverType.Native)])),
            passes: 2
        );

        Assert.Equal(
            ["vfio-pci", "igbvf", "igbvf"],
            applier.Inventory.Functions.Values.Where(f => f.IsVirtualFunction).Select(f => f.Driver)
        );
        Assert.True(applier.Inventory.Functions[Pf].Sriov!.Autoprobe);
        Assert.False(applier.Ownership.PhysicalFunctions[Pf].SetupOpen);
        Assert.Equal(["0000:41:10.0"], plan.UnitIds());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Interrupted_at_any_step_it_goes_on_to_the_same_end(bool givenBack)
    {
        var whole = new PlanApplier(new Machine().PhysicalFunction());
        var input = Given.Input(whole.Inventory, Given.Sriov(3, pools: [Given.Pool("a", 0, 1)]));
        whole.Settle(input);

        for (var first = 0; first <= 4; first++)
        {
            for (var second = 0; second <= 10; second++)
            {
                var crashing = new PlanApplier(new Machine().PhysicalFunction());
                crashing.Apply(input.Plan(), stopAfter: first);
                crashing.Apply((input with { Inventory = crashing.Inventory, Ownership = crashing.Ownership }).Plan(), stopAfter: second);
                crashing.Settle(givenBack ? Given.Input(crashing.Inventory) : input);

                var expected = givenBack ? new Machine().PhysicalFunction() : whole.Inventory;
                Assert.Equal(
                    expected.Functions.Values.Select(f => (f.Address, f.Driver, f.DriverOverride)),
                    crashing.Inventory.Functions.Values.Select(f => (f.Address, f.Driver, f.DriverOverride))
                );
                Assert.True(crashing.Inventory.Functions[Pf].Sriov!.Autoprobe, $"autoprobe after {first} and {second} steps");
                if (givenBack)
                    Assert.Empty(crashing.Ownership.PhysicalFunctions);
            }
        }
    }

    [Fact]
    public void While_the_setup_is_open_units_are_taken_by_the_setup_and_not_twice()
    {
        var machine = new Machine().PhysicalFunction(vfs: 1, autoprobe: false);
        var plan = (
            Given.Input(machine, Given.Sriov(1)) with
            {
                Ownership = Ownership.None.OwnsVfsOf("0000:41:00.0", setupOpen: true),
            }
        ).Plan();

        Assert.Single(plan.Steps(), s => s == "probe 0000:41:10.0 for vfio-pci");
    }

    [Fact]
    public void A_VF_that_came_up_on_a_host_driver_meanwhile_is_moved()
    {
        var machine = new Machine().PhysicalFunction(vfs: 1, vfDriver: "igbvf");
        var plan = (
            Given.Input(machine, Given.Sriov(1)) with
            {
                Ownership = Ownership.None.OwnsVfsOf("0000:41:00.0", setupOpen: true),
            }
        ).Plan();

        Assert.Equal(
            [
                "prove 0000:41:10.0 free",
                "record 0000:41:10.0 with igbvf",
                "override vfio-pci on 0000:41:10.0",
                "unbind 0000:41:10.0 from igbvf",
                "probe 0000:41:10.0 for vfio-pci",
                "close the setup of 0000:41:00.0",
            ],
            plan.Steps()
        );
    }

    [Fact]
    public void A_physical_function_whose_VFs_vanished_gets_them_again_without_recording_anew()
    {
        var plan = (
            Given.Input(new Machine().PhysicalFunction(), Given.Sriov(2)) with
            {
                Ownership = Ownership.None.OwnsVfsOf("0000:41:00.0").Owns("0000:41:10.0", null),
            }
        ).Plan();

        Assert.Equal(["forget 0000:41:10.0"], plan.Lanes.Single(l => l.Key != Pf).Steps.Select(s => s.Step.Words()));
        Assert.Equal(
            ["open the setup of 0000:41:00.0", "autoprobe 0 on 0000:41:00.0", "numvfs 2 on 0000:41:00.0"],
            plan.Lanes.Single(l => l.Key == Pf).Steps.Select(s => s.Step.Words())
        );
    }

    [Fact]
    public void A_setup_that_failed_waits_for_its_time_with_the_hosts_own_autoprobe()
    {
        var input = Given.Input(new Machine().PhysicalFunction(autoprobe: false), Given.Sriov(2)) with
        {
            Ownership = Ownership.None.OwnsVfsOf("0000:41:00.0", setupOpen: true),
            Setbacks = Given.Setback("vfs 0000:41:00.0", Reasons.StepFailed, "writing \"2\" to sriov_numvfs failed: ENOMEM"),
        };

        Assert.Equal(["autoprobe 1 on 0000:41:00.0", "close the setup of 0000:41:00.0"], input.Plan().Steps());
        // So that the setback of the setup is not forgotten with it.
        Assert.All(input.Plan().Lanes[0].Steps, s => Assert.Equal(Purpose.Release(PciAddress.Parse("0000:41:00.0")), s.Purpose));
        input.Plan().Says("0000:41:00.0", FindingState.Blocked, Reasons.StepFailed, "writing \"2\" to sriov_numvfs failed: ENOMEM");
    }
}
