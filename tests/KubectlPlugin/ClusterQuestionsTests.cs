using System.Text.Json.Nodes;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Cluster;
using Xunit;

namespace Hostdev.Tests.KubectlPlugin;

/// <summary>An admin's questions to a cluster with an operator and agents, each one command.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class ClusterQuestionsTests
{
    [Fact]
    public async Task Which_node_has_a_free_GPU_and_who_has_the_other_ones()
    {
        await using var bench = await ClusterBench.StartAsync();
        var node = await bench.AddNodeAsync("gpu", DemoMachines.GpuNode);
        var net = await bench.AddNodeAsync("net", DemoMachines.SriovNode);
        bench.StartOperator();
        await bench.HostDeviceAsync("gpus", GpuMachine.Gpus);
        await bench.ReadyAsync("gpus");
        var vm = await node.StartVmAsync("render", new DeviceRequest("example.com/gpus", 1));
        Assert.Equal(PodPhase.Running, vm.Phase);
        bench.AddVmPod("render", "render-vm");
        await bench.UntilAsync(async () =>
            (await bench.StateAsync(node))?["status"]?["allocations"] is JsonArray { Count: 1 } had && had[0]!["pod"] is not null
        );

        var free = await KubectlBench.RunAsync(bench.Kubeconfig, ["free", "example.com/gpus"]);
        Assert.Equal((node.Name, "3", "4"), (free.Column("NODE").Single(), free.Column("FREE").Single(), free.Column("CAPACITY").Single()));
        var devices = await KubectlBench.RunAsync(bench.Kubeconfig, ["devices", "--resource", "example.com/gpus", "-o", "json"]);
        var items = JsonNode.Parse(devices.Output)!["items"]!.AsArray();
        Assert.Equal(["Allocated", "Free", "Free", "Free"], items.Select(i => (string?)i!["state"]).Order());
        var had = items.Single(i => (string?)i!["state"] == "Allocated")!;
        Assert.Equal(("render", "render-vm"), ((string?)had["pod"], (string?)had["virtualMachine"]));
        var audio = await KubectlBench.RunAsync(bench.Kubeconfig, ["explain", node.Name, ((string)had["id"]!)[..^1] + "1"]);
        Assert.Contains("State:       Held: taken from the host for another device", audio.Output, StringComparison.Ordinal);
        var tree = await KubectlBench.RunAsync(bench.Kubeconfig, ["tree", net.Name]);
        Assert.Equal((0, net.Name), (tree.ExitCode, tree.Lines[0]));
        Assert.Contains("\n├─ IOMMU group ", tree.Output, StringComparison.Ordinal);
    }
}
