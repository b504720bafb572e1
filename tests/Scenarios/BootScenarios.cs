using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Applying;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>What a new boot voids, what it restores, and what stops a desired state that ends one boot after the other.</summary>
public abstract class BootScenarios
{
    private const string Nic = "0000:86:00.0";
    private static readonly string OnePolicy = Desired.Policies(Desired.HostDevice("nic", Nic));
    private static readonly string TwoPolicies = Desired.Policies(
        Desired.HostDevice("nic", Nic),
        Desired.HostDevice("edu", "0000:46:00.0")
    );

    private protected abstract IScenarioNode NewNode();

    [Fact]
    public async Task Two_boots_that_end_while_one_desired_state_is_applied_stop_it_until_it_changes()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, OnePolicy);
        await TwoBootsEndAsync(bench);

        bench.StartAgent();
        await bench.UntilAsync(() => bench.Why("Degraded").Reason == Reasons.BootLoop);
        Assert.Equal(
            "the last 2 boots of this machine ended while this desired state was being applied: it is not applied "
                + "again, and what is in force is offered. Change the desired state (any change lifts this); or, when "
                + $"something else ended the boots: rm {bench.StateDirectory}/boots.json",
            bench.Why("Degraded").Message
        );
        Assert.Equal((0L, "e1000e", "False"), (bench.Host.Writer.Writes, bench.Driver(Nic), bench.Condition("Ready")));

        bench.Desire(TwoPolicies);
        await bench.ReadyAsync();
        Assert.Equal("vfio-pci", bench.Driver(Nic));
    }

    [Fact]
    public async Task Removing_the_record_of_boots_lifts_the_stop_too_without_a_restart()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, OnePolicy);
        await TwoBootsEndAsync(bench);
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Why("Degraded").Reason == Reasons.BootLoop);

        File.Delete(Path.Combine(bench.StateDirectory, BootRecord.FileName));
        await bench.ReadyAsync();
        Assert.Equal("vfio-pci", bench.Driver(Nic));
    }

    [Fact]
    public async Task Boots_that_somebody_ends_in_order_stop_nothing()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, OnePolicy);
        for (var boot = 0; boot < 3; boot++)
        {
            await bench.ReadyAsync();
            await bench.StopAgentAsync();
            node.Reboot(bench.StateDirectory);
            bench.StartAgent();
        }

        await bench.UntilAsync(() => bench.Driver(Nic) == "vfio-pci" && bench.Condition("Ready") == "True");
    }

    [Fact]
    public async Task What_was_recorded_before_a_boot_is_void_and_nothing_is_given_back_twice()
    {
        var node = NewNode();
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(node, TwoPolicies);
        await bench.ReadyAsync();
        Assert.Equal(2, bench.Host.Journal.State.Ownership.Functions.Count);
        await bench.CrashAgentAsync();
        node.Reboot(bench.StateDirectory);
        bench.Desire(Desired.Nothing);
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Condition("Ready") == "True" && bench.Host.Journal.State.Ownership.Functions.IsEmpty);
        Assert.Equal(0, bench.Host.Writer.Writes);
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()).Where(d => !d.Contains("boot_id", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Before_the_desired_state_can_be_read_after_a_boot_what_was_in_force_is_restored()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, OnePolicy);
        await bench.ReadyAsync();
        await bench.CrashAgentAsync();
        node.Reboot(bench.StateDirectory);
        Assert.Equal("e1000e", bench.Driver(Nic));
        File.Delete(bench.DesiredFile);
        bench.StartAgent();
        await bench.UntilAsync(() =>
            bench.Driver(Nic) == "vfio-pci"
            && bench.Kubelet.Allocatable("example.com/nic") == 1
            && bench.Why("Synced").Reason == Reasons.DesiredStateUnreadable
        );
    }

    [Fact]
    public async Task What_was_never_in_force_is_not_begun_after_a_boot_before_the_desired_state_can_be_read()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, OnePolicy);
        await bench.ReadyAsync();
        var stop = Path.Combine(bench.StateDirectory, BreakGlassFile.FileName);
        await File.WriteAllTextAsync(stop, "", TestContext.Current.CancellationToken);
        bench.Desire(TwoPolicies); // kept on disk, and not applied
        await bench.UntilAsync(() => bench.Why("Degraded").Reason == Reasons.Disabled && bench.Policy("edu") is not null);
        await bench.CrashAgentAsync();
        node.Reboot(bench.StateDirectory);
        File.Delete(stop);
        File.Delete(bench.DesiredFile);

        bench.StartAgent();
        // What stands there before is the status of the earlier boot.
        await bench.UntilAsync(() =>
            bench.Driver(Nic) == "vfio-pci"
            && bench.Kubelet.Allocatable("example.com/nic") == 1
            && bench.Problem("edu").Reason == Reasons.Unconfirmed
        );
        Assert.Equal(
            (
                Reasons.Unconfirmed,
                "0000:46:00.0 is not taken from the host yet: this host has booted, and whether it is still wanted "
                    + "could not be asked; what was in force before is restored meanwhile. Look at the agent's connection "
                    + "to the API server"
            ),
            bench.Problem("edu")
        );
        Assert.NotEqual("vfio-pci", bench.Driver("0000:46:00.0"));

        bench.Desire(TwoPolicies);
        await bench.ReadyAsync();
        Assert.Equal("vfio-pci", bench.Driver("0000:46:00.0"));
    }

    [Fact]
    public async Task A_device_found_on_vfio_pci_is_offered_and_left_there_when_its_policy_goes()
    {
        var node = NewNode();
        BindByHand(node, "0000:46:00.0");
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("edu", "0000:46:00.0")));
        await bench.ReadyAsync();
        Assert.Equal(1, bench.Kubelet.Allocatable("example.com/edu"));
        var adopted = bench.Policy("edu")!["problems"]![0]!;
        Assert.Equal(
            ("Adopted", "0000:46:00.0 was found on vfio-pci: it is used as it is, and stays there when its policy goes"),
            ((string)adopted["state"]!, (string)adopted["message"]!)
        );

        bench.Desire(Desired.Nothing);
        await bench.UntilAsync(() =>
            bench.State("0000:46:00.0") == "Left on vfio-pci, as it was found: Hostdev did not bind it, and gives it to no other driver"
        );
        Assert.Equal((0L, "vfio-pci"), (bench.Host.Writer.Writes, bench.Driver("0000:46:00.0")));
    }

    [Fact]
    public async Task A_host_driver_that_does_not_take_its_device_back_is_said_until_it_does()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, OnePolicy);
        await bench.ReadyAsync();
        node.UnloadDriver("e1000e");
        try
        {
            bench.Desire(Desired.Nothing);
            await bench.UntilAsync(() => bench.Why("Degraded").Reason == Reasons.NotReturned);
            var message = bench.Why("Degraded").Message;
            Assert.StartsWith($"{Nic} was on e1000e before Hostdev had it, and has no driver now (", message, StringComparison.Ordinal);
            Assert.Contains("run \"modprobe e1000e\" on the host", message, StringComparison.Ordinal);
            Assert.Equal(message, (string)bench.Status["releasing"]![0]!["message"]!);
            Assert.Contains(bench.Host.Journal.State.Ownership.Functions.Keys, a => a.ToString() == Nic); // not forgotten
            await bench.StopAgentAsync();
            bench.StartAgent();
            await bench.UntilAsync(() => bench.Host.Agent.Reconciles > 0 && bench.Why("Degraded").Reason == Reasons.NotReturned);
        }
        finally
        {
            node.LoadDriver("e1000e");
        }

        await bench.GivenBackAsync();
        await bench.UntilAsync(() => bench.Condition("Ready") == "True");
        Assert.Equal("e1000e", bench.Driver(Nic));
    }

    private static async Task TwoBootsEndAsync(ScenarioBench bench)
    {
        for (var boot = 0; boot < BootRecord.Limit; boot++)
        {
            if (boot > 0)
                bench.StartAgent();
            await bench.UntilAsync(() => bench.Driver(Nic) == "vfio-pci" && bench.Condition("Ready") == "True");
            await bench.CrashAgentAsync();
            bench.Node.Reboot(bench.StateDirectory);
            Assert.Equal("e1000e", bench.Driver(Nic));
        }
    }

    private static void BindByHand(IScenarioNode node, string address)
    {
        Assert.Equal("success", node.Machine.Calls.WriteAttribute($"/sys/bus/pci/devices/{address}/driver_override", "vfio-pci").Name);
        Assert.Equal("success", node.Machine.Calls.WriteAttribute("/sys/bus/pci/drivers_probe", address).Name);
    }
}

public sealed class SimulatedBootScenarios : BootScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // what vfio offers makes no difference here: one flavour is enough
public sealed class RealBootScenarios : BootScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
