using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.Cluster;
using Hostdev.Sandbox.Kernel;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hostdev.Tests.Cluster;

/// <summary>The chart's rights are enough for what operator and agents do, each rule is needed, and the admission policy keeps each agent to its node.</summary>
public sealed class ChartRightsTests
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
    public async Task Every_call_is_allowed_by_the_charts_roles_and_without_any_single_rule_one_is_not()
    {
        var (bench, server) = await ClusterBench.SimulateAsync(new ApiServerOptions { Rbac = true });
        await using var closed = bench;
        var rendered = ChartRoles.Render(SandboxCluster.SystemNamespace);
        ChartRoles.Create(server.Objects, rendered);
        var node = await bench.AddNodeAsync("gpu", DemoMachines.GpuNode);
        bench.StartOperator("hostdev-operator-0");
        await bench.HostDeviceAsync("gpus", GpuMachine.Gpus);
        await bench.ApplyAsync("SriovPolicy", "nics", "{nodeSelector: {}, numVfs: 2, physicalFunctions: [{vendor: \"8086\", device: \"1592\"}], pools: []}");
        await bench.ApplyAsync("MdevProfile", "slices", "{nodeSelector: {}, resourceName: example.com/slice, parents: {names: [mtty]}, typeId: mtty-1, instances: {mode: Static, count: 1}}");
        await bench.ReadyAsync("gpus");
        await bench.UntilAsync(async () => (await bench.FindAsync("sriovpolicies.hostdev.io", "nics"))!["status"] is not null && (await bench.FindAsync("mdevprofiles.hostdev.io", "slices"))!["status"] is not null);
        // The same thing happens again and again: its Event is counted on.
        for (var round = 0; round < 3; round++)
        {
            await bench.HostDeviceAsync("gpus", round % 2 == 0 ? GpuMachine.FirstGpu : GpuMachine.Gpus);
            await bench.ReadyAsync("gpus");
        }

        var seen = server.Requests.All.Where(r => r.User.StartsWith("system:serviceaccount:", StringComparison.Ordinal) && r.Resource.Length > 0).ToList();
        Assert.Equal([], seen.Where(r => r.Code is 401 or 403).Select(r => r.ToString()));
        var rights = ChartRoles.Rights(rendered);
        // An apply that makes the object asks for create beside patch.
        var asked = seen.SelectMany(r => r is { Verb: "patch", Code: 201 } ? [(r, "patch"), (r, "create")] : new[] { (Request: r, r.Verb) }).ToList();
        Assert.All(asked, a => Assert.Contains(rights, r => r.Allows(a.Request, a.Item2)));
        var needed = asked.Select(a => rights.Where(r => r.Allows(a.Request, a.Item2)).Select(r => r.Rule).Distinct().ToList()).Where(rules => rules.Count == 1).Select(rules => rules[0]);
        Assert.Equal([], rights.Select(r => r.Rule).Except(needed)); // without any other rule some request would have been refused
    }

    [Fact]
    public async Task A_rule_that_is_taken_away_is_missed()
    {
        var (bench, server) = await ClusterBench.SimulateAsync(new ApiServerOptions { Rbac = true });
        await using var closed = bench;
        var rendered = ChartRoles.Render(SandboxCluster.SystemNamespace);
        var role = rendered.Single(r => (string)r["kind"]! == "ClusterRole" && (string)r["metadata"]!["name"]! == ClusterMembers.OperatorAccount);
        role["rules"]!.AsArray().RemoveAt(1); // the status of policies
        ChartRoles.Create(server.Objects, rendered);
        await bench.AddNodeAsync("gpu", DemoMachines.GpuNode);
        bench.StartOperator();
        await bench.HostDeviceAsync("gpus", GpuMachine.Gpus);
        await bench.UntilAsync(() => server.Requests.All.Any(r => r is { Code: 403, Resource: "hostdevices", Subresource: "status", Verb: "patch" }));
    }

    [Fact]
    public async Task An_agent_writes_the_status_of_its_own_node_and_nothing_else()
    {
        var (bench, server) = await ClusterBench.SimulateAsync(new ApiServerOptions { Rbac = true });
        await using var closed = bench;
        ChartRoles.Create(server.Objects, ChartRoles.Render(SandboxCluster.SystemNamespace));
        foreach (var name in (string[])["node-1", "node-2"]) server.Objects.Create(ClusterBench.Yaml($"{{apiVersion: hostdev.io/v1alpha1, kind: NodeDeviceState, metadata: {{name: {name}}}, spec: {{projectedAt: \"2026-01-01T00:00:00Z\", policies: []}}}}"));
        async Task<string?> WriteAsync(string? tokenOf, string node)
        {
            using var client = bench.Seat.Connect(ApiUser.ServiceAccount(SandboxCluster.SystemNamespace, ClusterMembers.AgentAccount, tokenOf), "agent/1", NullLoggerFactory.Instance);
            try
            {
                await client.MergePatchAsync(
                    HostdevKinds.NodeDeviceStateSummaries, new ObjectKey(node), new JsonObject { ["status"] = NodeDeviceStateWriter.ToJson(s_status) }, new WriteOptions { FieldManager = "hostdev-agent", Subresource = "status" }, TestContext.Current.CancellationToken);
                return null;
            }
            catch (KubeApiException e)
            {
                Assert.Equal(403, e.Status.Code);
                return e.Status.Message;
            }
        }

        const string denied = "is forbidden: ValidatingAdmissionPolicy 'hostdev-agent-own-node' with binding 'hostdev-agent-own-node' denied request: ";
        Assert.Null(await WriteAsync("node-1", "node-1"));
        Assert.Equal($"nodedevicestates.hostdev.io \"node-2\" {denied}{AgentAdmission.OwnNode}", await WriteAsync("node-1", "node-2"));
        Assert.Equal($"nodedevicestates.hostdev.io \"node-1\" {denied}{AgentAdmission.NoNode}", await WriteAsync(null, "node-1"));
        Assert.Null(server.Objects.Get("nodedevicestates.hostdev.io", "node-2")!["status"]);
    }

    [Fact]
    public void The_simulations_admission_rule_has_the_words_of_the_charts_policy()
    {
        var policy = ChartRoles.Template("admission.yaml");
        foreach (var message in (string[])[AgentAdmission.StatusOnly, AgentAdmission.NoNode, AgentAdmission.OwnNode]) Assert.Contains($"message: \"{message}\"", policy, StringComparison.Ordinal);
        Assert.Equal(3, policy.Split("message: ").Length - 1);
    }
}
