using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Projection;
using Hostdev.Tests.Projection;
using Xunit;
using static Hostdev.Tests.Projection.ClusterBuilder;

namespace Hostdev.Tests.Hostile;

/// <summary>What one node's token can write reaches that node's share of a policy's status and nothing else.</summary>
public sealed class HostileStatusTests
{
    private static readonly DateTimeOffset Now = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Whatever_a_node_writes_about_itself_the_others_count_and_every_text_is_printable()
    {
        var gpus = HostDevice("gpus");
        var template = JsonNode.Parse(
            $$"""
            {"metadata": {"name": "evil"}, "status": {
              "observedGeneration": 1, "truncated": false,
              "devices": [{"id": "0000:43:00.0", "class": "pci", "ids": "10de:2236"}, {"pciAddress": "0000:44:00.0", "ids": "10de:2236"}],
              "allocations": [{"id": "0000:43:00.0", "resource": "example.com/gpu", "namespace": "vms", "pod": "web"}],
              "policies": [{"kind": "HostDevice", "name": "gpus", "uid": "{{gpus.Identity.Uid}}", "generation": 1, "matched": 2, "ready": 1,
                "blocked": 1, "allocated": 1, "ids": ["10de:2236"], "readyGeneration": 1, "reason": "Blocked", "message": "in use",
                "problems": [{"device": "0000:44:00.0", "state": "Blocked", "reason": "InUse", "message": "somebody has it"}] }],
              "releasing": [{"device": "0000:45:00.0", "state": "Releasing", "reason": "InUse", "message": "web has it",
                "policyUid": "{{gpus.Identity.Uid}}"}],
              "conditions": [{"type": "Ready", "status": "True", "reason": "Ready", "message": ""}] } }
            """
        )!;
        var good = Node("good").Has(gpus).Reports(gpus, matched: 4, ready: 4);
        HostileRun.Over(
            "statuses",
            seed =>
            {
                if (Read(new HostileJson(seed).Of(template)?.ToJsonString() ?? "null") is not { } state)
                    return true;
                var evil = View(state) with { Given = [gpus.Version] };
                var status = PolicyRollup.Status(
                    Assert.Single(Projector.Project(ClusterBuilder.View([gpus], [good, evil])).Policies),
                    [good, evil],
                    Now
                );
                Assert.InRange(status.Devices!.Matched, 4, 4 + NodeReport.MostDevices);
                Assert.InRange(status.Devices.Ready, 4, 4 + NodeReport.MostDevices);
                Assert.InRange(status.Nodes!.Matched, 1, 2);
                Assert.InRange(status.Nodes.Ready, 1, 2);
                Assert.DoesNotContain(Texts(status), t => t.Any(char.IsControl) || t.Contains('\u202e'));
                return evil.Results.Values.Any(r => r.Reason == Reasons.InvalidStatus);
            }
        );
    }

    [Theory]
    [InlineData("\"matched\": 2147483647", "matched is 2147483647, and a node has 0 to 65536 devices")]
    [InlineData("\"blocked\": -1", "blocked is -1, and a node has 0 to 65536 devices")]
    [InlineData("\"ids\": [\"10de:2236\\\"\\n  x: y\"]", "ids has \"10de:2236\"\\n  x: y\", which is no vendor:device, as 10de:2230 is")]
    [InlineData("\"reason\": \"Rea dy\"", "reason is \"Rea dy\", which is no CamelCase word")]
    [InlineData(
        "\"problems\": [{\"device\": \"a\", \"state\": \"Bl\\u001bcked\", \"reason\": \"InUse\", \"message\": \"m\"}]",
        "problems has an entry whose state or reason is no CamelCase word"
    )]
    public void What_cannot_be_so_costs_that_node_its_share_and_names_the_field(string field, string complaint)
    {
        var gpus = HostDevice("gpus");
        var json = $$"""
            {"metadata": {"name": "evil"}, "status": {"policies": [{"uid": "{{gpus.Identity.Uid}}", "generation": 1, "reason": "Ready",
              "readyGeneration": 1, {{field}} }] } }
            """;
        var good = Node("good").Has(gpus).Reports(gpus, matched: 4, ready: 4);
        var evil = View(Read(json)!) with { Given = [gpus.Version] };
        var situation = Assert.Single(Projector.Project(ClusterBuilder.View([gpus], [evil, good])).Policies);
        var status = PolicyRollup.Status(situation, [evil, good], Now);
        var message =
            $"NodeDeviceState evil, status.policies[0]: {complaint}. Nothing that this node says of the policy counts: look which agent "
            + "runs on evil, and who else has its token";
        Assert.Equal([new PolicyProblem("evil", Reasons.InvalidStatus, message)], status.Problems);
        Assert.Equal((4, 4), (status.Devices!.Matched, status.Devices.Ready));
        Assert.Equal($"evil: {message}", status.Conditions.Single(c => c.Type == ConditionTypes.Degraded).Message);
        Assert.Null(situation.Rollout!.HaltedBy); // it would keep the other nodes from what they are to have
    }

    [Fact]
    public void Devices_of_so_many_nodes_that_no_number_holds_them_are_as_many_as_one_holds()
    {
        var gpus = HostDevice("gpus");
        var nodes = Nodes(40_000).Select(n => n.Has(gpus).Reports(gpus, matched: NodeReport.MostDevices)).ToList();
        var status = PolicyRollup.Status(Assert.Single(Projector.Project(ClusterBuilder.View([gpus], nodes)).Policies), nodes, Now);
        Assert.Equal((int.MaxValue, 40_000), (status.Devices!.Matched, status.Devices.Ready));
    }

    /// <summary>As an informer reads it: null for what it cannot.</summary>
    private static NodeDeviceStateSummary? Read(string json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, HostdevKinds.NodeDeviceStateSummaries.Json);
        }
        catch (Exception e) when (e is JsonException or FormatException) // as ObjectReader
        {
            return null;
        }
    }

    private static NodeView View(NodeDeviceStateSummary state) =>
        new()
        {
            Name = "evil",
            Uid = "evil-node",
            Agent = AgentPresence.Ready,
            Results = NodeReport.Results("evil", state.Status),
            Releasing = NodeReport.Releasing(state.Status),
            PciIds = state.Status?.PciIds,
            IsTruncated = state.Status?.Truncated == true,
        };

    private static IEnumerable<string> Texts(PolicyStatus status) =>
        status
            .Problems.SelectMany(p => (string?[])[p.Message, p.Device, p.Reason.Name])
            .Concat(status.Releasing.Select(r => r.Message))
            .Concat(status.Conditions.SelectMany(c => (string[])[c.Message, c.Reason]))
            .OfType<string>();
}
