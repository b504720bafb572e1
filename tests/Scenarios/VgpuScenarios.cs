using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// "Vendor VFIO": virtual functions that their driver gives a type of vGPU. On the real kernel the driver is the lab's stand-in for NVIDIA's
/// (hack/lab.d/vgpu-standin), on a card of 4 GiB.
/// </summary>
public abstract class VgpuScenarios
{
    private const string Card = "0000:41:00.0";
    private static readonly string[] s_functions = ["0000:41:10.0", "0000:41:10.2", "0000:41:10.4", "0000:41:10.6", "0000:41:11.0"];

    private protected abstract IScenarioNode NewNode();

    [Fact]
    public async Task A_virtual_function_is_given_its_type_offered_as_PCI_taken_and_given_back()
    {
        var node = NodeWithVfs(2);
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.Vgpus("vgpu", Card, "typeId: \"903\"", "mode: Static, count: 1"))
        );
        await bench.ReadyAsync();
        Assert.Equal(["0000:41:10.0"], Offered(bench, "vgpu"));
        Assert.Equal(("903", "0"), (TypeOf(node, s_functions[0]), TypeOf(node, s_functions[1])));
        Assert.Equal("vgpu-standin", DriverOf(node, s_functions[0]));

        var pod = await AdmitAsync(bench, "vm", "vgpu", 1);
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        Assert.Equal("0000:41:10.0", pod.Envs["PCI_RESOURCE_EXAMPLE_COM_VGPU"]);
        Assert.Empty(KubeVirtOracle.Problems(node.Machine.Paths, pod, bench.Kubelet.Pods));
        Assert.Null(node.TakeAllTheWay(s_functions[0]));

        // What the pod has stays until the pod is proven gone.
        bench.Desire(Desired.Nothing);
        await bench.UntilAsync(() =>
            bench.Status["releasing"]?.ToJsonString().Contains("the vGPU type of 0000:41:10.0 is taken back", StringComparison.Ordinal) == true
        );
        Assert.Equal("903", TypeOf(node, s_functions[0]));
        bench.Kubelet.DeletePod(pod.Namespace, pod.Name);
        await bench.GivenBackAsync();
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
        Assert.Equal("0", TypeOf(node, s_functions[0]));
    }

    private protected IScenarioNode NodeWithVfs(int count)
    {
        var node = NewNode();
        node.LoadDriver("vgpu-standin");
        MakeVfs(node, count);
        return node;
    }

    /// <summary>As NVIDIA's sriov-manage: the card's virtual functions, on the driver that gives them types.</summary>
    private protected static void MakeVfs(IScenarioNode node, int count)
    {
        var card = $"/sys/bus/pci/devices/{Card}";
        node.Write(($"{card}/sriov_drivers_autoprobe", "0"), ($"{card}/sriov_numvfs", $"{count}"));
        foreach (var function in s_functions.Take(count))
            node.Write(($"/sys/bus/pci/devices/{function}/driver_override", "vgpu-standin"), ("/sys/bus/pci/drivers_probe", function));
        Assert.All(s_functions.Take(count), f => Assert.Equal("0", TypeOf(node, f)));
    }

    private protected static string? TypeOf(IScenarioNode node, string function)
    {
        var file = node.Machine.Paths.Resolve($"/sys/bus/pci/devices/{function}/nvidia/current_vgpu_type");
        return File.Exists(file) ? File.ReadAllText(file).Trim() : null;
    }

    private static string? DriverOf(IScenarioNode node, string function) =>
        Path.GetFileName(new DirectoryInfo(node.Machine.Paths.Resolve($"/sys/bus/pci/devices/{function}/driver")).LinkTarget);

    /// <summary>The IDs that the kubelet may give out, ordered.</summary>
    private protected static List<string> Offered(ScenarioBench bench, string profile) =>
        [.. bench.Kubelet.Devices($"example.com/{profile}").Where(d => d.Healthy).Select(d => d.Id).Order(StringComparer.Ordinal)];

    private protected static Task<SimulatedPod> AdmitAsync(ScenarioBench bench, string name, string profile, int count) =>
        bench.Kubelet.AdmitPodAsync(
            "vms",
            name,
            new Dictionary<string, int>(StringComparer.Ordinal) { [$"example.com/{profile}"] = count }
        );
}

public sealed class SimulatedVgpuScenarios : VgpuScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();
}

[Trait(LabFacts.Where, LabFacts.Lab)]
public sealed class RealVgpuScenarios : VgpuScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
