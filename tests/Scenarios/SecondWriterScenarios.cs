using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Agent;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// Something else on the host that undoes what is in force: it is put back a few times, then said and left. Two programs never fight over a
/// machine.
/// </summary>
public abstract class SecondWriterScenarios
{
    private const string Nic = "0000:86:00.0"; // e1000e, alone behind its root port
    private const string Pf = "/sys/bus/pci/devices/0000:81:00.0";

    private protected abstract IScenarioNode NewNode();

    [Fact]
    public async Task A_device_that_is_bound_away_every_second_is_put_back_a_few_times_then_left_and_said()
    {
        var node = NewNode();
        var desired = Desired.Policies(Desired.HostDevice("nic", Nic), Desired.HostDevice("edu", "0000:46:00.0"));
        await using var bench = await ScenarioBench.StartAsync(node, desired);
        await bench.ReadyAsync();
        using (BindAway(node))
        {
            await bench.UntilAsync(() => bench.Problem("nic").Reason == Reasons.Contested);
            var message = bench.Problem("nic").Message;
            Assert.StartsWith(
                $"something else on this host took {Nic} from vfio-pci again and again: it was put back {RepairBudget.Repairs} times in ",
                message,
                StringComparison.Ordinal
            );
            Assert.Contains(
                "Find and stop it (a udev rule, driverctl, tuned, another device plugin, a script)",
                message,
                StringComparison.Ordinal
            );
            await bench.UntilAsync(() =>
                bench.Why("Degraded").Message.Contains(message, StringComparison.Ordinal) && bench.Driver(Nic) == "e1000e"
            );
            // Fewer where the other hand cleared the override before the host's driver was asked for the device.
            Assert.InRange(TimesTaken(bench), 1, 1 + RepairBudget.Repairs);

            await NothingIsWrittenForAWhileAsync(bench);
            await bench.StopAgentAsync();
            bench.StartAgent(); // a restart gives no new budget
            await bench.UntilAsync(() => bench.Host.Agent.Reconciles > 0 && bench.Problem("nic").Reason == Reasons.Contested);
            await NothingIsWrittenForAWhileAsync(bench);
            Assert.Equal(0, bench.Host.Writer.Writes);
            Assert.Equal(1, bench.Kubelet.Allocatable("example.com/edu")); // nobody else suffers
        }

        bench.Desire(desired + Desired.HostDevice("noise", "0000:85:00.0"));
        await bench.ReadyAsync();
        Assert.Equal("vfio-pci", bench.Driver(Nic));
    }

    [Fact]
    public async Task VFs_that_are_removed_every_second_are_made_a_few_times_then_left_with_the_hosts_own_autoprobe()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.Vfs(2)));
        await bench.ReadyAsync();
        using (node.EverySecond(($"{Pf}/sriov_numvfs", "0")))
        {
            await bench.UntilAsync(() => bench.Problem("vfs").Reason == Reasons.Contested);
            Assert.StartsWith(
                "something else on this host changed sriov_numvfs of 0000:81:00.0 from 2 again and again: it was put "
                    + $"back {RepairBudget.Repairs} times in ",
                bench.Problem("vfs").Message,
                StringComparison.Ordinal
            );
            await bench.UntilAsync(() => bench.Read($"{Pf}/sriov_drivers_autoprobe") == "1" && bench.Read($"{Pf}/sriov_numvfs") == "0");
            await NothingIsWrittenForAWhileAsync(bench);
        }

        bench.Desire(Desired.Policies(Desired.Vfs(3)));
        await bench.ReadyAsync();
        Assert.Equal("3", bench.Read($"{Pf}/sriov_numvfs"));
    }

    /// <summary>
    /// An override says which driver a device gets next. A device that has its driver needs none, so there is nothing to repair.
    /// </summary>
    [Fact]
    public async Task An_override_that_is_cleared_every_second_changes_nothing_and_is_not_written_again()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("nic", Nic)));
        await bench.ReadyAsync();
        using (node.EverySecond(($"/sys/bus/pci/devices/{Nic}/driver_override", "\n")))
        {
            await bench.UntilAsync(() => bench.Read($"/sys/bus/pci/devices/{Nic}/driver_override") == "(null)");
            await NothingIsWrittenForAWhileAsync(bench);
            Assert.Equal(("True", 1), (bench.Condition("Ready"), bench.Kubelet.Allocatable("example.com/nic")));
        }

        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Equal("e1000e", bench.Driver(Nic));
    }

    private static IDisposable BindAway(IScenarioNode node) =>
        node.EverySecond(
            ("/sys/bus/pci/drivers/vfio-pci/unbind", Nic),
            ($"/sys/bus/pci/devices/{Nic}/driver_override", "\n"),
            ("/sys/bus/pci/drivers_probe", Nic)
        );

    /// <summary>How often the journal says that the device was about to be taken from its host driver.</summary>
    private static int TimesTaken(ScenarioBench bench) =>
        File.ReadAllLines(Path.Combine(bench.StateDirectory, "journal.jsonl"))
            .Count(l => l.Contains("/drivers/e1000e/unbind", StringComparison.Ordinal) && l.Contains(Nic, StringComparison.Ordinal));

    private static async Task NothingIsWrittenForAWhileAsync(ScenarioBench bench)
    {
        var writes = bench.Host.Writer.Writes;
        await Task.Delay(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken); // three times what the other writer does
        Assert.Equal(writes, bench.Host.Writer.Writes);
    }
}

[Trait(Pace.Name, Pace.Slow)]
public sealed class SimulatedSecondWriterScenarios : SecondWriterScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // what vfio offers makes no difference here: one flavour is enough
public sealed class RealSecondWriterScenarios : SecondWriterScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
