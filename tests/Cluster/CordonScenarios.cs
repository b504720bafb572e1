using System.Text.Json.Nodes;
using Hostdev.Sandbox.Cluster;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.KubectlPlugin;
using Xunit;

namespace Hostdev.Tests.Cluster;

/// <summary>From <c>kubectl hostdev cordon</c> to the list that the kubelet gets, and back.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class CordonScenarios
{
    private const string First = "0000:11:00.0";
    private const string Resource = "example.com/gpus";

    [Fact]
    public async Task A_cordoned_device_is_given_to_nobody_and_stays_with_its_pod_until_it_is_uncordoned()
    {
        var (bench, server) = await ClusterBench.SimulateAsync();
        await using var closed = bench;
        var node = await bench.AddNodeAsync("gpu", DemoMachines.GpuNode);
        bench.StartOperator();
        await bench.HostDeviceAsync("gpus", GpuMachine.Gpus);
        await bench.ReadyAsync("gpus");
        var vm = await node.StartVmAsync("render", new DeviceRequest(Resource, 1, [First]));
        Assert.Equal(PodPhase.Running, vm.Phase);
        var writes = node.Kernel.Writes.All.Length;

        var done = await RunAsync(bench, "cordon", node.Name, First, "--reason", "fans are replaced");
        Assert.Equal(0, done.ExitCode);
        await bench.UntilAsync(() => !IsHealthy(node));
        await bench.UntilAsync(async () => Cordons(await bench.StateAsync(node)) is [{ } said] && said.Contains("fans are replaced"));
        var state = (await bench.StateAsync(node))!;
        Assert.Equal((long)state["metadata"]!["generation"]!, (long)state["status"]!["observedGeneration"]!);
        Assert.Equal((3, 4), (node.Offered(Resource), node.Kubelet.Capacity(Resource)));
        await bench.ReadyAsync("gpus");
        Assert.Equal("False", ClusterBench.Condition(await bench.PolicyAsync("gpus"), "Degraded").Status);
        Assert.Equal("3 devices offered, and 1 cordoned by an admin", (string)state["status"]!["policies"]![0]!["message"]!);
        Assert.Equal(0, (int)state["status"]!["counts"]!["problems"]!);
        Assert.Equal(PodPhase.Running, (await node.Kubelet.RestartContainerAsync(SandboxNode.Namespace, "render")).Phase);
        Assert.Contains(node.Kubelet.Pods, p => p is { Name: "render", Phase: PodPhase.Running });
        Assert.Equal(writes, node.Kernel.Writes.All.Length);
        var shown = await RunAsync(bench, "devices", "--resource", Resource);
        Assert.Equal(["Allocated", "Free", "Free", "Free"], shown.Column("STATE"));
        Assert.Equal("CordonedByAdmin", shown.Column("REASON")[0]);

        // What the operator writes meanwhile leaves it as it is, and so does a policy that is there anew.
        await bench.ApplyAsync("SriovPolicy", "sriov", "{nodeSelector: {}, numVfs: 2, physicalFunctions: [{vendor: \"8086\"}], pools: []}");
        await bench.UntilAsync(async () => (await bench.StateAsync(node))!["spec"]!["policies"]!.AsArray().Count == 2);
        await bench.DeleteAsync("sriovpolicies.hostdev.io", "sriov");
        await bench.UntilAsync(async () => (await bench.StateAsync(node))!["spec"]!["policies"]!.AsArray().Count == 1);
        Assert.Single((await bench.StateAsync(node))!["spec"]!["cordons"]!.AsArray());

        // Another life of the agent, without an API server: when the pod is gone, nobody gets the device.
        await node.CrashAgentAsync();
        await server.StopAsync();
        node.StartAgent();
        await bench.UntilAsync(() => node.Offered(Resource) == 3);
        node.EndVm("render");
        await bench.UntilAsync(() => node.Agent.Allocator.Ledger.ById.IsEmpty);
        var others = await node.StartVmAsync("others", new DeviceRequest(Resource, 3));
        Assert.Equal(PodPhase.Running, others.Phase);
        var more = await node.StartVmAsync("more", new DeviceRequest(Resource, 1));
        Assert.Equal(PodPhase.Failed, more.Phase);
        Assert.False(IsHealthy(node));

        await server.StartAsync(TestContext.Current.CancellationToken);
        await bench.UntilAsync(async () => (await RunAsync(bench, "uncordon", node.Name, First)).ExitCode == 0);
        await bench.UntilAsync(() => IsHealthy(node));
        Assert.Equal(PodPhase.Running, (await node.StartVmAsync("again", new DeviceRequest(Resource, 1))).Phase);
        await bench.UntilAsync(async () => (await bench.StateAsync(node))!["status"]!["cordons"] is null);
        Assert.Equal(writes, node.Kernel.Writes.All.Length);

        var events = server
            .Objects.List("events.events.k8s.io")
            .Where(e => (string)e["reason"]! == "CordonedByAdmin")
            .Select(e => ((string)e["type"]!, (string)(e["note"] ?? e["message"])!));
        var (type, note) = Assert.Single(events);
        Assert.Equal("Normal", type);
        Assert.Contains("fans are replaced", note, StringComparison.Ordinal);
    }

    /// <summary>A misspelt device is said where an admin looks, and costs nothing else.</summary>
    [Fact]
    public async Task What_is_wrong_with_an_entry_stands_in_the_status_and_policies_are_followed()
    {
        var (bench, _) = await ClusterBench.SimulateAsync();
        await using var closed = bench;
        var node = await bench.AddNodeAsync("gpu", DemoMachines.GpuNode);
        bench.StartOperator();
        await bench.UntilAsync(async () => (await bench.StateAsync(node))?["status"]?["follows"] is JsonArray { Count: 2 });
        await bench.Api.MergeAsync(
            "nodedevicestates.hostdev.io",
            node.Name,
            new JsonObject
            {
                ["spec"] = new JsonObject
                {
                    ["cordons"] = JsonNode.Parse(
                        """
                        [{"device": "gpu0", "reason": "x"}, {"device": "0000:99:00.0", "reason": "x"},
                         {"device": "0000:12:00.0", "reason": "x"}]
                        """
                    ),
                },
            }
        );
        await bench.HostDeviceAsync("gpus", GpuMachine.Gpus);
        await bench.ReadyAsync("gpus");
        await bench.UntilAsync(() => node.Offered(Resource) == 3);
        await bench.UntilAsync(async () =>
            (await bench.StateAsync(node))!["status"]!["cordons"] is JsonArray { Count: 3 } said
            && said.Select(c => (string)c!["reason"]!).Order().SequenceEqual(["CordonedByAdmin", "InvalidCordon", "NothingCordoned"])
        );
        var synced = (await bench.StateAsync(node))!["status"]!["conditions"]!.AsArray().Single(c => (string)c!["type"]! == "Synced")!;
        Assert.Equal("True", (string)synced["status"]!);
    }

    private static bool IsHealthy(ClusterNode node) => node.Kubelet.Devices(Resource).Any(d => d is { Id: First, Healthy: true });

    private static List<string> Cordons(JsonObject? state) =>
        [.. (state?["status"]?["cordons"]?.AsArray() ?? []).Select(c => (string)c!["message"]!)];

    private static Task<KubectlAnswer> RunAsync(ClusterBench bench, params string[] arguments) =>
        KubectlBench.RunAsync(bench.Kubeconfig, arguments);
}
