using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// <c>binding: OnAllocate</c>: a device stays with its host driver until a pod gets it, and returns when nobody has it. On the simulation
/// and on the real kernel.
/// </summary>
public abstract class LateBindingScenarios
{
    private protected const string Port = "0000:45:00.0";
    private protected const string OtherPort = "0000:45:00.1";

    private protected static readonly string Dual = Desired.Policies(
        Desired.HostDevice("dual", Port, "binding: OnAllocate", ", members: [{function: 1}]")
    );

    private protected abstract IScenarioNode NewNode();

    [Fact]
    public async Task A_group_of_two_is_the_host_s_until_a_pod_gets_it_and_when_the_pod_is_gone()
    {
        var node = NewNode();
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(node, Dual);
        await bench.ReadyAsync();
        Assert.Equal(1, bench.Kubelet.Allocatable("example.com/dual"));
        Assert.Equal(0, bench.Host.Writer.Writes);
        Assert.Equal(("e1000e", "e1000e"), (bench.Driver(Port), bench.Driver(OtherPort)));

        var pod = await AdmitAsync(bench, "vm", "dual");
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        Assert.Equal(("vfio-pci", "vfio-pci"), (bench.Driver(Port), bench.Driver(OtherPort)));
        OfferPromises.Check(bench, pod, "example.com/dual", [Port]);
        Assert.Null(node.TakeAllTheWay(Port));

        // What a pod has stays over a restart of the agent.
        await bench.StopAgentAsync();
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Condition("Ready") == "True" && bench.Kubelet.Allocatable("example.com/dual") == 1);
        Assert.Equal(0, bench.Host.Writer.Writes);
        Assert.Equal(("vfio-pci", "vfio-pci"), (bench.Driver(Port), bench.Driver(OtherPort)));

        bench.Kubelet.DeletePod("vms", "vm");
        await bench.UntilAsync(() => (bench.Driver(Port), bench.Driver(OtherPort)) == ("e1000e", "e1000e"));
        await bench.ReadyAsync();
        Assert.Equal(1, bench.Kubelet.Allocatable("example.com/dual"));
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
    }

    private protected static Task<SimulatedPod> AdmitAsync(ScenarioBench bench, string name, string resource, int count = 1) =>
        bench.Kubelet.AdmitPodAsync(
            "vms",
            name,
            new Dictionary<string, int>(StringComparer.Ordinal) { [$"example.com/{resource}"] = count }
        );
}

public sealed class SimulatedLateBindingScenarios : LateBindingScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();
}

[Trait(LabFacts.Where, LabFacts.Lab)]
public sealed class RealLateBindingScenarios : LateBindingScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
