using System.Text.Json.Nodes;
using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Xunit;

namespace Hostdev.Tests.Cluster;

/// <summary>What becomes of a policy between <c>kubectl apply</c> and <c>kubectl delete</c>, with real operators and agents.</summary>
[Trait(ClusterTrait.Name, ClusterTrait.Any)]
[Trait(Pace.Name, Pace.Slow)]
public sealed class LifecycleScenarios
{
    [Fact]
    public async Task A_policy_is_offered_on_the_right_node_and_says_so_and_once_deleted_the_host_is_as_it_was()
    {
        await using var bench = await ClusterBench.StartAsync();
        var gpu = await bench.AddNodeAsync("gpu", DemoMachines.GpuNode, labels: ("gpu", "yes"));
        var net = await bench.AddNodeAsync("net", DemoMachines.SriovNode);
        var before = TreeSnapshot.Take(gpu.Kernel.Paths);
        bench.StartOperator();
        await bench.HostDeviceAsync("gpus", GpuMachine.Gpus, nodes: "{matchLabels: {gpu: \"yes\"}}");
        await bench.ReadyAsync("gpus");
        var status = (await bench.PolicyAsync("gpus"))!["status"]!;
        Assert.Equal((4, 0), (gpu.Offered("example.com/gpus"), net.Offered("example.com/gpus")));
        Assert.Equal(("1/1", "4/4"), ((string)status["nodes"]!["summary"]!, (string)status["devices"]!["summary"]!));
        Assert.Equal("4 devices offered on 1 node", ClusterBench.Condition(await bench.PolicyAsync("gpus"), "Ready").Message);

        await bench.DeleteAsync("hostdevices.hostdev.io", "gpus");
        await bench.UntilAsync(() => gpu.Agent.Journal.State.Ownership.Functions.IsEmpty && gpu.Offered("example.com/gpus") == 0);
        Assert.Empty(gpu.ChangedSince(before));
    }

    [Fact]
    public async Task A_policy_that_matches_nothing_says_so()
    {
        await using var bench = await ClusterBench.StartAsync();
        var node = await bench.AddNodeAsync("gpu", DemoMachines.GpuNode);
        bench.StartOperator();
        await bench.HostDeviceAsync("absent", "[{vendor: \"1af4\"}]");
        await bench.HostDeviceAsync("nowhere", GpuMachine.Gpus, nodes: "{matchLabels: {rack: \"9\"}}");
        await bench.UntilAsync(async () =>
            ClusterBench.Condition(await bench.PolicyAsync("absent"), "Ready").Reason == Reasons.NoMatch
            && ClusterBench.Condition(await bench.PolicyAsync("nowhere"), "Ready").Reason == Reasons.NoMatch
        );
        Assert.Equal(
            (
                "False",
                Reasons.NoMatch,
                $"no device matches on 1 node that nodeSelector chooses: kubectl get nodedevicestate {node.Name} -o "
                    + "yaml lists the devices of one of them"
            ),
            ClusterBench.Condition(await bench.PolicyAsync("absent"), "Ready")
        );
        Assert.Equal(
            (
                "False",
                Reasons.NoMatch,
                "nodeSelector chooses no node that runs an agent: compare it with kubectl get nodes --show-labels, "
                    + "and look whether the agent's Pods run there"
            ),
            ClusterBench.Condition(await bench.PolicyAsync("nowhere"), "Ready")
        );
        Assert.Empty(node.Kernel.Writes.All);
    }

    [Fact]
    public async Task A_policy_that_is_deleted_while_the_agent_is_down_is_given_back_once_it_is_up()
    {
        await using var bench = await ClusterBench.StartAsync();
        var node = await bench.AddNodeAsync("gpu", DemoMachines.GpuNode);
        var before = TreeSnapshot.Take(node.Kernel.Paths);
        bench.StartOperator();
        await bench.HostDeviceAsync("gpus", GpuMachine.Gpus);
        await bench.ReadyAsync("gpus");
        await node.StopAgentAsync();
        await bench.DeleteAsync("hostdevices.hostdev.io", "gpus");
        await bench.UntilAsync(async () => (await bench.StateAsync(node))?["spec"]?["policies"] is JsonArray { Count: 0 });
        Assert.Equal("vfio-pci", node.Driver("0000:11:00.0"));

        node.StartAgent();
        await bench.UntilAsync(() => node.Agent.Journal.State.Ownership.Functions.IsEmpty && node.Driver("0000:11:00.0") == "nvidia");
        await bench.UntilAsync(async () =>
            (await bench.StateAsync(node))?["status"] is { } status
            && status["policies"]!.AsArray().Count == 0
            && status["releasing"]!.AsArray().Count == 0
        );
        Assert.Empty(node.ChangedSince(before));
    }

    [Fact]
    public async Task A_policy_that_no_longer_selects_a_node_lists_it_as_releasing_until_its_agent_is_back_and_its_VM_is_gone()
    {
        await using var bench = await ClusterBench.StartAsync();
        var node = await bench.AddNodeAsync("gpu", DemoMachines.GpuNode, labels: ("gpu", "yes"));
        var other = await bench.AddNodeAsync("other", DemoMachines.GpuNode, labels: ("gpu", "yes"));
        bench.StartOperator();
        await bench.HostDeviceAsync("gpus", GpuMachine.Gpus, nodes: "{matchLabels: {gpu: \"yes\"}}");
        await bench.ReadyAsync("gpus");
        var vm = await node.StartVmAsync("vm", new DeviceRequest("example.com/gpus", 1));
        Assert.Equal(PodPhase.Running, vm.Phase);
        await node.StopAgentAsync();

        await bench.LabelAsync(node, "gpu", null);
        await bench.UntilAsync(async () =>
            Releasing(await bench.PolicyAsync("gpus")) == (node.Name, "its agent is not Ready: everything is given back once it is")
        );
        node.StartAgent();
        await bench.UntilAsync(() => node.Agent.Journal.State.Ownership.Functions.Count == 2); // the VM's GPU and its audio function
        await bench.UntilAsync(async () =>
            Releasing(await bench.PolicyAsync("gpus")) is (var name, var message)
            && name == node.Name
            && message.Contains("vm", StringComparison.Ordinal)
            && !message.Contains("not Ready", StringComparison.Ordinal)
        );
        Assert.NotEmpty((await bench.StateAsync(node))!["status"]!["releasing"]!.AsArray());

        node.EndVm("vm");
        await bench.UntilAsync(async () => Releasing(await bench.PolicyAsync("gpus")) == ("", ""));
        await bench.UntilAsync(() => node.Agent.Journal.State.Ownership.Functions.IsEmpty);
        Assert.Equal(4, other.Offered("example.com/gpus"));
    }

    [Fact]
    public async Task A_field_that_the_agent_does_not_know_freezes_its_policy_alone_and_releases_nothing()
    {
        await using var bench = await ClusterBench.StartAsync();
        var node = await bench.AddNodeAsync("gpu", DemoMachines.GpuNode, agent: false);
        const string both = "[{addresses: [\"0000:12:00.0\", \"0000:81:00.0\"]}]";
        Task ProjectAsync(int generation, string more) =>
            bench.Api.ApplyAsync(
                ClusterBench.Yaml(
                    $$"""
                    apiVersion: hostdev.io/v1alpha1
                    kind: NodeDeviceState
                    metadata: {name: {{node.Name}}}
                    spec:
                      projectedAt: "2026-01-01T00:00:0{{generation}}Z"
                      policies:
                      - kind: HostDevice
                        name: first
                        uid: u1
                        generation: {{generation}}
                        spec:
                          resourceName: example.com/first
                          nodeSelector: {}
                          devices: {pci: {selectors: {{GpuMachine.FirstGpu}}, groupPolicy: HoldSiblings{{more}} } }
                      - kind: HostDevice
                        name: second
                        uid: u2
                        generation: {{generation}}
                        spec:
                          resourceName: example.com/second
                          nodeSelector: {}
                          devices: {pci: {selectors: {{(generation == 1 ? GpuMachine.SecondGpu : both)}}, groupPolicy: HoldSiblings } }
                    """
                ),
                "hostdev-operator"
            );
        await ProjectAsync(1, "");
        node.StartAgent();
        await bench.UntilAsync(() => node.Offered("example.com/first") == 1 && node.Offered("example.com/second") == 1);

        await ProjectAsync(2, ", quantumTunnel: true");
        await bench.UntilAsync(() => node.Offered("example.com/second") == 2);
        await bench.UntilAsync(async () => (string?)Result(await bench.StateAsync(node), "first")?["reason"] == "Frozen");
        var state = await bench.StateAsync(node);
        Assert.Contains("quantumTunnel", (string)Result(state, "first")!["message"]!, StringComparison.Ordinal);
        Assert.Contains("UnsupportedField", state!["status"]!.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal((1, "vfio-pci"), (node.Offered("example.com/first"), node.Driver("0000:11:00.0")));

        await ProjectAsync(3, "");
        await bench.UntilAsync(async () => (string?)Result(await bench.StateAsync(node), "first")?["reason"] == "Ready");
        Assert.Equal(1, node.Offered("example.com/first"));
    }

    private static (string Node, string Message) Releasing(JsonObject? policy) =>
        policy?["status"]?["releasing"] is JsonArray { Count: > 0 } releasing
            ? ((string)releasing[0]!["node"]!, (string)releasing[0]!["message"]!)
            : ("", "");

    private static JsonNode? Result(JsonObject? state, string policy) =>
        state?["status"]?["policies"]?.AsArray().FirstOrDefault(p => (string)p!["name"]! == policy);
}
