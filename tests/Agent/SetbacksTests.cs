using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Applying;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Agent;

public sealed class SetbacksTests
{
    private static readonly PciAddress Gpu = PciAddress.Parse("0000:43:00.0");
    private static readonly Purpose TakeA = Purpose.Take(Gpu);
    private static readonly Purpose TakeB = Purpose.Take(PciAddress.Parse("0000:44:00.0"));
    private static readonly Purpose VfsA = Purpose.Vfs(Gpu);
    private static readonly StepOutcome Failed = new StepOutcome.Failed(Reasons.StepFailed, "it did not bind");
    private static readonly StepOutcome InUse = new StepOutcome.InUse(["process 7 (qemu)", "pod default/vm"]);

    private readonly Clock _clock = new();
    private readonly Setbacks _setbacks;

    public SetbacksTests() => _setbacks = new Setbacks(_clock);

    [Fact]
    public void The_wait_after_a_failure_doubles_from_five_seconds_to_five_minutes()
    {
        var waits = new List<double>();
        for (var i = 0; i < 9; i++)
        {
            Learn(TakeA, Failed);
            waits.Add((_setbacks.NextDue!.Value - _clock.Now).TotalSeconds);
            _clock.Now = _setbacks.NextDue.Value;
            Assert.Empty(_setbacks.Active());
        }

        Assert.Equal([5, 10, 20, 40, 80, 160, 300, 300, 300], waits);
    }

    [Fact]
    public void Until_its_time_what_failed_is_held_back_with_its_words()
    {
        Learn(TakeA, Failed);
        _clock.Now += TimeSpan.FromSeconds(4.9);
        Assert.Equal(new Setback(Reasons.StepFailed, "it did not bind"), _setbacks.Active()[TakeA]);

        _clock.Now += TimeSpan.FromSeconds(0.1);
        Assert.Empty(_setbacks.Active());
        Assert.Null(_setbacks.NextDue);
    }

    [Fact]
    public void A_user_is_looked_at_again_every_two_seconds_and_named()
    {
        for (var i = 0; i < 5; i++)
        {
            Learn(TakeA, InUse);
            Assert.Equal(_clock.Now.AddSeconds(2), _setbacks.NextDue);
            Assert.Equal(
                new Setback(Reasons.InUse, "in use: process 7 (qemu); pod default/vm; it goes on when they let go"),
                _setbacks.Active()[TakeA]
            );
            _clock.Now += TimeSpan.FromSeconds(2);
            Assert.Empty(_setbacks.Active());
        }
    }

    [Fact]
    public void A_failure_after_a_user_begins_with_the_first_wait()
    {
        Learn(TakeA, InUse);
        Learn(TakeA, Failed);

        Assert.Equal(_clock.Now.AddSeconds(5), _setbacks.NextDue);
    }

    [Fact]
    public void A_success_forgets_how_often_it_failed()
    {
        Learn(TakeA, Failed);
        Learn(TakeA, Failed);
        Learn(TakeA, StepOutcome.Done.Instance);
        _setbacks.Look(Plan.Nothing);
        Assert.Empty(_setbacks.Active());

        Learn(TakeA, Failed);
        Assert.Equal(_clock.Now.AddSeconds(5), _setbacks.NextDue);
    }

    /// <summary>Case 09: the removal of the VFs between two failures succeeded each time, and so the wait never grew.</summary>
    [Fact]
    public void A_step_that_succeeds_in_between_clears_nothing_as_long_as_more_of_its_attempt_is_to_be_done()
    {
        var more = Plan.Nothing with { Lanes = [new Lane(Gpu, [new LaneStep(VfsA, new PlanStep.SetNumVfs(Gpu, 4, []))])] };
        var waits = new List<double>();
        for (var i = 0; i < 4; i++)
        {
            Learn(VfsA, StepOutcome.Done.Instance); // what is there is removed
            _setbacks.Look(more);
            Learn(VfsA, Failed); // and cannot be made again
            _setbacks.Look(Plan.Nothing);
            waits.Add((_setbacks.NextDue!.Value - _clock.Now).TotalSeconds);
            _clock.Now = _setbacks.NextDue.Value;
            Assert.Empty(_setbacks.Active());
        }

        Assert.Equal([5, 10, 20, 40], waits);
    }

    [Fact]
    public void The_last_step_of_a_purpose_decides_and_purposes_do_not_mix()
    {
        var steps = new[] { Result(TakeA, StepOutcome.Done.Instance), Result(TakeB, StepOutcome.Done.Instance), Result(TakeA, Failed) };
        _setbacks.Learn(new LaneOutcome(new Lane(Gpu, []), [.. steps]));

        Assert.Equal([TakeA], _setbacks.Active().Keys);
    }

    [Fact]
    public void The_soonest_is_due_next()
    {
        Learn(TakeA, Failed);
        Learn(TakeB, InUse);

        Assert.Equal(_clock.Now.AddSeconds(2), _setbacks.NextDue);
    }

    [Fact]
    public void A_changed_wish_may_try_everything_anew()
    {
        Learn(TakeA, Failed);
        _setbacks.Clear();

        Assert.Empty(_setbacks.Active());
        Assert.Null(_setbacks.NextDue);
    }

    private void Learn(Purpose purpose, StepOutcome outcome) =>
        _setbacks.Learn(new LaneOutcome(new Lane(Gpu, []), [Result(purpose, outcome)]));

    private static StepResult Result(Purpose purpose, StepOutcome outcome) =>
        new(new LaneStep(purpose, new PlanStep.Probe(Gpu, "vfio-pci")), outcome);
}
