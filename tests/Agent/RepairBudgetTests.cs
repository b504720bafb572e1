using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Applying;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Agent;

/// <summary>How often something is put back before it is left.</summary>
public sealed class RepairBudgetTests : IDisposable
{
    private static readonly PciAddress Gpu = PciAddress.Parse("0000:43:00.0");
    private static readonly Purpose Take = Purpose.Take(Gpu);
    private static readonly PciAddress Pf = PciAddress.Parse("0000:41:00.0");

    private readonly string _directory = Directory.CreateTempSubdirectory("repairs-").FullName;
    private readonly Clock _clock = new();

    [Fact]
    public void After_three_repairs_the_fourth_loss_is_left_and_said()
    {
        var budget = Open();
        Taken(budget);
        for (var i = 0; i < 3; i++)
        {
            Assert.Empty(budget.Contested("a"));
            _clock.Now += TimeSpan.FromSeconds(40);
            Taken(budget);
        }

        Assert.Equal(
            new Setback(
                Reasons.Contested,
                "something else on this host took 0000:43:00.0 from vfio-pci again and again: it was put back 3 "
                    + "times in 80 seconds, and is left now. Find and stop it (a udev rule, driverctl, tuned, another "
                    + "device plugin, a script); it is tried again 1 h after the last time, or when the desired "
                    + "state changes"
            ),
            budget.Contested("a")[Take]
        );
        Assert.Equal(_clock.Now.AddHours(1), budget.NextDue);
    }

    [Fact]
    public void A_number_of_VFs_is_counted_by_what_makes_them_not_by_what_finishes_them()
    {
        var budget = Open();
        for (var i = 0; i < 3; i++)
        {
            budget.Learn("a", [Outcome(Purpose.Vfs(Pf), new PlanStep.SetNumVfs(Pf, 4, []))]);
            budget.Learn("a", [Outcome(Purpose.Vfs(Pf), new JournalRecord.CloseVfSetup(Pf))]);
        }

        Assert.Empty(budget.Contested("a"));
        budget.Learn("a", [Outcome(Purpose.Vfs(Pf), new PlanStep.SetNumVfs(Pf, 4, []))]);
        Assert.StartsWith(
            "something else on this host changed sriov_numvfs of 0000:41:00.0 from 4 again and again",
            budget.Contested("a")[Purpose.Vfs(Pf)].Message,
            StringComparison.Ordinal
        );
    }

    /// <summary>One of a device group that is given back because another device of it cannot be had, and taken again with it.</summary>
    [Fact]
    public void What_the_agent_itself_undid_is_no_repair_and_what_it_merely_forgets_is()
    {
        var budget = Open();
        for (var i = 0; i < 6; i++)
        {
            Taken(budget);
            budget.Learn("a", [Outcome(Purpose.Release(Gpu), new PlanStep.Unbind(Gpu, "vfio-pci", []))]);
        }

        Assert.Empty(budget.Contested("a"));
        for (var i = 0; i < 4; i++)
        {
            Taken(budget);
            budget.Learn("a", [Outcome(Purpose.Release(Gpu), new JournalRecord.ForgetFunction(Gpu))]);
        }

        Assert.NotEmpty(budget.Contested("a"));
    }

    [Fact]
    public void An_hour_of_quiet_refills_it()
    {
        var budget = Open();
        for (var i = 0; i < 4; i++)
            Taken(budget);
        Assert.NotEmpty(budget.Contested("a"));
        _clock.Now += TimeSpan.FromHours(1);

        Assert.Empty(budget.Contested("a"));
        Assert.Null(budget.NextDue);
        Taken(budget);
        Assert.Empty(budget.Contested("a")); // the first of three again
    }

    [Fact]
    public void A_changed_desired_state_refills_it_and_the_old_one_does_not_come_back()
    {
        var budget = Open();
        for (var i = 0; i < 4; i++)
            Taken(budget);

        Assert.Empty(budget.Contested("b"));
        Taken(budget, "b");
        Assert.Empty(budget.Contested("a"));
    }

    [Fact]
    public void A_restart_refills_nothing_and_a_boot_does()
    {
        var budget = Open();
        for (var i = 0; i < 4; i++)
            Taken(budget);

        Assert.Equal(budget.Contested("a"), Open().Contested("a"));
        Assert.Empty(Open("boot-2").Contested("a"));
        File.WriteAllText(Path.Combine(_directory, RepairBudget.FileName), "{");
        Assert.Empty(Open().Contested("a"));
    }

    [Theory]
    [InlineData("", 1)]
    [InlineData("\"format\":1,", 1)]
    [InlineData("\"format\":2,", 0)]
    public void The_file_of_a_version_before_has_no_number_and_counts_and_a_later_format_does_not(string format, int contested)
    {
        var entry = $$"""{"what":"took {{Gpu}} from vfio-pci","repairs":3,"first":"{{_clock.Now:O}}","last":"{{_clock.Now:O}}"}""";
        var text = $$"""{ {{format}}"bootId":"boot-1","desired":"a","inForce":{"{{Take}}":{{entry}} } }""";
        File.WriteAllText(Path.Combine(_directory, RepairBudget.FileName), text);

        Assert.Equal(contested, Open().Contested("a").Count);
    }

    [Fact]
    public void What_did_not_get_through_and_what_is_given_back_is_no_repair()
    {
        var budget = Open();
        for (var i = 0; i < 9; i++)
        {
            budget.Learn("a", [Outcome(Take, new PlanStep.Probe(Gpu, "vfio-pci"), new StepOutcome.Failed(Reasons.StepFailed, "no"))]);
            budget.Learn("a", [Outcome(Purpose.Release(Gpu), new PlanStep.Probe(Gpu, "nouveau"))]);
        }

        Assert.Empty(budget.Contested("a"));
        Assert.False(
            File.Exists(Path.Combine(_directory, RepairBudget.FileName))
                && File.ReadAllText(Path.Combine(_directory, RepairBudget.FileName)).Contains("43:00", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void A_repair_that_is_undone_before_it_is_through_is_one_too_and_the_first_time_is_none()
    {
        var budget = Open();
        var undone = new StepOutcome.Failed(Reasons.StepFailed, "its driver is nouveau") { Undone = true };
        void Undone() => budget.Learn("a", [Outcome(Take, new PlanStep.Probe(Gpu, "vfio-pci"), undone)]);
        for (var i = 0; i < 9; i++)
            Undone();
        Assert.Empty(budget.Contested("a"));

        Taken(budget);
        Undone();
        Taken(budget);
        Assert.Empty(budget.Contested("a"));
        Undone();

        Assert.StartsWith(
            "something else on this host took 0000:43:00.0 from vfio-pci again and again: it was put back 3 times",
            budget.Contested("a")[Take].Message,
            StringComparison.Ordinal
        );
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private RepairBudget Open(string bootId = "boot-1") => new(_directory, bootId, _clock);

    private static void Taken(RepairBudget budget, string desired = "a") =>
        budget.Learn(desired, [Outcome(Take, new PlanStep.Probe(Gpu, "vfio-pci"))]);

    private static LaneOutcome Outcome(Purpose purpose, PlanStep step, StepOutcome? outcome = null) =>
        new(new Lane(Gpu, []), [new StepResult(new LaneStep(purpose, step), outcome ?? StepOutcome.Done.Instance)]);
}
