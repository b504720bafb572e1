using System.Text.Json.Nodes;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Reporting;
using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using Hostdev.Sandbox.ApiServer.Schema;
using Hostdev.Sandbox.Cluster;
using Hostdev.Tests.Cluster;
using Hostdev.Tests.Crds;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hostdev.Tests.Reporting;

/// <summary>
/// helm replaces the CRDs first and agents a few at a time, at an upgrade and at a rollback: for a while agents of both versions write to a
/// CRD that is not theirs, and read what the other left. The version before is told by its CRD and by what its agent wrote.
/// </summary>
public sealed class StatusVersionTests
{
    private const string States = "nodedevicestates.hostdev.io";
    private const string Definitions = "customresourcedefinitions.apiextensions.k8s.io";

    private static readonly JsonObject s_before = JsonNode.Parse(Read("state.json"))!["status"]!.AsObject();

    [Fact]
    public async Task At_an_upgrade_agents_of_the_version_before_write_to_the_new_CRD_and_lose_nothing_until_the_new_ones_come()
    {
        await using var bench = await ConnectionBench.StartAsync();
        await DefineAsync(bench, Read("nodedevicestates.yaml"));
        bench.Cluster.StartOperator(timings: ClusterBench.Timings, nodeLabels: true);
        await ProjectsAsync(bench, "before");
        await OldAgentWritesAsync(bench, s_before);
        Assert.NotEmpty(Owned(bench)["f:devices"]!.AsObject());

        await DefineAsync(bench, File.ReadAllText(Repository.Path("crds", "nodedevicestates.yaml")));
        await OldAgentWritesAsync(bench, s_before);
        Assert.Empty(Owned(bench)["f:devices"]!.AsObject());
        await ProjectsAsync(bench, "replaced");
        await LabelsAsync(bench);

        bench.Connection.Write(Now());
        await bench.UntilAsync(() => (string?)Devices(bench)[0]!["id"] == "0000:00:00.0");
        Assert.True(JsonNode.DeepEquals(NodeDeviceStateWriter.ToJson(Now())["devices"], Devices(bench)), Devices(bench).ToJsonString());
        await ProjectsAsync(bench, "after");
        await LabelsAsync(bench);

        // What the version before has told as Events is not told again.
        var blocked = Now().Policies[0] with
        {
            Reason = Reasons.Blocked,
            Message = "it is blocked",
        };
        bench.Connection.Write(Now() with { Policies = [blocked] });
        await bench.UntilAsync(() => Told(bench).Contains("Blocked"));
        Assert.Equal(["Blocked"], Told(bench));
        NothingWasRefused(bench);
    }

    [Fact]
    public async Task At_a_rollback_agents_of_this_version_write_to_the_old_CRD_what_the_version_before_reads()
    {
        await using var bench = await ConnectionBench.StartAsync();
        bench.Cluster.StartOperator(timings: ClusterBench.Timings, nodeLabels: true);
        await ProjectsAsync(bench, "before");
        bench.Connection.Write(Now());
        await bench.UntilAsync(() => bench.Status is not null);

        await DefineAsync(bench, Read("nodedevicestates.yaml"));
        await ProjectsAsync(bench, "replaced"); // a status that stands there is looked at when the spec is written
        var now = Now().Devices.Select(d => d with { State = $"{d.State} now" }); // an API server does not look at what did not change
        bench.Connection.Write(Now() with { Devices = [.. now] });
        await bench.UntilAsync(() => Devices(bench).All(d => ((string?)d!["state"])?.EndsWith(" now", StringComparison.Ordinal) == true));
        var readable = s_before["devices"]!.DeepClone().AsArray();
        foreach (var device in readable)
        {
            device!["state"] = $"{device["state"]} now";
            device.AsObject().Remove("iommuGroup"); // people alone read it
        }

        Assert.True(JsonNode.DeepEquals(readable, Devices(bench)), Devices(bench).ToJsonString());
        await LabelsAsync(bench);

        await bench.StopAsync();
        await OldAgentWritesAsync(bench, s_before);
        await ProjectsAsync(bench, "after");
        await LabelsAsync(bench);
        NothingWasRefused(bench);
    }

    /// <summary>The status that this version's agent has on the same machine.</summary>
    private static NodeDeviceStateStatus Now() =>
        NodeDeviceStateReader.ReadStatus(CrdFiles.Element(s_before))! with
        {
            Devices =
            [
                .. s_before["devices"]!
                    .AsArray()
                    .Select(d =>
                        DeviceStatus.Of(PciAddress.Parse((string)d!["pciAddress"]!)) with
                        {
                            Ids = (string)d["ids"]!,
                            Driver = (string?)d["driver"],
                            NumaNode = (int?)d["numaNode"],
                            State = (string?)d["state"],
                            Pci = new PciDeviceStatus((int?)d["iommuGroup"]),
                        }
                    ),
            ],
        };

    /// <summary>The whole, then two differences, as agents write both; each time it stands there to the letter.</summary>
    private static async Task OldAgentWritesAsync(ConnectionBench bench, JsonObject status)
    {
        var user = ClusterMembers.AgentUser(bench.Cluster.Seat.Namespace, ConnectionBench.Node);
        using var client = bench.Cluster.Seat.Connect(user, "hostdev-device-plugin/before", NullLoggerFactory.Instance);
        var options = new WriteOptions
        {
            FieldManager = "hostdev-agent",
            Subresource = "status",
            FieldValidation = FieldValidation.Warn,
        };
        var whole = new JsonArray(
            new JsonObject
            {
                ["op"] = "add",
                ["path"] = "/status",
                ["value"] = status.DeepClone(),
            }
        );
        var (kind, key, ended) = (
            HostdevKinds.NodeDeviceStates,
            new ObjectKey(ConnectionBench.Node),
            TestContext.Current.CancellationToken
        );
        await client.JsonPatchAsync(kind, key, whole, options, ended);
        Assert.True(JsonNode.DeepEquals(status, bench.Status), bench.Status?.ToJsonString());
        var changed = status.DeepClone().AsObject();
        (changed["devices"]![0]!["state"], changed["devices"]![0]!["driver"]) = ("Offered as example.com/other", "vfio-pci");
        foreach (var next in (JsonObject[])[changed, status])
        {
            var difference = new JsonObject { ["status"] = MergePatch.Between(bench.Status!, next) };
            await client.MergePatchAsync(kind, key, difference, options, ended);
            Assert.True(JsonNode.DeepEquals(next, bench.Status), bench.Status?.ToJsonString());
        }
    }

    private static async Task DefineAsync(ConnectionBench bench, string yaml)
    {
        var definition = ClusterBench.Yaml(yaml);
        Assert.True(CustomResourceDefinition.TryParse(definition, out _, out var errors), string.Join('\n', errors));
        bench.Server.Objects.Change(Definitions, States, d => d["spec"] = definition["spec"]!.DeepClone());
        await bench.Server.SettleAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>The operator writes the node's spec.</summary>
    private static async Task ProjectsAsync(ConnectionBench bench, string policy)
    {
        bench.Server.Objects.Create(
            ClusterBench.Yaml(
                $$"""
                apiVersion: hostdev.io/v1alpha1
                kind: HostDevice
                metadata: {name: {{policy}}}
                spec:
                  resourceName: example.com/{{policy}}
                  nodeSelector: {}
                  devices:
                    pci: {selectors: [{vendor: "10de"}]}
                """
            )
        );
        await bench.UntilAsync(() => State(bench)["spec"]!["policies"]!.AsArray().Any(p => (string)p!["name"]! == policy));
    }

    /// <summary>The operator reads which devices there are.</summary>
    private static async Task LabelsAsync(ConnectionBench bench)
    {
        var ids = s_before["devices"]!.AsArray().Select(d => ((string)d!["ids"]!).Replace(':', '-'));
        var expected = ids.Distinct().Select(i => $"hostdev.io/pci-{i}.present").Order(StringComparer.Ordinal).ToArray();
        await bench.UntilAsync(() => Labels().Order(StringComparer.Ordinal).SequenceEqual(expected));

        IEnumerable<string> Labels() =>
            bench.Server.Objects.Get("nodes", ConnectionBench.Node)!["metadata"]!["labels"]!
                .AsObject()
                .Select(l => l.Key)
                .Where(l => l.StartsWith("hostdev.io/", StringComparison.Ordinal));
    }

    private static JsonObject State(ConnectionBench bench) => bench.Server.Objects.Get(States, ConnectionBench.Node)!;

    private static JsonArray Devices(ConnectionBench bench) => bench.Status!["devices"]!.AsArray();

    /// <summary>The fields of the status that the agent owns.</summary>
    private static JsonNode Owned(ConnectionBench bench) =>
        State(bench)["metadata"]!["managedFields"]!.AsArray().Single(m => (string)m!["manager"]! == "hostdev-agent")!["fieldsV1"]![
            "f:status"
        ]!;

    /// <summary>The reasons of the agent's Events.</summary>
    private static string[] Told(ConnectionBench bench)
    {
        var events = bench.Server.Objects.List("events.events.k8s.io").Where(e => (string?)e["reportingComponent"] == "hostdev.io/agent");
        return [.. events.Select(e => (string)e["reason"]!)];
    }

    private static void NothingWasRefused(ConnectionBench bench)
    {
        var writes = bench.Server.Requests.Since(0).Where(r => r.IsWrite && r.Resource == "nodedevicestates");
        Assert.Empty(writes.Where(w => w.Code >= 300).Select(w => w.ToString()));
    }

    private static string Read(string file) => File.ReadAllText(Repository.Path("tests", "testdata", "crds", "2026-11", file));
}
