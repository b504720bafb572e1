using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// Another program has an allocated device on its host driver for a moment and brings it back: the kind of case
/// 12-origin-forgotten-after-foreign-rebind.
/// </summary>
public abstract class OriginScenarios
{
    private const string Nic = "0000:86:00.0"; // e1000e, alone behind its root port
    private const string Override = $"/sys/bus/pci/devices/{Nic}/driver_override";

    private protected abstract IScenarioNode NewNode();

    [Fact]
    public async Task Case_12_origin_forgotten_after_foreign_rebind_comes_back_to_its_driver_when_the_policy_goes()
    {
        var node = NewNode();
        await using var bench = await StartAsync(node);
        await AwayAndBackAsync(bench);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/nic") == 1);

        bench.Kubelet.DeletePod("vms", "vm");
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Equal(("e1000e", "(null)"), (bench.Driver(Nic), bench.Read(Override)));
    }

    [Fact]
    public async Task Also_when_the_policy_goes_while_it_is_away_and_the_pod_stays()
    {
        var node = NewNode();
        await using var bench = await StartAsync(node);
        Away(node);
        bench.Desire(Desired.Nothing);
        await bench.UntilAsync(() => Releasing(bench).Contains("something else on this host bound it to e1000e", StringComparison.Ordinal));
        Back(node);
        await bench.UntilAsync(() => Releasing(bench).Contains("it is in use: pod vms/vm has", StringComparison.Ordinal));
        Assert.Equal("vfio-pci", bench.Driver(Nic));

        bench.Kubelet.DeletePod("vms", "vm");
        await bench.GivenBackAsync();
        Assert.Equal(("e1000e", "(null)"), (bench.Driver(Nic), bench.Read(Override)));
    }

    private async Task<ScenarioBench> StartAsync(IScenarioNode node)
    {
        var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("nic", Nic)));
        await bench.ReadyAsync();
        var nic = new Dictionary<string, int>(StringComparer.Ordinal) { ["example.com/nic"] = 1 };
        var pod = await bench.Kubelet.AdmitPodAsync("vms", "vm", nic);
        Assert.Equal(PodPhase.Running, pod.Phase);
        return bench;
    }

    /// <summary>As a CNI does it that asks for a lease before the VM starts. Nothing is written meanwhile, and the record stays.</summary>
    private static async Task AwayAndBackAsync(ScenarioBench bench)
    {
        var writes = bench.Host.Writer.Writes;
        Away(bench.Node);
        await bench.UntilAsync(() => bench.Problem("nic").Reason == Reasons.InUse && bench.Kubelet.Allocatable("example.com/nic") == 0);
        await Task.Delay(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken); // rounds in which it was forgotten
        Assert.Equal(("e1000e", writes), (bench.Driver(Nic), bench.Host.Writer.Writes));
        Assert.Equal("e1000e", Assert.Single(bench.Host.Journal.State.Ownership.Functions.Values).OriginalDriver);
        Back(bench.Node);
    }

    private static void Away(IScenarioNode node) =>
        node.Write(("/sys/bus/pci/drivers/vfio-pci/unbind", Nic), (Override, "\n"), ("/sys/bus/pci/drivers_probe", Nic));

    private static void Back(IScenarioNode node) =>
        node.Write(("/sys/bus/pci/drivers/e1000e/unbind", Nic), (Override, "vfio-pci"), ("/sys/bus/pci/drivers_probe", Nic));

    private static string Releasing(ScenarioBench bench) => bench.Status["releasing"]?.ToJsonString() ?? "";
}

public sealed class SimulatedOriginScenarios : OriginScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // drivers are the same whatever vfio offers
public sealed class RealOriginScenarios : OriginScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
