using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>A broken device is out of service from the moment it shows it until a reset proves it, and nobody's device is reset.</summary>
public sealed class HealthTests
{
    private const string Silent =
        "its configuration space reads all ones, so it does not answer: it lost power, its firmware crashed, or its link is down";
    private static readonly PciAddress Gpu = PciAddress.Parse("0000:43:00.0");
    private static readonly Ownership Ours = Ownership.None.Owns("0000:43:00.0", "nouveau");

    private static Machine Taken(bool answers, long errors = 0) =>
        new Machine().Gpu(driver: "vfio-pci").Change("0000:43:00.0", f => f with { Health = new FunctionHealth(answers, errors) });

    private static Ownership Known(string? fault, long errors) =>
        Ours with
        {
            Health = Ours.Health.Add(Gpu, new KnownHealth(Gpu, fault, errors)),
        };

    [Fact]
    public void One_that_does_not_answer_is_recorded_reset_and_cleared()
    {
        var plan = (Given.Input(Taken(answers: false), Given.HostDevice()) with { Ownership = Ours }).Plan();

        Assert.Equal(
            ["record a fault of 0000:43:00.0 at 0 errors", "reset 0000:43:00.0", "clear the fault of 0000:43:00.0 at 0 errors"],
            plan.Steps()
        );
        Assert.Equal([Gpu], plan.Lanes[0].Disturbs);
        Assert.Equal($"0000:43:00.0 is out of service: {Silent}", Assert.Single(plan.Units).Fault);
        plan.Says("0000:43:00.0", FindingState.Waiting, Reasons.Faulty, $"0000:43:00.0 is out of service: {Silent}; it is being reset");
    }

    [Theory]
    [InlineData(0, 1, "it reported 1 fatal PCIe error (aer_dev_fatal)")]
    [InlineData(2, 5, "it reported 3 fatal PCIe errors (aer_dev_fatal)")]
    public void Fatal_errors_count_from_the_last_reset_on(long accounted, long now, string fault)
    {
        var plan = (Given.Input(Taken(answers: true, now), Given.HostDevice()) with { Ownership = Known(null, accounted) }).Plan();
        var quiet = (Given.Input(Taken(answers: true, accounted), Given.HostDevice()) with { Ownership = Known(null, accounted) }).Plan();

        Assert.Equal($"0000:43:00.0 is out of service: {fault}", Assert.Single(plan.Units).Fault);
        Assert.Null(Assert.Single(quiet.Units).Fault);
        Assert.Empty(quiet.Lanes);
    }

    [Fact]
    public void One_that_answers_again_by_itself_stays_out_of_service_until_it_was_reset()
    {
        var plan = (Given.Input(Taken(answers: true), Given.HostDevice()) with { Ownership = Known("it was silent", 0) }).Plan();

        Assert.Equal(["reset 0000:43:00.0", "clear the fault of 0000:43:00.0 at 0 errors"], plan.Steps());
    }

    [Fact]
    public void One_in_use_is_recorded_and_not_reset()
    {
        var plan = (
            Given.Input(Taken(answers: false), Given.HostDevice()) with
            {
                Ownership = Ours,
                Usage = Given.Users(("0000:43:00.0", UserKind.Pod, "pod vms/a has 0000:43:00.0")),
            }
        ).Plan();

        Assert.Equal(["record a fault of 0000:43:00.0 at 0 errors"], plan.Steps());
        plan.Says(
            "0000:43:00.0",
            FindingState.Waiting,
            Reasons.Faulty,
            $"0000:43:00.0 is out of service: {Silent}; it is reset as soon as nobody has it; in use: pod vms/a has 0000:43:00.0"
        );
    }

    [Fact]
    public void One_that_cannot_be_reset_says_so()
    {
        var machine = Taken(answers: false).Change("0000:43:00.0", f => f with { ResetMethods = [] });
        var input = Given.Input(machine, Given.HostDevice()) with { Ownership = Ours };

        var said = Assert.Single(input.Plan().Findings, f => f.Reason == Reasons.Faulty);
        Assert.Equal(("0000:43:00.0", FindingState.Blocked), (said.Device, said.State));
        Assert.Equal(
            $"0000:43:00.0 is out of service: {Silent}; the kernel knows no way to reset it: remove and rescan it, or power-cycle the host",
            said.Message
        );
    }

    private const string Returns =
        "it stays out of service until the host boots again, or until it was removed and is found again: once nobody has it, write 1 to "
        + "/sys/bus/pci/devices/0000:43:00.0/remove, and to /sys/bus/pci/rescan when this is no longer said. A reset by hand is not seen";

    [Fact]
    public void One_that_the_policy_lets_nobody_reset_is_recorded_and_says_what_brings_it_back()
    {
        var policy = Given.HostDevice(pci: p => p with { Reset = ResetChoice.Never });
        var input = Given.Input(Taken(answers: false), policy) with { Ownership = Ours };
        var plan = input.Plan();

        Assert.Equal(["record a fault of 0000:43:00.0 at 0 errors"], plan.Steps());
        Says(
            plan,
            FindingState.Blocked,
            Reasons.Faulty,
            $"0000:43:00.0 is out of service: {Silent}; it is not reset, because the policy says reset: Never (with Auto it is): {Returns}"
        );
        Says(
            plan,
            FindingState.Noticed,
            Reasons.ResetByVfio,
            "0000:43:00.0: reset: Never keeps Hostdev from resetting it; VFIO resets it all the same whenever a VM opens or closes it, and "
                + "the VMM whenever the VM starts again"
        );

        // Answering is no proof, and somebody who has it stands in the way of its removal.
        var back = (
            input with
            {
                Inventory = Taken(answers: true),
                Ownership = Known("it was silent", 0),
                Usage = Given.Users(("0000:43:00.0", UserKind.Pod, "pod vms/a has 0000:43:00.0")),
            }
        ).Plan();
        Assert.Empty(back.Lanes);
        Assert.Equal("0000:43:00.0 is out of service: it was silent", Assert.Single(back.Units).Fault);
        Says(
            back,
            FindingState.Blocked,
            Reasons.Faulty,
            "0000:43:00.0 is out of service: it was silent; it is not reset, because the policy says reset: Never (with Auto it is): "
                + $"{Returns}; in use: pod vms/a has 0000:43:00.0"
        );
    }

    [Fact]
    public void A_virtual_function_of_a_pool_that_is_never_reset_is_not()
    {
        var machine = new Machine()
            .PhysicalFunction(vfs: 1, vfDriver: "vfio-pci")
            .Change("0000:41:10.0", f => f with { Health = new FunctionHealth(false, 0) });
        var policy = Given.Sriov(null, pools: [Given.Pool("all", 0, 0) with { Reset = ResetChoice.Never }]);
        var plan = (
            Given.Input(machine, policy) with
            {
                Ownership = Ownership.None.Owns("0000:41:10.0", null, policy: "sriovpolicy-nics"),
            }
        ).Plan();

        Assert.Equal(["record a fault of 0000:41:10.0 at 0 errors"], plan.Steps());
        Assert.Single(plan.Findings, f => f.Reason == Reasons.ResetByVfio);
    }

    /// <summary>The version before took it, and what is in force stays.</summary>
    [Fact]
    public void A_board_that_a_reset_harms_is_not_reset_whatever_the_policy_says()
    {
        var machine = Taken(answers: false).Change("0000:43:00.0", f => f with { Device = PciId.Parse("2c05") });
        var policy = Given.HostDevice(selector: new PciSelector { Addresses = [Gpu] });
        var plan = (Given.Input(machine, policy) with { Ownership = Ours }).Plan();

        Assert.Equal(["record a fault of 0000:43:00.0 at 0 errors"], plan.Steps());
        Says(
            plan,
            FindingState.Blocked,
            Reasons.Faulty,
            $"0000:43:00.0 is out of service: {Silent}; it is not reset, because a reset of 0000:43:00.0 (NVIDIA GeForce RTX 5070 Ti) "
                + $"may freeze the host (https://github.com/NVIDIA/open-gpu-kernel-modules/issues/853): {Returns}"
        );
    }

    [Fact]
    public void A_reset_that_failed_is_not_tried_before_its_time()
    {
        var input = Given.Input(Taken(answers: false), Given.HostDevice()) with
        {
            Ownership = Known(Silent, 0),
            Setbacks = Given.Input(new Machine()).Setbacks.Add(Purpose.Reset(Gpu), new Setback(Reasons.StepFailed, "resetting it failed")),
        };

        Assert.Empty(input.Plan().Lanes);
        input
            .Plan()
            .Says("0000:43:00.0", FindingState.Blocked, Reasons.Faulty, $"0000:43:00.0 is out of service: {Silent}; resetting it failed");
    }

    [Fact]
    public void One_that_is_gone_is_forgotten()
    {
        var plan = (Given.Input(new Machine()) with { Ownership = Known(Silent, 0) }).Plan();

        Assert.Contains("forget the fault of 0000:43:00.0", plan.Steps());
    }

    private static void Says(Plan plan, FindingState state, Reason reason, string message)
    {
        var said = Assert.Single(plan.Findings, f => f.Reason == reason);
        Assert.Equal(("0000:43:00.0", state, message), (said.Device, said.State, said.Message));
    }
}
