using System.Globalization;
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

/// <summary>
/// Rights give every agent the status of every node and any Event; the chart's admission policies take back all but its own, by the node
/// and Pod that its token names.
/// </summary>
public sealed class AgentAdmissionScenarios
{
    private static readonly NodeDeviceStateStatus s_status = new()
    {
        Host = new HostStatus
        {
            Kernel = "6.8.0",
            Architecture = "x86_64",
            BootId = "b",
            Iommu = true,
            InterruptRemapping = "Yes",
            KernelArguments = [],
            VfioDrivers = [],
            Problems = [],
        },
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
            await bench.Api.ApplyAsync(
                ClusterBench.Yaml(
                    $"{{apiVersion: hostdev.io/v1alpha1, kind: NodeDeviceState, metadata: {{name: {name}}}, spec: "
                        + $"{{projectedAt: \"2026-01-01T00:00:00Z\", policies: []}}}}"
                ),
                "hostdev-operator"
            );
        }

        using var agent = bench.Seat.Connect(ClusterMembers.AgentUser(bench.Seat.Namespace, own), "agent/1", NullLoggerFactory.Instance);
        using var unbound = bench.Seat.Connect(
            ApiUser.ServiceAccount(bench.Seat.Namespace, ClusterMembers.AgentAccount),
            "agent/1",
            NullLoggerFactory.Instance
        );
        var denied =
            $" is forbidden: ValidatingAdmissionPolicy 'hostdev-agent-own-node{bench.Suffix}' with binding "
            + $"'hostdev-agent-own-node{bench.Suffix}' denied request: ";
        // Rights and policies come into force a moment after they were made.
        var ofTheOther = $"nodedevicestates.hostdev.io \"{other}\"{denied}{AdmissionWords.OwnNode}";
        await bench.UntilAsync(async () => await RefusalAsync(agent, other, dryRun: true) == ofTheOther);
        Assert.Null(await RefusalAsync(agent, own));
        Assert.Equal(ofTheOther, await RefusalAsync(agent, other));
        Assert.Equal($"nodedevicestates.hostdev.io \"{own}\"{denied}{AdmissionWords.NoNode}", await RefusalAsync(unbound, own));
        Assert.Null((await bench.Api.FindAsync("nodedevicestates.hostdev.io", other))!["status"]);
        Assert.NotNull((await bench.Api.FindAsync("nodedevicestates.hostdev.io", own))!["status"]);
    }

    [Fact]
    [Trait(ClusterTrait.Name, ClusterTrait.Any)]
    public async Task An_agent_writes_Events_of_its_own_about_its_own_node_and_no_others()
    {
        await using var bench = await ClusterBench.StartAsync();
        var (own, other) = (bench.Name("node-1"), bench.Name("node-2"));
        foreach (var name in (string[])[own, other])
        {
            ClusterMembers.AddNode(bench.Seat, name, []);
            ClusterMembers.ShowAgent(bench.Seat, name, ready: true);
        }

        using var agent = bench.Seat.Connect(ClusterMembers.AgentUser(bench.Seat.Namespace, own), "agent/1", NullLoggerFactory.Instance);
        using var unbound = bench.Seat.Connect(
            ApiUser.ServiceAccount(bench.Seat.Namespace, ClusterMembers.AgentAccount),
            "agent/1",
            NullLoggerFactory.Instance
        );
        var pod = ClusterMembers.AgentPod(own);
        // Rights and policies come into force a moment after they were made.
        await bench.UntilAsync(async () =>
            await EventAsync(agent, bench.Name("first"), "hostdev.io/operator", pod, own, dryRun: true) is { } said
            && said.EndsWith(AdmissionWords.OwnName, StringComparison.Ordinal)
        );
        Assert.Null(await EventAsync(agent, bench.Name("first"), "hostdev.io/agent", pod, own));
        Assert.EndsWith(
            AdmissionWords.OwnName,
            await EventAsync(agent, bench.Name("second"), "hostdev.io/agent", ClusterMembers.AgentPod(other), own),
            StringComparison.Ordinal
        );
        Assert.EndsWith(
            AdmissionWords.OwnState,
            await EventAsync(agent, bench.Name("second"), "hostdev.io/agent", pod, other),
            StringComparison.Ordinal
        );
        Assert.EndsWith(
            AdmissionWords.OwnState,
            await EventAsync(agent, bench.Name("second"), "hostdev.io/agent", pod, own, "Node"),
            StringComparison.Ordinal
        );
        Assert.EndsWith(
            AdmissionWords.NoNode,
            await EventAsync(unbound, bench.Name("second"), "hostdev.io/agent", pod, own),
            StringComparison.Ordinal
        );

        // Its own may become a series; somebody else's is not made its own.
        Assert.Null(await SeriesAsync(agent, bench.Name("first"), []));
        Assert.EndsWith(
            AdmissionWords.OwnState,
            await SeriesAsync(agent, bench.Name("first"), new JsonObject { ["regarding"] = new JsonObject { ["name"] = other } }),
            StringComparison.Ordinal
        );
        await bench.Api.CreateAsync(Event(bench.Name("admins"), "example.com/scheduler", "scheduler", own, "NodeDeviceState"));
        Assert.EndsWith(
            AdmissionWords.OwnEvents,
            await SeriesAsync(
                agent,
                bench.Name("admins"),
                new JsonObject { ["reportingController"] = "hostdev.io/agent", ["reportingInstance"] = pod }
            ),
            StringComparison.Ordinal
        );
        Assert.Equal(
            "example.com/scheduler",
            (string?)(await bench.Api.FindAsync("events.events.k8s.io", bench.Name("admins"), "default"))!["reportingController"]
        );
        foreach (var name in (string[])["first", "admins"])
            await bench.Api.DeleteAsync("events.events.k8s.io", bench.Name(name), "default");
    }

    private static JsonObject Event(string name, string controller, string instance, string node, string kind) =>
        new()
        {
            ["apiVersion"] = "events.k8s.io/v1",
            ["kind"] = "Event",
            ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default" },
            ["eventTime"] = DateTimeOffset.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture),
            ["reportingController"] = controller,
            ["reportingInstance"] = instance,
            ["action"] = "Apply",
            ["reason"] = "Blocked",
            ["regarding"] = new JsonObject
            {
                ["apiVersion"] = kind == "Node" ? "v1" : "hostdev.io/v1alpha1",
                ["kind"] = kind,
                ["name"] = node,
            },
            ["note"] = "n",
            ["type"] = "Warning",
        };

    private static Task<string?> EventAsync(
        KubeClient client,
        string name,
        string controller,
        string instance,
        string node,
        string kind = "NodeDeviceState",
        bool dryRun = false
    ) =>
        RefusalAsync(() =>
            client.CreateAsync(
                AnyObject.Resource("events.events.k8s.io"),
                "default",
                Event(name, controller, instance, node, kind),
                new WriteOptions { FieldManager = "hostdev-agent", DryRun = dryRun },
                TestContext.Current.CancellationToken
            )
        );

    /// <summary>Counts an Event once more.</summary>
    private static Task<string?> SeriesAsync(KubeClient client, string name, JsonObject more)
    {
        var now = DateTimeOffset.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
        more["series"] = new JsonObject { ["count"] = 2, ["lastObservedTime"] = now };
        return RefusalAsync(() =>
            client.MergePatchAsync(
                AnyObject.Resource("events.events.k8s.io"),
                new ObjectKey(name, "default"),
                more,
                new WriteOptions { FieldManager = "hostdev-agent" },
                TestContext.Current.CancellationToken
            )
        );
    }

    private static Task<string?> RefusalAsync(KubeClient client, string node, bool dryRun = false)
    {
        var body = new JsonObject { ["status"] = NodeDeviceStateWriter.ToJson(s_status) };
        var write = new WriteOptions
        {
            FieldManager = "hostdev-agent",
            Subresource = "status",
            DryRun = dryRun,
        };
        return RefusalAsync(() =>
            client.MergePatchAsync(
                HostdevKinds.NodeDeviceStateSummaries,
                new ObjectKey(node),
                body,
                write,
                TestContext.Current.CancellationToken
            )
        );
    }

    /// <summary>The API server's words; null when it wrote.</summary>
    private static async Task<string?> RefusalAsync(Func<Task> write)
    {
        try
        {
            await write();
            return null;
        }
        catch (KubeApiException e) when (e.IsForbidden)
        {
            return e.Status.Message;
        }
    }
}
