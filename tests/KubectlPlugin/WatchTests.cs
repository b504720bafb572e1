using System.Text.Json.Nodes;
using Hostdev.Tests.Cluster;
using Hostdev.Tests.Shipped;
using Xunit;

namespace Hostdev.Tests.KubectlPlugin;

/// <summary><c>kubectl hostdev watch</c>, and what shells are proposed.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class WatchTests
{
    private const string States = "nodedevicestates.hostdev.io";

    private const string Policy = """
        apiVersion: hostdev.io/v1alpha1
        kind: HostDevice
        metadata: {name: gpu}
        spec: {resourceName: example.com/gpu, nodeSelector: {}, devices: {pci: {selectors: [{vendor: "10de"}]}}}
        """;

    private const string Status =
        "{devices: [{id: '0000:11:00.0', class: pci, state: Offered as a.b/c, pci: {iommuGroup: 3}}, "
        + "{id: '0000:12:00.0', class: pci}]}";

    [Fact]
    public async Task What_changes_is_a_line_and_what_does_not_is_none()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", Status);
        await using var program = ProgramRun.Start(ShippedPrograms.Kubectl, "watch", "--kubeconfig", bench.Cluster.Kubeconfig);
        await SaysAsync(program, "kubectl-hostdev: watching 1 nodes and 0 policies: what changes from now on is told");

        // The number of a group, and a driver, are no news.
        Change(bench, s => (s["devices"]![0]!["pci"]!["iommuGroup"], s["devices"]![1]!["driver"]) = (4, "nvidia"));
        Change(
            bench,
            s =>
                s["allocations"] = new JsonArray(
                    ClusterBench.Yaml("{id: '0000:11:00.0', resource: a.b/c, namespace: vms, pod: vm}").DeepClone()
                )
        );
        await SaysAsync(program, "Node/node-1  0000:11:00.0  Free a.b/c -> Allocated a.b/c pod vms/vm");
        bench.Cluster.Server.Objects.Create(ClusterBench.Yaml(Policy));
        bench.Cluster.Server.Objects.Change(
            "hostdevices.hostdev.io",
            "gpu",
            p =>
                p["status"] = ClusterBench.Yaml(
                    "{conditions: [{type: Ready, status: 'False', reason: NoMatch, message: m, "
                        + "lastTransitionTime: '2026-01-01T00:00:00Z'}]}"
                ),
            subresource: "status"
        );
        await SaysAsync(program, "HostDevice/gpu  Ready  new -> False NoMatch");
        bench.Cluster.Server.Objects.Delete(States, "node-1");
        await SaysAsync(program, "Node/node-1  0000:12:00.0  Host -> gone");
        Assert.Equal(
            [
                "Node/node-1  0000:11:00.0  Free a.b/c -> Allocated a.b/c pod vms/vm",
                "HostDevice/gpu  Ready  new -> False NoMatch",
                "Node/node-1  0000:11:00.0  Allocated a.b/c pod vms/vm -> gone",
                "Node/node-1  0000:12:00.0  Host -> gone",
            ],
            program.Said.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(l => l[10..])
        );
        Assert.False(program.HasExited);
    }

    [Fact]
    public async Task A_server_that_was_away_is_followed_again_and_what_happened_meanwhile_is_told()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", Status);
        await using var program = ProgramRun.Start(
            ShippedPrograms.Kubectl,
            "watch",
            "--output",
            "json",
            "--kubeconfig",
            bench.Cluster.Kubeconfig
        );
        await SaysAsync(program, "what changes from now on is told");
        await bench.Cluster.Server.StopAsync();
        await SaysAsync(program, ": tried again");
        Change(bench, s => s["devices"]![0]!["state"] = "Not offered as a.b/c: it fell off the bus");
        await bench.Cluster.Server.StartAsync(TestContext.Current.CancellationToken);
        await SaysAsync(program, "Unhealthy");
        var transition = JsonNode.Parse(program.Said.Split('\n').First(l => l.StartsWith('{')))!;
        Assert.Equal(("Node/node-1", "0000:11:00.0"), ((string?)transition["object"], (string?)transition["of"]));
        Assert.Equal(("Free a.b/c", "Unhealthy a.b/c"), ((string?)transition["before"], (string?)transition["after"]));
    }

    [Fact]
    public async Task Shells_are_proposed_verbs_options_nodes_and_resources()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", Status);
        bench.AddState("node-2", Status);
        bench.Cluster.Server.Objects.Create(ClusterBench.Yaml(Policy));
        Assert.Empty(new[] { "devices", "resources", "free", "explain", "tree", "why", "watch" }.Except(await ProposedAsync("")));
        Assert.DoesNotContain("__complete", await ProposedAsync(""));
        Assert.Equal(["devices"], await ProposedAsync("dev"));
        Assert.Equal(["node-1", "node-2"], await ProposedAsync("tree", "node"));
        Assert.Equal(["node-1", "node-2"], await ProposedAsync("devices", "--node", ""));
        Assert.Equal(["0000:11:00.0", "0000:12:00.0"], await ProposedAsync("explain", "node-1", "0000"));
        Assert.Equal(["example.com/gpu"], await ProposedAsync("free", "ex"));
        Assert.Equal(["--node"], await ProposedAsync("devices", "--no"));
        Assert.Equal(["json"], await ProposedAsync("devices", "-o", "js"));

        // Whoever presses Tab waits for a few seconds at most, and is proposed nothing then: on a busy machine he presses it again.
        async Task<string[]> ProposedAsync(params string[] words)
        {
            string[] proposed = [];
            for (var pressed = 0; pressed < 5 && proposed.Length == 0; pressed++)
            {
                var answer = await bench.RunAsync(["__complete", .. words]);
                Assert.Equal((0, ""), (answer.ExitCode, answer.Error));
                Assert.Equal(":4", answer.Lines[^1]);
                proposed = [.. answer.Lines[..^1].Select(l => l.Split('\t')[0])];
            }

            return proposed;
        }
    }

    private static void Change(KubectlBench bench, Action<JsonNode> change) =>
        bench.Cluster.Server.Objects.Change(States, "node-1", s => change(s["status"]!), subresource: "status");

    private static Task SaysAsync(ProgramRun program, string words) =>
        Waiting.UntilAsync(
            () => program.Said.Contains(words, StringComparison.Ordinal) || program.HasExited,
            30,
            () => $"waits for: {words}\n{program.Said}"
        );
}
