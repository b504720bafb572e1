using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Commands;
using Hostdev.Planning;
using Hostdev.Planning.Explaining;
using Hostdev.Planning.Foreseeing;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>What planning does not touch although it is not as desired: halts, fights, what was found, and what somebody has.</summary>
public sealed class LeftAloneTests
{
    private static readonly Halt Stop = Halt.Disabled("/var/lib/hostdev/disabled", "call Ada");
    private static readonly Ownership Ours = Ownership.None.Owns("0000:43:00.0", "nouveau");

    [Fact]
    public void A_halt_leaves_no_step_to_take_or_to_give_back_and_keeps_what_is_in_force()
    {
        var machine = new Machine().Gpu(driver: "vfio-pci").Gpu("0000:44:00.0", 13);
        var input = Given.Input(machine, Given.HostDevice()) with { Ownership = Ours };
        Assert.NotEmpty(input.Plan().Lanes);
        Assert.NotEmpty((input with { Policies = [] }).Plan().Lanes);

        Assert.Empty((input with { Halt = Stop }).Plan().Lanes);
        Assert.Empty((input with { Halt = Stop, Policies = [] }).Plan().Lanes);
        Assert.Equal(["0000:43:00.0", "0000:44:00.0"], (input with { Halt = Stop }).Plan().UnitIds());
        Assert.Equal(Stop, (input with { Halt = Stop }).Plan().Halt);
    }

    [Fact]
    public void A_dry_run_says_why_nothing_is_done()
    {
        var machine = new Machine().Gpu();
        var input = Given.Input(machine, Given.HostDevice()) with { Halt = Halt.BootLoop("/var/lib/hostdev/boots.json", 2) };
        var words =
            "Nothing is done now: BootLoop: the last 2 boots of this machine ended while this desired state was "
            + "being applied: it is not applied again, and what is in force is offered. Change the desired state (any "
            + "change lifts this); or, when something else ended the boots: rm /var/lib/hostdev/boots.json";

        Assert.StartsWith(words, PlanText.Render(Foresight.Of(input)), StringComparison.Ordinal);
        Assert.Contains(words["Nothing is done now: ".Length..], Golden.Explain(input, "0000:43:00.0"), StringComparison.Ordinal);
    }

    /// <summary>The controller's own domain ends as the machine's does.</summary>
    [Fact]
    public void What_is_said_of_a_device_behind_a_VMD_controller_is_not_said_of_the_one_that_its_address_ends_with()
    {
        var machine = new Machine().Gpu();
        var nvme = PciAddress.Parse("10000:43:00.0");
        var policy = Given.Identity("HostDevice", "gpus");
        var plan = Plan.Nothing with
        {
            Findings = [new Finding(policy, $"{nvme}", FindingState.Blocked, Reasons.StepFailed, $"{nvme} did not bind")],
            Lanes = [new Lane(nvme, [new LaneStep(Purpose.Take(nvme), new PlanStep.Probe(nvme, "vfio-pci"))])],
        };

        var explanation = Explanation.Of(Given.Input(machine), PciAddress.Parse("0000:43:00.0"), plan);
        var words = ExplainText.Render(explanation, Standing.Followed, [])!;
        Assert.EndsWith("No policy asks for it.\n", words, StringComparison.Ordinal);
        Assert.DoesNotContain("10000:", words, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_contested_is_left_when_it_is_lost_and_what_was_begun_of_it_is_undone()
    {
        var contested = Given.Setback("take 0000:43:00.0", Reasons.Contested, "something else on this host took it");
        var input = Given.Input(
            new Machine().Gpu().Change("0000:43:00.0", f => f with { DriverOverride = "vfio-pci" }),
            Given.HostDevice()
        ) with
        {
            Ownership = Ours,
            Contested = contested,
        };
        var plan = input.Plan();

        Assert.Equal(["override nothing on 0000:43:00.0", "forget 0000:43:00.0"], plan.Steps());
        // Taken away by another hand, which may bring it back: its record stays.
        Assert.Empty((input with { Inventory = new Machine().Gpu() }).Plan().Lanes);
        plan.Says("0000:43:00.0", FindingState.Blocked, Reasons.Contested, "something else on this host took it");
    }

    [Fact]
    public void What_is_contested_and_in_force_is_offered_without_a_word()
    {
        var contested = Given
            .Setback("take 0000:43:00.0", Reasons.Contested)
            .Add(Purpose.Parse("vfs 0000:41:00.0"), new Setback(Reasons.Contested, "x"));
        var machine = new Machine().Gpu(driver: "vfio-pci").PhysicalFunction(vfs: 1, vfDriver: "vfio-pci");
        var input = Given.Input(machine, Given.HostDevice(), Given.Sriov(1)) with
        {
            Ownership = Ours.OwnsVfsOf("0000:41:00.0").Owns("0000:41:10.0", null),
            Contested = contested,
        };

        Assert.Equal(["0000:41:10.0", "0000:43:00.0"], input.Plan().UnitIds());
        Assert.Empty(input.Plan().Lanes);
        Assert.Empty(input.Plan().Findings);
    }

    [Fact]
    public void A_contested_number_of_VFs_is_left_and_its_last_setup_is_finished()
    {
        var contested = Given.Setback("vfs 0000:41:00.0", Reasons.Contested, "something else on this host changed it");
        var none = Given.Input(new Machine().PhysicalFunction(autoprobe: false), Given.Sriov(2)) with
        {
            Ownership = Ownership.None.OwnsVfsOf("0000:41:00.0", setupOpen: true),
            Contested = contested,
        };
        Assert.Equal(["autoprobe 1 on 0000:41:00.0", "close the setup of 0000:41:00.0"], none.Plan().Steps());
        none.Plan().Says("0000:41:00.0", FindingState.Blocked, Reasons.Contested, "something else on this host changed it");

        var made = none with { Inventory = new Machine().PhysicalFunction(vfs: 2, autoprobe: false) };
        Assert.Contains("probe 0000:41:10.0 for vfio-pci", made.Plan().Steps());
        Assert.Contains("close the setup of 0000:41:00.0", made.Plan().Steps());
    }

    [Fact]
    public void What_was_found_on_a_passthrough_driver_is_said_and_given_to_no_other_driver()
    {
        var wanted = Given.Input(new Machine().Gpu(driver: "vfio-pci"), Given.HostDevice()).Plan();
        var unwanted = Given.Input(new Machine().Gpu(driver: "vfio-pci")).Plan();

        Assert.Empty(wanted.Lanes);
        Assert.Equal(
            "0000:43:00.0 was found on vfio-pci: it is used as it is, and stays there when its policy goes",
            Assert.Single(wanted.Findings).Message
        );
        Assert.Empty(unwanted.Lanes);
        var left = Assert.Single(unwanted.Findings);
        Assert.Equal(
            (null, FindingState.Adopted, "Left on vfio-pci, as it was found: Hostdev did not bind it, and gives it to no other driver"),
            (left.Policy, left.State, left.Message)
        );
    }

    [Theory]
    [InlineData(Disruption.WhenIdle, false)]
    [InlineData(Disruption.Cordon, true)]
    public void A_change_between_two_vfio_drivers_waits_for_the_user_with_the_unit_as_it_is(Disruption disruption, bool cordoned)
    {
        var policy = Given.HostDevice(
            pci: p =>
                p with
                {
                    Driver = new DriverChoice { Type = DriverType.Named, Name = "mlx5_vfio_pci" },
                },
            spec: s => s with { Disruption = disruption }
        );
        var input = Given.Input(new Machine().Gpu(driver: "vfio-pci"), policy) with { Ownership = Ours };
        Assert.Contains("unbind 0000:43:00.0 from vfio-pci", input.Plan().Steps());

        var plan = (input with { Usage = Given.Users(("0000:43:00.0", UserKind.Pod, "pod default/vm has 0000:43:00.0")) }).Plan();
        Assert.Empty(plan.Lanes);
        var unit = Assert.Single(plan.Units);
        Assert.Equal(("vfio-pci", cordoned), (unit.Assigned.Single().Driver, unit.Cordoned));
        plan.Says(
            "0000:43:00.0",
            FindingState.Waiting,
            Reasons.InUse,
            "0000:43:00.0 is in use: pod default/vm has 0000:43:00.0: it is taken as soon as nobody uses "
                + $"it{(cordoned ? "; meanwhile it is not offered" : "")}"
        );

        var raced = (input with { Setbacks = Given.Setback("take 0000:43:00.0", Reasons.InUse, "in use: a pod came first") }).Plan();
        Assert.Empty(raced.Lanes); // not given back to the host in between
        Assert.Equal(cordoned, Assert.Single(raced.Units).Cordoned);
    }

    [Fact]
    public void A_function_that_lost_its_driver_while_somebody_has_it_is_not_touched()
    {
        var machine = new Machine().Gpu(driver: null).Change("0000:43:00.0", f => f with { DriverOverride = "vfio-pci" });
        var held = Given.Users(("0000:43:00.0", UserKind.VfioHolder, "/dev/vfio/12 is held open by process 7 (qemu)"));
        var input = Given.Input(machine, Given.HostDevice()) with { Ownership = Ours, Usage = held };

        Assert.Empty(input.Plan().Lanes);
        input
            .Plan()
            .Says(
                "0000:43:00.0",
                FindingState.Waiting,
                Reasons.InUse,
                "0000:43:00.0 is in use: /dev/vfio/12 is held open by process 7 (qemu): it is taken as soon as nobody uses it"
            );
        Assert.Empty((input with { Policies = [] }).Plan().Lanes);
        (input with { Policies = [] })
            .Plan()
            .Says(
                "0000:43:00.0",
                FindingState.Releasing,
                Reasons.ReleaseWaits,
                "0000:43:00.0 is given back as soon as it is let go; it is in use: /dev/vfio/12 is held open by process 7 (qemu)"
            );
    }

    [Fact]
    public void A_unit_of_which_a_part_is_the_hosts_has_no_present_form()
    {
        var policy = Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.AssignSiblings });
        var busy = Given.Users(("0000:43:00.1", UserKind.OpenNode, "process 7 (pulseaudio) has /dev/snd/pcmC0D0p open"));
        var plan = (Given.Input(new Machine().Gpu(driver: "vfio-pci").Audio(), policy) with { Usage = busy }).Plan();

        Assert.Empty(plan.Units);
        plan.Says(
            "0000:43:00.0",
            FindingState.Waiting,
            Reasons.InUse,
            "0000:43:00.1 is in use: process 7 (pulseaudio) has /dev/snd/pcmC0D0p open: it is taken as soon as nobody uses it"
        );
    }

    [Fact]
    public void Who_cannot_be_named_is_waited_for_and_never_overridden()
    {
        var everything = Enum.GetValues<Protection>().ToImmutableArray();
        var input = Given.Input(new Machine().Gpu(), Given.HostDevice(spec: s => s with { AllowProtected = everything })) with
        {
            Usage = Given.Users(("0000:43:00.0", UserKind.Unknown, "the kernel says that it is busy")),
        };

        Assert.Empty(input.Plan().Lanes);
        input
            .Plan()
            .Says(
                "0000:43:00.0",
                FindingState.Waiting,
                Reasons.InUse,
                "0000:43:00.0 is in use: the kernel says that it is busy: it is taken as soon as nobody uses it"
            );
        Assert.DoesNotContain(
            UserKind.Unknown,
            (
                (PlanStep.Unbind)
                    (input with { Usage = HostUsage.Nobody }).Plan().Lanes[0].Steps.Select(s => s.Step).First(s => s is PlanStep.Unbind)
            ).Overridden
        );
    }
}
