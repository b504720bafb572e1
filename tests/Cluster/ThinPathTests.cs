using Hostdev.Crds.Parsing;
using Hostdev.Sandbox.Cluster;
using Hostdev.Sandbox.Kernel;
using Xunit;

namespace Hostdev.Tests.Cluster;

public sealed class ThinPathTests
{
    [Fact]
    public async Task A_policy_that_is_applied_is_offered_on_the_right_node_and_says_so_and_once_deleted_the_host_is_as_it_was()
    {
        var directory = SandboxDirectory.Create();
        await using var cluster = await SandboxCluster.StartAsync(directory);
        var gpu = cluster.AddNode("gpu-1", new SimulatedKernel(DemoMachines.GpuNode), ("gpu", "yes"));
        var net = cluster.AddNode("net-1", new SimulatedKernel(DemoMachines.SriovNode));
        foreach (var node in cluster.Nodes)
        {
            await node.Kubelet.StartAsync();
            node.StartAgent();
        }

        cluster.StartOperator();
        cluster.Server.Objects.Create(YamlJson.Parse("""
            apiVersion: hostdev.io/v1alpha1
            kind: HostDevice
            metadata: {name: gpus}
            spec:
              resourceName: example.com/gpu
              nodeSelector: {matchLabels: {gpu: "yes"}}
              devices: {pci: {selectors: [{class: "0302"}, {vendor: "10de"}], groupPolicy: HoldSiblings}}
            """, out _)!.AsObject());
        string Show() => string.Join('\n', cluster.Server.Objects.List("hostdevices.hostdev.io").Concat(cluster.Server.Objects.List("nodedevicestates.hostdev.io")).Select(o => o.ToJsonString()));
        await Waiting.UntilAsync(() => cluster.Server.Objects.Get("hostdevices.hostdev.io", "gpus")?["status"]?["conditions"]?.AsArray().Any(c => (string)c!["type"]! == "Ready" && (string)c["status"]! == "True") == true, 30, Show);
        Assert.True(gpu.Kubelet.Allocatable("example.com/gpu") > 0);
        Assert.Null(net.Kubelet.Capacity("example.com/gpu"));
        cluster.Server.Objects.Delete("hostdevices.hostdev.io", "gpus");
        await Waiting.UntilAsync(() => gpu.Agent.Journal.State.Ownership.Functions.IsEmpty && (gpu.Kubelet.Allocatable("example.com/gpu") ?? 0) == 0, 30, Show);
    }
}
