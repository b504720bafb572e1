using System.Globalization;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Faults;
using Hostdev.Sandbox.Cluster;
using Xunit;
using static Hostdev.Tests.Operator.OperatorBench;

namespace Hostdev.Tests.Operator;

public sealed class NodeLabelTests
{
    [Fact]
    public async Task A_Node_has_a_label_for_each_kind_of_PCI_device_that_its_agent_reports_until_neither_is_there()
    {
        await using var bench = await StartAsync();
        bench.AddNode("a", ("zone", "1"));
        bench.StartOperator(nodeLabels: true);
        await Waiting.UntilAsync(() => bench.Has("a") == "");
        await bench.QuietAsync();
        Assert.Equal("zone=1", Labels()); // nobody knows yet
        bench.Report("a");
        await Waiting.UntilAsync(
            () => Labels() == "hostdev.io/pci-10de-2236.present=true,hostdev.io/pci-8086-10fb.present=true,zone=1",
            state: Labels
        );
        await bench.QuietAsync();
        var mark = bench.Cluster.Server.Requests.Count;
        bench.Report("a", message: "changed");
        bench.Label("a", "zone", "2");
        await bench.QuietAsync();
        Assert.DoesNotContain(bench.Writes(mark), w => w.Resource == "nodes");

        // The agent has left out what is the host's: that is not gone.
        bench.Objects.Change(
            States,
            "a",
            s => (s["status"]!["truncated"], s["status"]!["devices"]) = (true, new JsonArray()),
            subresource: "status",
            manager: "hostdev-agent"
        );
        await bench.QuietAsync();
        Assert.DoesNotContain(bench.Writes(mark), w => w.Resource == "nodes");
        bench.Report("a");

        bench.Objects.Change(
            "nodes",
            "a",
            n => ((JsonObject)n["metadata"]!["labels"]!).Remove("hostdev.io/pci-10de-2236.present"),
            manager: "kubectl-label"
        );
        await Waiting.UntilAsync(
            () => Labels().StartsWith("hostdev.io/pci-10de-2236.present=true", StringComparison.Ordinal),
            state: Labels
        );
        bench.Objects.Delete("pods", "agent-a", SandboxCluster.SystemNamespace);
        bench.Objects.Delete(States, "a");
        await Waiting.UntilAsync(() => Labels() == "zone=2", state: Labels);

        string Labels() =>
            string.Join(
                ',',
                bench.Objects.Get("nodes", "a")!["metadata"]!["labels"]!
                    .AsObject()
                    .Where(l => !l.Key.StartsWith("kubernetes.io", StringComparison.Ordinal))
                    .Select(l => $"{l.Key}={l.Value}")
                    .Order(StringComparer.Ordinal)
            );
    }

    [Fact]
    public async Task Labels_that_are_refused_are_tried_again_later_each_time_however_much_happens_in_the_cluster()
    {
        await using var bench = await StartAsync();
        bench.AddNode("a");
        bench.AddNode("b", ("round", "0"));
        bench.Cluster.Server.Faults.Add(new FaultRule(new ApiFault.Refuse(403)) { Verb = "patch", Resource = "nodes" });
        var process = bench.StartOperator(nodeLabels: true);
        await Waiting.UntilAsync(() => bench.Has("a") == "");
        bench.Report("a");
        await Waiting.UntilAsync(() => bench.Writes().Any(w => w.Resource == "nodes"));
        var passes = process.Host.Passes;
        for (var round = 1; process.Host.Passes < passes + 40; round++)
        {
            bench.Label("b", "round", round.ToString(CultureInfo.InvariantCulture));
            await Task.Delay(30);
        }

        Assert.InRange(bench.Writes().Count(w => w is { Resource: "nodes", Code: 403 }), 1, 12); // 200 ms, 400 ms, 800 ms ...
    }

    [Fact]
    public async Task Without_the_flag_no_Node_is_written()
    {
        await using var bench = await StartAsync();
        bench.AddNode("a");
        bench.StartOperator();
        await Waiting.UntilAsync(() => bench.Has("a") == "");
        bench.Report("a");
        await bench.QuietAsync();
        Assert.DoesNotContain(bench.Writes(), w => w.Resource == "nodes");
    }
}
