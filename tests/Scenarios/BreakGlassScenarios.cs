using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Applying;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// The break-glass file: while it is there the agent changes nothing, whatever is desired, and takes nothing away from pods.
/// </summary>
public abstract class BreakGlassScenarios
{
    private const string Edu = "0000:46:00.0";
    private const string Nic = "0000:86:00.0";

    private protected abstract IScenarioNode NewNode();

    [Fact]
    public async Task While_it_is_there_nothing_is_taken_or_given_back_and_pods_keep_what_they_have()
    {
        await using var bench = await ScenarioBench.StartAsync(
            NewNode(),
            Desired.Policies(Desired.HostDevice("edu", Edu), Desired.HostDevice("nic", Nic))
        );
        await bench.ReadyAsync();
        Assert.Equal(PodPhase.Running, (await AdmitAsync(bench, "vm", "example.com/edu")).Phase);
        await bench.UntilAsync(() => bench.Status["allocations"]?.AsArray().Count == 1);
        var writes = bench.Host.Writer.Writes;

        var file = Disable(bench, "moving the rack, call Ada\nsecond line\n");
        await bench.UntilAsync(() => bench.Why("Degraded").Reason == Reasons.Disabled && bench.Kubelet.Allocatable("example.com/nic") == 0);
        Assert.Equal(
            $"{file} is there and says \"moving the rack, call Ada\": nothing is taken from the host or given back, "
                + $"and nothing new is offered; pods keep what they have. To go on: rm {file}",
            bench.Why("Degraded").Message
        );
        Assert.Equal(1, bench.Kubelet.Allocatable("example.com/edu")); // a container of the pod that has it can restart
        Assert.NotEqual(PodPhase.Running, (await AdmitAsync(bench, "late", "example.com/nic")).Phase);

        bench.Desire(Desired.Policies(Desired.HostDevice("noise", "0000:85:00.0")));
        await bench.UntilAsync(() => bench.Policy("noise") is not null);
        Assert.Equal(
            (writes, "vfio-pci", "vfio-pci", null),
            (bench.Host.Writer.Writes, bench.Driver(Edu), bench.Driver(Nic), bench.Driver("0000:85:00.0"))
        );

        File.Delete(file);
        await bench.UntilAsync(() => bench.Driver("0000:85:00.0") == "vfio-pci" && bench.Driver(Nic) == "e1000e");
        Assert.Equal("vfio-pci", bench.Driver(Edu)); // the pod has it
        bench.Kubelet.DeletePod("vms", "vm");
        await bench.UntilAsync(() => bench.Driver(Edu) is null);
        Assert.Null(bench.Kubelet.CauseOfDeath);
    }

    [Fact]
    public async Task An_agent_that_starts_while_it_is_there_touches_nothing_until_it_goes()
    {
        await using var bench = await ScenarioBench.StartAsync(NewNode(), Desired.Policies(Desired.HostDevice("nic", Nic)), start: false);
        Directory.CreateDirectory(bench.StateDirectory);
        var file = Disable(bench, "");
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Why("Degraded").Reason == Reasons.Disabled);
        Assert.StartsWith($"{file} is there: nothing is taken", bench.Why("Degraded").Message, StringComparison.Ordinal);
        Assert.Equal((0L, "e1000e"), (bench.Host.Writer.Writes, bench.Driver(Nic)));

        File.Delete(file);
        await bench.ReadyAsync();
        Assert.Equal("vfio-pci", bench.Driver(Nic));
    }

    private protected static string Disable(ScenarioBench bench, string words)
    {
        var file = Path.Combine(bench.StateDirectory, BreakGlassFile.FileName);
        // Whole at once: a message made between the file and its words would stand for a moment.
        File.WriteAllText(file + ".new", words);
        File.Move(file + ".new", file);
        return file;
    }

    private static Task<SimulatedPod> AdmitAsync(ScenarioBench bench, string name, string resource) =>
        bench.Kubelet.AdmitPodAsync("vms", name, new Dictionary<string, int>(StringComparer.Ordinal) { [resource] = 1 });
}

public sealed class SimulatedBreakGlassScenarios : BreakGlassScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();

    [Fact]
    public async Task It_stops_what_is_under_way_before_the_next_write()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.HostDevice("nic", "0000:86:00.0")),
            start: false
        );
        Directory.CreateDirectory(bench.StateDirectory);
        string file = "";
        node.Kernel.Faults.AfterWrite(1, () => file = Disable(bench, "stop"));
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Why("Degraded").Reason == Reasons.Disabled);
        Assert.Equal(
            (1L, "e1000e", "vfio-pci"),
            (bench.Host.Writer.Writes, bench.Driver("0000:86:00.0"), bench.Read("/sys/bus/pci/devices/0000:86:00.0/driver_override"))
        );

        File.Delete(file);
        await bench.ReadyAsync();
    }
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // what vfio offers makes no difference here: one flavour is enough
public sealed class RealBreakGlassScenarios : BreakGlassScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
