using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// The kernel's blocking is never a wait: as long as somebody has a device, nothing is written that the kernel would block on, and a change
/// of mind costs nothing.
/// </summary>
public abstract class WaitingScenarios
{
    private const string Pf = "/sys/bus/pci/devices/0000:81:00.0/sriov_numvfs";
    private const string Vf0 = "0000:81:10.0";
    private const string Vf1 = "0000:81:10.2";

    private protected abstract IScenarioNode NewNode();

    [Fact]
    public Task A_change_of_the_VF_count_waits_for_who_holds_a_group_without_a_write_and_delays_nobody() => ChangeWaitsAsync(byCdev: false);

    /// <summary>Opened and not bound: the group can be opened all the same, and an unbind would block.</summary>
    [Fact]
    [Trait(LabFacts.Vfio, LabFacts.Cdev)]
    public Task A_change_of_the_VF_count_waits_for_who_opened_a_cdev_without_a_write_and_delays_nobody() => ChangeWaitsAsync(byCdev: true);

    private async Task ChangeWaitsAsync(bool byCdev)
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.Vfs(2)));
        await bench.ReadyAsync();
        using (var holder = byCdev ? await node.OpenCdevAsync(Vf0) : await node.HoldAsync(Vf0))
        {
            bench.Desire(Desired.Policies(Desired.Vfs(4), OtherVfs));
            await bench.UntilAsync(() =>
                bench.Problem("vfs").Reason == Reasons.InUse && bench.Kubelet.Allocatable("example.com/other") == 2
            );
            Assert.Contains($"is held open by process {holder.ProcessId}", bench.Problem("vfs").Message, StringComparison.Ordinal);
            Assert.Contains("goes from 2 to 4 VFs", bench.Problem("vfs").Message, StringComparison.Ordinal);

            var writes = bench.Host.Writer.Writes;
            for (var look = 0; look < 20; look++)
            {
                Assert.Empty(node.WritesUnderWay());
                // several of the agent's rounds pass, each of which could write
                await Task.Delay(100, TestContext.Current.CancellationToken);
            }

            Assert.Equal(writes, bench.Host.Writer.Writes);
            Assert.Equal(0, holder.Requests);
            Assert.Equal(("vfio-pci", "vfio-pci", "2"), (bench.Driver(Vf0), bench.Driver(Vf1), bench.Read(Pf)));
            Assert.Equal(2, bench.Kubelet.Allocatable("example.com/vf")); // WhenIdle withdraws nothing
        }

        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 4);
        Assert.Equal("4", bench.Read(Pf));
    }

    [Theory]
    [InlineData("WhenIdle", 2)]
    [InlineData("Cordon", 0)]
    public async Task Two_changes_of_mind_while_it_waits_cost_no_write_and_every_offer_is_back(string disruption, int meanwhile)
    {
        var node = NewNode();
        var more = $"disruption: {disruption}";
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.Vfs(2, more: more)));
        await bench.ReadyAsync();
        var writes = bench.Host.Writer.Writes;
        using var holder = await node.HoldAsync(Vf0);
        bench.Desire(Desired.Policies(Desired.Vfs(4, more: more)));
        await bench.UntilAsync(() =>
            bench.Problem("vfs").Reason == Reasons.InUse && bench.Kubelet.Allocatable("example.com/vf") == meanwhile
        );
        bench.Desire(Desired.Policies(Desired.Vfs(2, more: more)));
        await bench.ReadyAsync();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 2);
        Assert.Equal(writes, bench.Host.Writer.Writes);
        Assert.Equal(0, holder.Requests);
        Assert.Equal("2", bench.Read(Pf));
    }

    [Fact]
    public async Task A_release_waits_without_a_write_and_can_be_taken_back()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("edu", "0000:46:00.0")));
        await bench.ReadyAsync();
        var writes = bench.Host.Writer.Writes;
        using (var holder = await node.HoldAsync("0000:46:00.0"))
        {
            bench.Desire(Desired.Nothing);
            await bench.UntilAsync(() =>
                bench.Status["releasing"]?.AsArray().Count == 1 && (string?)bench.Status["releasing"]![0]!["reason"] == "ReleaseWaits"
            );
            Assert.Contains($"process {holder.ProcessId}", (string)bench.Status["releasing"]![0]!["message"]!, StringComparison.Ordinal);
            bench.Desire(Desired.Policies(Desired.HostDevice("edu", "0000:46:00.0")));
            await bench.ReadyAsync();
            Assert.Equal((writes, 0), (bench.Host.Writer.Writes, holder.Requests));
            bench.Desire(Desired.Nothing);
            await bench.UntilAsync(() => bench.Status["releasing"]?.AsArray().Count == 1);
        }

        await bench.GivenBackAsync();
    }

    /// <summary>Somebody else's unbind of a device that a VMM has: it blocks in the kernel, and whoever joins it blocks too.</summary>
    [Fact]
    public async Task An_unbind_by_another_hand_that_blocks_is_not_joined()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("edu", "0000:46:00.0")));
        await bench.ReadyAsync();
        var writes = bench.Host.Writer.Writes;
        IDisposable other;
        using (await node.HoldAsync("0000:46:00.0"))
        {
            other = node.EverySecond(("/sys/bus/pci/drivers/vfio-pci/unbind", "0000:46:00.0"));
            await bench.UntilAsync(() => bench.Driver("0000:46:00.0") is null);
            for (var round = 0; round < 4; round++)
            {
                var rounds = bench.Host.Agent.Reconciles;
                bench.Host.Agent.Wake();
                await bench.UntilAsync(() => bench.Host.Agent.Reconciles > rounds);
            }

            Assert.True(writes == bench.Host.Writer.Writes, File.ReadAllText(Path.Combine(bench.StateDirectory, "journal.jsonl")));
            Assert.Equal(Reasons.InUse, bench.Problem("edu").Reason);
        }

        other.Dispose();
        await bench.UntilAsync(() => bench.Driver("0000:46:00.0") == "vfio-pci" && bench.Condition("Ready") == "True");
    }

    /// <summary>Two VFs on another physical function than <see cref="Desired.Vfs"/> by default.</summary>
    private const string OtherVfs = """
        - kind: SriovPolicy
          name: other
          spec:
            nodeSelector: {}
            physicalFunctions: [{addresses: ["0000:41:00.0"]}]
            numVfs: 2
            pools: [{name: all, vfs: [{first: 0, last: 1}], resourceName: example.com/other}]

        """;
}

[Trait(Pace.Name, Pace.Slow)]
public sealed class SimulatedWaitingScenarios : WaitingScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();

    /// <summary>The lab has one vfio driver; a change between two of them runs on the simulation alone.</summary>
    [Theory]
    [InlineData("WhenIdle", 1, "it is taken as soon as nobody uses it")]
    [InlineData("Cordon", 0, "it is taken as soon as nobody uses it; meanwhile it is not offered")]
    public async Task A_change_of_the_driver_of_a_device_that_a_pod_has_follows_disruption(string disruption, int meanwhile, string words)
    {
        var node = new SimulatedNode();
        node.Kernel.LoadDriver(node.VariantDriver);
        var more = $"disruption: {disruption}";
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("edu", "0000:46:00.0", more)));
        await bench.ReadyAsync();
        var pod = await bench.Kubelet.AdmitPodAsync(
            "vms",
            "vm",
            new Dictionary<string, int>(StringComparer.Ordinal) { ["example.com/edu"] = 1 }
        );
        Assert.Equal(PodPhase.Running, pod.Phase);
        await bench.UntilAsync(() =>
            bench.Status["allocations"]?.AsArray().Count == 1 && (string?)bench.Status["allocations"]![0]!["pod"] == "vm"
        );
        var writes = bench.Host.Writer.Writes;

        bench.Desire(
            Desired.Policies(Desired.HostDevice("edu", "0000:46:00.0", more, $", driver: {{type: Named, name: {node.VariantDriver.Name}}}"))
        );
        await bench.UntilAsync(() =>
            bench.Problem("edu").Reason == Reasons.InUse && bench.Kubelet.Allocatable("example.com/edu") == meanwhile
        );
        Assert.Contains("pod vms/vm has 0000:46:00.0", bench.Problem("edu").Message, StringComparison.Ordinal);
        Assert.EndsWith(words, bench.Problem("edu").Message, StringComparison.Ordinal);
        Assert.Equal(writes, bench.Host.Writer.Writes);
        Assert.Equal("vfio-pci", bench.Driver("0000:46:00.0"));
        Assert.Empty(bench.Status["releasing"]!.AsArray());

        bench.Kubelet.DeletePod("vms", "vm");
        await bench.UntilAsync(() =>
            bench.Driver("0000:46:00.0") == node.VariantDriver.Name && bench.Kubelet.Allocatable("example.com/edu") == 1
        );
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Null(bench.Driver("0000:46:00.0"));
    }

    [Fact]
    public async Task Asked_to_end_while_it_waits_the_agent_ends_within_a_second()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.Vfs(2)));
        await bench.ReadyAsync();
        using var holder = await node.HoldAsync("0000:81:10.0");
        bench.Desire(Desired.Policies(Desired.Vfs(4)));
        await bench.UntilAsync(() => bench.Problem("vfs").Reason == Reasons.InUse);
        var began = TimeProvider.System.GetTimestamp();
        await bench.StopAgentAsync();
        var took = TimeProvider.System.GetElapsedTime(began);
        Assert.True(took.TotalSeconds < 1, $"it took {took.TotalMilliseconds:F0} ms");
        bench.StartAgent();
    }
}

[Trait(LabFacts.Where, LabFacts.Lab)]
public sealed class RealWaitingScenarios : WaitingScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();

    /// <summary>The agent as a process, because a signal and the system calls of its threads are a process's.</summary>
    [LabFact]
    public async Task Asked_to_end_while_it_waits_the_agent_ends_within_a_second()
    {
        var node = new RealNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.Vfs(2)), start: false);
        using var agent = AgentProcess.Start(bench);
        await Waiting.UntilAsync(
            () => bench.Kubelet.Allocatable("example.com/vf") == 2,
            node.PatienceSeconds,
            () => bench.Status.ToJsonString()
        );
        using var holder = await node.HoldAsync("0000:81:10.0");
        bench.Desire(Desired.Policies(Desired.Vfs(4)));
        await Waiting.UntilAsync(
            () => bench.Problem("vfs").Reason == Reasons.InUse,
            node.PatienceSeconds,
            () => bench.Status.ToJsonString()
        );
        for (var look = 0; look < 20; look++)
        {
            Assert.Empty(SysfsWrites.UnderWay(agent.Id));
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }

        await AgentProcess.EndsWithinASecondAsync(agent);
        Assert.Equal(0, holder.Requests);
        Assert.Equal("2", bench.Read("/sys/bus/pci/devices/0000:81:00.0/sriov_numvfs"));
    }
}
