using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Host;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// NVIDIA's own tool makes virtual functions, and removes them, beside the agent: simulated alone, no such card is in the lab.
/// </summary>
public sealed class SriovManageTests
{
    private const string Card = VgpuMachine.Card;

    private static string Policies =>
        Desired.Policies(
            """
            - kind: MdevProfile
              name: vgpu
              spec:
                resourceName: example.com/vgpu
                nodeSelector: {}
                parents: {selectors: [{vendor: "10de"}]}
                typeName: L40S-8Q
                instances: {count: 2}
            - kind: SriovPolicy
              name: raw
              spec:
                nodeSelector: {}
                priority: -1
                physicalFunctions: [{vendor: "10de"}]
                numVfs: 2
                pools: [{name: vms, vfs: [{first: 0, last: 1}], resourceName: example.com/raw}]

            """
        );

    [Fact]
    public async Task While_the_tool_is_at_work_nothing_is_written_and_afterwards_the_types_are_given_each_time()
    {
        using var node = new SimulatedNode(VgpuMachine.Description);
        await using var bench = await ScenarioBench.StartAsync(node, Policies);
        await bench.UntilAsync(() => bench.Problem("vgpu").Reason == Reasons.VfsMissing);
        await bench.UntilAsync(() => bench.Problem("raw").Reason == Reasons.VendorMakesVfs);
        Assert.Equal(
            $"{Card} has no virtual functions, which are what a type is given to: make them with "
                + $"\"/usr/lib/nvidia/sriov-manage -e {Card}\"",
            bench.Problem("vgpu").Message
        );

        node.Write(VgpuMachine.Enable[0]);
        await bench.UntilAsync(() =>
            bench.Problem("vgpu").Message.Contains("has no driver, as while sriov-manage", StringComparison.Ordinal)
        );
        node.Write([.. VgpuMachine.Enable.Skip(1).Take(2)]);
        await bench.UntilAsync(() => bench.Problem("vgpu").Message.Contains("is on pci-pf-stub, as while", StringComparison.Ordinal));
        await bench.QuietAsync();
        Assert.Equal((Reasons.VendorMakesVfs, 0L), (bench.Problem("raw").Reason, bench.Host.Writer.Writes));

        node.Write([.. VgpuMachine.Enable.Skip(3)]);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vgpu") == 2);
        Assert.Equal(2, bench.Host.Writer.Writes); // the two types, and nothing else
        Assert.Equal("nvidia", node.Kernel.DriverOf("0000:41:00.4"));
        var pod = await bench.Kubelet.AdmitPodAsync(
            "vms",
            "vm",
            new Dictionary<string, int>(StringComparer.Ordinal) { ["example.com/vgpu"] = 2 }
        );
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        Assert.Equal("0000:41:00.4,0000:41:00.5", pod.Envs["PCI_RESOURCE_EXAMPLE_COM_VGPU"]);
        Assert.Empty(KubeVirtOracle.Problems(node.Machine.Paths, pod, bench.Kubelet.Pods));
        Assert.All(pod.Envs["PCI_RESOURCE_EXAMPLE_COM_VGPU"].Split(','), f => Assert.Null(node.TakeAllTheWay(f)));
        bench.Kubelet.DeletePod("vms", "vm");

        // Removed and made again, they are new and have no types.
        node.Write([.. VgpuMachine.Disable]);
        await bench.UntilAsync(() => bench.Problem("vgpu").Reason == Reasons.VfsMissing);
        node.Write([.. VgpuMachine.Enable]);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vgpu") == 2);
        Assert.Equal("1155", Read(node, "0000:41:00.4/nvidia/current_vgpu_type"));
    }

    /// <summary>contracts/vgpu.md: what the simulation does as it was read.</summary>
    [Fact]
    public void The_simulated_driver_makes_no_functions_keeps_those_there_are_and_lists_types_by_the_room_that_is_left()
    {
        using var node = new SimulatedNode(VgpuMachine.Description);
        Errno Write(string path, string value) => node.Kernel.Calls.WriteAttribute(path, value);
        string[] Listed(string function) =>
            [.. Read(node, $"{function}/nvidia/creatable_vgpu_types").Split('\n').Skip(1).Select(l => l.Split(':')[0].Trim())];

        Assert.Equal(Errno.ENOENT, Write($"/sys/bus/pci/devices/{Card}/sriov_numvfs", "4"));
        Assert.Equal(Errno.None, Write($"/sys/bus/pci/devices/{Card}/sriov_numvfs", "0"));
        node.Write([.. VgpuMachine.Enable]);
        const string first = "0000:41:00.4";
        const string second = "0000:41:00.5";
        Assert.False(Directory.Exists(node.Kernel.Paths.Resolve($"/sys/bus/pci/devices/{Card}/nvidia")));
        Assert.Equal(["1145", "1155", "1157"], Listed(first));

        Assert.Equal(Errno.None, Write($"/sys/bus/pci/devices/{first}/nvidia/current_vgpu_type", "1157"));
        Assert.Equal("", Read(node, $"{first}/nvidia/creatable_vgpu_types"));
        Assert.Equal(["1157"], Listed(second)); // 24 GiB are left, and the others' size is another
        Assert.Equal(Errno.EINVAL, Write($"/sys/bus/pci/devices/{second}/nvidia/current_vgpu_type", "1145"));
        Assert.Equal(Errno.None, Write($"/sys/bus/pci/devices/{second}/nvidia/current_vgpu_type", "1157"));
        Assert.Equal([], Listed("0000:41:00.6"));
        Assert.Equal(Errno.EINVAL, Write($"/sys/bus/pci/devices/{first}/nvidia/current_vgpu_type", "1157"));

        // vfio-pci does not take such a function, and without a type nobody opens it.
        Assert.Null(node.TakeAllTheWay(first));
        Assert.Equal("0000:41:00.6: EINVAL", node.TakeAllTheWay("0000:41:00.6"));
        Write($"/sys/bus/pci/devices/{first}/driver_override", "vfio-pci");
        Write("/sys/bus/pci/drivers/nvidia/unbind", first);
        Write("/sys/bus/pci/drivers_probe", first);
        Assert.Null(node.Kernel.DriverOf(first));
    }

    private static string Read(SimulatedNode node, string attribute) =>
        File.ReadAllText(node.Kernel.Paths.Resolve($"/sys/bus/pci/devices/{attribute}")).TrimEnd('\n');
}
