using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.Cluster;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hostdev.Benchmarks;

/// <summary>
/// <c>operator</c>: one policy changes, and the operator has written it to every node's state; against the same number of bare patches to
/// the same objects, one after another on one connection. How both grow with the cluster is what counts.
/// </summary>
internal static class OperatorBenchmark
{
    private const string Policies = "hostdevices.hostdev.io";
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(10);

    public static Command Command()
    {
        var sizes = new Option<int[]>("--nodes")
        {
            Description = "How many nodes.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [200, 1000, 5000],
        };
        var rounds = new Option<int>("--rounds") { Description = "Changes for each size.", DefaultValueFactory = _ => 3 };
        var command = new Command("operator", "One policy's change until every node has it, against as many bare patches.")
        {
            sizes,
            rounds,
        };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetValue(sizes)!, parsed.GetValue(rounds), cancellationToken));
        return command;
    }

    private static async Task RunAsync(int[] sizes, int rounds, CancellationToken cancellationToken)
    {
        var rows = new List<string[]>();
        foreach (var size in sizes)
            rows.Add(await MeasureAsync(size, rounds, cancellationToken));
        Report.Title("Operator: one policy changes, until every node's state has it (10 policies, API server and operator in one process)");
        Report.Table(["nodes", "change, ms", "a node, ms", "as many patches, ms", "a patch, ms", "ratio"], rows);
    }

    private static async Task<string[]> MeasureAsync(int nodes, int rounds, CancellationToken cancellationToken)
    {
        Report.Progress($"{nodes} nodes");
        var directory = SandboxDirectory.Create();
        await using var cluster = await SandboxCluster.StartAsync(
            directory,
            new ApiServerOptions { HistoryWindow = 100_000 },
            cancellationToken: cancellationToken
        );
        for (var node = 0; node < nodes; node++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"node-{node:d5}");
            ClusterMembers.AddNode(cluster.Seat, name, []);
            ClusterMembers.ShowAgent(cluster.Seat, name, ready: true);
        }

        for (var policy = 0; policy < 10; policy++)
            cluster.Server.Objects.Create(Policy(policy));
        await using var agents = new LightAgents(
            Client(cluster, "agents"),
            new LightAgentOptions { Delay = TimeSpan.Zero, DevicesPerNode = 8 },
            TimeProvider.System,
            new Random(1)
        );
        await using var running = cluster.StartOperator();
        await UntilAsync(() => Enumerable.Range(0, 10).All(p => IsReady(cluster, p)), cancellationToken);
        using var client = Client(cluster, "reference");
        var (changes, patches) = (new List<double>(), new List<double>());
        for (var round = 0; round < rounds; round++)
        {
            changes.Add(await ChangeAsync(cluster, nodes, cancellationToken));
            patches.Add(await PatchAsync(client, nodes, round, cancellationToken));
        }

        var (change, patch) = (Sample.Of(changes), Sample.Of(patches));
        return
        [
            nodes.ToString(CultureInfo.InvariantCulture),
            change.Text("F0"),
            Report.Number(change.Median / nodes, "F3"),
            patch.Text("F0"),
            Report.Number(patch.Median / nodes, "F3"),
            Report.Ratio(change.Median / patch.Median),
        ];
    }

    private static async Task<double> ChangeAsync(SandboxCluster cluster, int nodes, CancellationToken cancellationToken)
    {
        var (began, requests) = (Stopwatch.GetTimestamp(), cluster.Server.Requests.Count);
        cluster.Server.Objects.Change(Policies, "policy-0", p => p["spec"]!["priority"] = 1 + ((int?)p["spec"]!["priority"] ?? 0));
        await UntilAsync(
            () =>
                cluster
                    .Server.Requests.Since(requests)
                    .Count(r => r is { Resource: "nodedevicestates", Subresource: "", Revision: not null }) >= nodes,
            cancellationToken
        );
        var took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        await UntilAsync(() => IsReady(cluster, 0), cancellationToken);
        return took;
    }

    private static async Task<double> PatchAsync(KubeClient client, int nodes, int round, CancellationToken cancellationToken)
    {
        var options = new WriteOptions { FieldManager = "reference" };
        var began = Stopwatch.GetTimestamp();
        for (var node = 0; node < nodes; node++)
        {
            var patch = new JsonObject
            {
                ["metadata"] = new JsonObject
                {
                    ["annotations"] = new JsonObject { ["bench"] = round.ToString(CultureInfo.InvariantCulture) },
                },
            };
            await client.MergePatchAsync(
                HostdevKinds.NodeDeviceStateSummaries,
                new ObjectKey(string.Create(CultureInfo.InvariantCulture, $"node-{node:d5}")),
                patch,
                options,
                cancellationToken
            );
        }

        return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
    }

    private static JsonObject Policy(int number) =>
        YamlJson
            .Parse(
                $$"""
                apiVersion: hostdev.io/v1alpha1
                kind: HostDevice
                metadata: {name: policy-{{number}}}
                spec:
                  resourceName: example.com/policy-{{number}}
                  nodeSelector: {}
                  rollout: {maxUnavailable: "100%"}
                  devices:
                    pci:
                      selectors: [{vendor: "10de"}]
                """,
                out _
            )!
            .AsObject();

    private static bool IsReady(SandboxCluster cluster, int policy) =>
        cluster.Server.Objects.Get(Policies, string.Create(CultureInfo.InvariantCulture, $"policy-{policy}")) is { } it
        && it["status"] is { } status
        && (long?)status["observedGeneration"] == (long?)it["metadata"]!["generation"]
        && status["conditions"]!.AsArray().Any(c => ((string)c!["type"]!, (string)c["status"]!) == ("Ready", "True"));

    private static KubeClient Client(SandboxCluster cluster, string name) =>
        cluster.CreateClient(new ApiUser(name, [ApiUser.Masters]), $"{name}/1", NullLoggerFactory.Instance);

    private static async Task UntilAsync(Func<bool> condition, CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(began) > s_patience)
                throw new TimeoutException($"it did not come to rest within {s_patience.TotalMinutes:0} minutes");
            await Task.Delay(TimeSpan.FromMilliseconds(20), cancellationToken);
        }
    }
}
