using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kernel;
using Xunit;

namespace Hostdev.Tests.Cluster;

/// <summary>
/// What one node's trouble means for the others, with real operators and agents: nothing, unless the node loses what it had.
/// </summary>
[Trait(ClusterTrait.Name, ClusterTrait.Any)]
public sealed class RolloutScenarios
{
    private const string OneAtATime = ", rollout: {maxUnavailable: 1}";

    [Fact]
    public async Task A_new_policy_that_is_blocked_on_the_first_node_is_offered_on_the_others()
    {
        await using var bench = await ClusterBench.StartAsync();
        var first = await bench.AddNodeAsync("a", DemoMachines.GpuNode);
        var second = await bench.AddNodeAsync("b", DemoMachines.GpuNode);
        first.Kernel.UnloadDriver("vfio-pci");
        bench.StartOperator();
        await bench.UntilAsync(async () =>
            (await bench.StateAsync(first))?["spec"] is not null && (await bench.StateAsync(second))?["spec"] is not null
        );

        await bench.HostDeviceAsync("gpus", GpuMachine.Gpus, OneAtATime);
        await bench.UntilAsync(() => second.Offered("example.com/gpus") == 4);
        await bench.UntilAsync(async () => ClusterBench.Condition(await bench.PolicyAsync("gpus"), "Ready").Reason == Reasons.Blocked);
        var policy = await bench.PolicyAsync("gpus");
        await bench.UntilAsync(async () => (string?)(await bench.PolicyAsync("gpus"))?["status"]?["nodes"]?["summary"] == "1/2");
        Assert.StartsWith($"{first.Name}: ", ClusterBench.Condition(policy, "Ready").Message, StringComparison.Ordinal);
        Assert.Equal(0, (long?)(await bench.StateAsync(first))!["status"]!["policies"]![0]!["readyGeneration"]);
    }

    [Fact]
    public async Task A_change_that_takes_from_the_first_node_what_it_had_reaches_no_other_one_whoever_leads()
    {
        await using var bench = await ClusterBench.StartAsync();
        var first = await bench.AddNodeAsync("a", DemoMachines.GpuNode);
        var second = await bench.AddNodeAsync("b", DemoMachines.GpuNode);
        var leader = bench.StartOperator();
        await bench.HostDeviceAsync("gpus", GpuMachine.Gpus, OneAtATime);
        await bench.ReadyAsync("gpus");
        await bench.UntilAsync(() => first.Offered("example.com/gpus") == 4 && second.Offered("example.com/gpus") == 4);

        await bench.ApplyAsync(
            "HostDevice",
            "gpus",
            $$"""
                resourceName: example.com/gpus
                nodeSelector: {}
                rollout: {maxUnavailable: 1}
                devices:
                  pci:
                    selectors: {{GpuMachine.Gpus}}
                    groupPolicy: HoldSiblings
                    driver: {type: Named, name: absent-vfio-pci}
            """
        );
        await bench.UntilAsync(async () => ClusterBench.Condition(await bench.PolicyAsync("gpus"), "Progressing").Reason == Reasons.Halted);
        Assert.Contains(
            "because a node is Degraded with generation 2: " + first.Name,
            ClusterBench.Condition(await bench.PolicyAsync("gpus"), "Progressing").Message,
            StringComparison.Ordinal
        );
        Assert.Equal(1, (long?)(await bench.StateAsync(first))!["status"]!["policies"]![0]!["readyGeneration"]);

        await first.StopAgentAsync(); // what stood there is all that the next leader and the next agent have
        await leader.DisposeAsync();
        var next = bench.StartOperator("hostdev-operator-1", seed: 2);
        first.StartAgent();
        await bench.UntilAsync(async () => ClusterBench.Condition(await bench.PolicyAsync("gpus"), "Ready").Reason == Reasons.Blocked);
        for (var look = 1; look <= 3; look++) // of the new leader, each because something changed
        {
            var before = next.Host.Passes;
            await bench.LabelAsync(second, "look", look < 3 ? $"{look}" : null);
            await bench.UntilAsync(() => next.Host.Passes > before);
        }

        Assert.Equal(Reasons.Halted, ClusterBench.Condition(await bench.PolicyAsync("gpus"), "Progressing").Reason);
        Assert.Equal(
            (1, 4),
            ((long)(await bench.StateAsync(second))!["spec"]!["policies"]![0]!["generation"]!, second.Offered("example.com/gpus"))
        );
    }
}
