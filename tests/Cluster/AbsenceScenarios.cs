using System.Text.Json.Nodes;
using Hostdev.Crds.Words;
using Hostdev.Sandbox.Cluster;
using Hostdev.Sandbox.Kernel;
using Xunit;

namespace Hostdev.Tests.Cluster;

/// <summary>
/// Absence is not an empty spec: whatever vanishes from the API without being asked for by a policy, no live agent gives anything back for
/// it.
/// </summary>
[Trait(ClusterTrait.Name, ClusterTrait.Any)]
[Trait(Pace.Name, Pace.Slow)]
public sealed class AbsenceScenarios
{
    private const string Definitions = "customresourcedefinitions.apiextensions.k8s.io";
    private const string States = "nodedevicestates.hostdev.io";

    /// <summary>
    /// Its generations begin anew, so that the agent may have to say of the new one, word for word, what it said of the old.
    /// </summary>
    [Fact]
    public Task A_deleted_NodeDeviceState_is_made_again_with_its_status_and_nothing_is_given_back() =>
        NothingIsGivenBackAsync(
            async (bench, node) =>
            {
                await DeleteStateAsync(bench, node);
                await DeleteStateAsync(bench, node); // now it has the generation that the agent follows already
            }
        );

    [Fact]
    public Task A_deleted_Node_takes_its_state_along_and_nothing_is_given_back() =>
        NothingIsGivenBackAsync(
            async (bench, node) =>
            {
                Assert.True(await bench.Api.DeleteAsync("nodes", node.Name));
                await bench.UntilAsync(async () => await bench.StateAsync(node) is null);
                ClusterMembers.AddNode(bench.Seat, node.Name, []);
                await bench.UntilAsync(async () => await bench.StateAsync(node) is { } state && state["spec"] is not null && Tells(state));
            }
        );

    [Fact]
    public Task A_deleted_CRD_of_the_states_takes_them_along_and_nothing_is_given_back() =>
        NothingIsGivenBackAsync(
            async (bench, node) =>
            {
                await DeleteDefinitionAsync(bench, States);
                await CreateDefinitionAsync(bench, States);
                await bench.UntilAsync(async () => await bench.StateAsync(node) is { } state && state["spec"] is not null && Tells(state));
            }
        );

    [Fact]
    public Task A_deleted_CRD_of_policies_takes_them_along_and_nothing_is_given_back() =>
        NothingIsGivenBackAsync(
            async (bench, node) =>
            {
                await DeleteDefinitionAsync(bench, "hostdevices.hostdev.io");
                // Something else is done meanwhile: the operator lives, and the agent takes in a new spec.
                await bench.ApplyAsync(
                    "SriovPolicy",
                    "sriov",
                    "{nodeSelector: {}, numVfs: 2, physicalFunctions: [{vendor: \"8086\"}], pools: []}"
                );
                await bench.UntilAsync(async () => (await bench.StateAsync(node))!["spec"]!["policies"]!.AsArray().Count == 2);
                await bench.UntilAsync(async () =>
                    (long?)(await bench.StateAsync(node))!["status"]!["observedGeneration"]
                    == (long)(await bench.StateAsync(node))!["metadata"]!["generation"]!
                );
                Assert.Equal(4, node.Offered("example.com/gpus"));
                // Times of creation are whole seconds: a CRD that came back in the second in which the policy was made would be taken
                // for the one that it was made under.
                var second = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
                await bench.UntilAsync(() => Task.FromResult(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() > second));
                await CreateDefinitionAsync(bench, "hostdevices.hostdev.io");
            }
        );

    /// <summary>
    /// Takes the GPUs, lets something vanish, and waits until a later policy has gone all the way, so that whatever was to follow has
    /// followed.
    /// </summary>
    private static async Task NothingIsGivenBackAsync(Func<ClusterBench, ClusterNode, Task> vanishAsync)
    {
        await using var bench = await ClusterBench.StartAsync();
        var node = await bench.AddNodeAsync("gpu", DemoMachines.GpuNode);
        bench.StartOperator();
        await bench.HostDeviceAsync("gpus", GpuMachine.Gpus);
        await bench.ReadyAsync("gpus");
        var before = node.Kernel.Writes.All.Length;

        await vanishAsync(bench, node);
        await bench.HostDeviceAsync("later", "[{vendor: \"1af4\"}]");
        await bench.UntilAsync(async () => ClusterBench.Condition(await bench.PolicyAsync("later"), "Ready").Reason == Reasons.NoMatch);
        Assert.Equal((before, 4), (node.Kernel.Writes.All.Length, node.Offered("example.com/gpus")));
        Assert.All(GpuMachine.Addresses, address => Assert.Equal("vfio-pci", node.Driver(address)));
    }

    private static async Task DeleteStateAsync(ClusterBench bench, ClusterNode node)
    {
        var uid = Uid(await bench.StateAsync(node));
        Assert.True(await bench.Api.DeleteAsync(States, node.Name));
        await bench.UntilAsync(async () => await bench.StateAsync(node) is { } state && Uid(state) != uid && Tells(state));
        await bench.ReadyAsync("gpus");
    }

    /// <summary>Whether the agent has said of this very object what it follows.</summary>
    private static bool Tells(JsonObject state) =>
        state["status"] is { } status
        && (long?)status["observedGeneration"] == (long)state["metadata"]!["generation"]!
        && status["policies"]!.AsArray().Any(p => (string)p!["reason"]! == "Ready");

    private static async Task DeleteDefinitionAsync(ClusterBench bench, string name)
    {
        Assert.True(await bench.Api.DeleteAsync(Definitions, name));
        await bench.UntilAsync(async () => await bench.Api.FindAsync(Definitions, name) is null);
    }

    private static async Task CreateDefinitionAsync(ClusterBench bench, string name)
    {
        await bench.Api.ApplyAsync(SandboxCluster.Definitions.Single(d => (string)d["metadata"]!["name"]! == name).DeepClone().AsObject());
        await bench.UntilAsync(async () =>
            (await bench.Api.FindAsync(Definitions, name))?["status"]?["conditions"] is JsonArray all
            && all.Any(c => ((string)c!["type"]!, (string)c["status"]!) == ("Established", "True"))
        );
    }

    private static string? Uid(JsonObject? it) => (string?)it?["metadata"]?["uid"];
}
