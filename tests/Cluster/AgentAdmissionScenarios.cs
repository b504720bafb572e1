using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.Cluster;
using Hostdev.Tests.Charts;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hostdev.Tests.Cluster;

/// <summary>Rights give every agent the status of every node; the chart's admission policy takes back all but its own, by the node that its token names.</summary>
public sealed class AgentAdmissionScenarios
{
    private static readonly NodeDeviceStateStatus s_status = new()
    {
        Host = new HostStatus { Kernel = "6.8.0", Architecture = "x86_64", BootId = "b", Iommu = true, InterruptRemapping = "Yes", KernelArguments = [], VfioDrivers = [], Problems = [] },
        Devices = [],
        VirtualFunctions = [],
        Allocations = [],
        Policies = [],
        Releasing = [],
        Resources = [],
        Conditions = [],
    };

    [Fact]
    [Trait(ClusterTrait.Name, ClusterTrait.Any)]
    public async Task An_agent_writes_the_status_of_its_own_node_and_nothing_else()
    {
        await using var bench = await ClusterBench.StartAsync();
        var (own, other) = (bench.Name("node-1"), bench.Name("node-2"));
        foreach (var name in (string[])[own, other])
        {
            ClusterMembers.AddNode(bench.Seat, name, []);
            ClusterMembers.ShowAgent(bench.Seat, name, ready: true);
            await bench.Api.ApplyAsync(ClusterBench.Yaml($"{{apiVersion: hostdev.io/v1alpha1, kind: NodeDeviceState, metadata: {{name: {name}}}, spec: {{projectedAt: \"2026-01-01T00:00:00Z\", policies: []}}}}"), "hostdev-operator");
        }

        using var agent = bench.Seat.Connect(ApiUser.ServiceAccount(bench.Seat.Namespace, ClusterMembers.AgentAccount, own), "agent/1", NullLoggerFactory.Instance);
        using var unbound = bench.Seat.Connect(ApiUser.ServiceAccount(bench.Seat.Namespace, ClusterMembers.AgentAccount), "agent/1", NullLoggerFactory.Instance);
        var denied = $" is forbidden: ValidatingAdmissionPolicy 'hostdev-agent-own-node{bench.Suffix}' with binding 'hostdev-agent-own-node{bench.Suffix}' denied request: ";
        // Rights and policies come into force a moment after they were made.
        await bench.UntilAsync(async () => await RefusalAsync(agent, other, dryRun: true) == $"nodedevicestates.hostdev.io \"{other}\"{denied}{AgentAdmission.OwnNode}");
        Assert.Null(await RefusalAsync(agent, own));
        Assert.Equal($"nodedevicestates.hostdev.io \"{other}\"{denied}{AgentAdmission.OwnNode}", await RefusalAsync(agent, other));
        Assert.Equal($"nodedevicestates.hostdev.io \"{own}\"{denied}{AgentAdmission.NoNode}", await RefusalAsync(unbound, own));
        Assert.Null((await bench.Api.FindAsync("nodedevicestates.hostdev.io", other))!["status"]);
        Assert.NotNull((await bench.Api.FindAsync("nodedevicestates.hostdev.io", own))!["status"]);
    }

    [Fact]
    public void The_simulations_admission_rule_has_the_words_of_the_charts_policy()
    {
        var policy = RenderedChart.Everything.Single(o => RenderedChart.Text(o, "kind") == "ValidatingAdmissionPolicy");
        Assert.Equal([AgentAdmission.StatusOnly, AgentAdmission.NoNode, AgentAdmission.OwnNode], policy["spec"]!["validations"]!.AsArray().Select(v => (string)v!["message"]!));
    }

    /// <summary>The API server's words; null when it wrote.</summary>
    private static async Task<string?> RefusalAsync(KubeClient client, string node, bool dryRun = false)
    {
        try
        {
            var body = new JsonObject { ["status"] = NodeDeviceStateWriter.ToJson(s_status) };
            await client.MergePatchAsync(HostdevKinds.NodeDeviceStateSummaries, new ObjectKey(node), body, new WriteOptions { FieldManager = "hostdev-agent", Subresource = "status", DryRun = dryRun }, TestContext.Current.CancellationToken);
            return null;
        }
        catch (KubeApiException e) when (e.IsForbidden)
        {
            return e.Status.Message;
        }
    }
}
