using Hostdev.Crds;
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
}
