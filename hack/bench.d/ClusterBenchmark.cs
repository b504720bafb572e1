using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Kube.Client;
using Hostdev.Operator;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.Cluster;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hostdev.Benchmarks;

/// <summary>
/// <c>cluster</c>: what a large cluster costs an operator: time, writes and memory, printed as they are measured. Times depend on the
/// machine, which the API server and the agents share, so a reference of the same run stands beside them: one list of all states, read and
/// parsed and nothing else.
/// </summary>
internal sealed class ClusterBenchmark(int nodes, int policies, TextWriter output) : IAsyncDisposable
{
    private const string States = "nodedevicestates";
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(30);

    private readonly string _directory = SandboxDirectory.Create();
    private SandboxCluster? _cluster;
    private LightAgents? _agents;

    private SimulatedApiServer Server => _cluster!.Server;

    public static Command Command()
    {
        var nodes = new Option<int>("--nodes") { Description = "How many nodes the cluster has.", DefaultValueFactory = _ => 5000 };
        var policies = new Option<int>("--policies")
        {
            Description = "How many policies, each for all nodes.",
            DefaultValueFactory = _ => 20,
        };
        var command = new Command(
            "cluster",
            "The operator's whole way on a cluster of many nodes: from nothing, a change, a restart, rest."
        )
        {
            nodes,
            policies,
        };
        command.SetAction(
            async (parsed, cancellationToken) =>
            {
                await using var benchmark = new ClusterBenchmark(parsed.GetValue(nodes), parsed.GetValue(policies), Console.Out);
                await benchmark.RunAsync(cancellationToken);
            }
        );
        return command;
    }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        _cluster = await SandboxCluster.StartAsync(
            _directory,
            new ApiServerOptions { HistoryWindow = 100_000 },
            cancellationToken: cancellationToken
        );
        Say($"{nodes} nodes, {policies} policies, each for all nodes, 10% of them at a time");
        Populate();
        var first = await ProjectAsync(cancellationToken);
        await ChangeAsync(cancellationToken);
        await first.DisposeAsync();
        var reference = await ReferenceAsync(cancellationToken);
        var second = await RestartAsync(reference, cancellationToken);
        await RestAsync(second, cancellationToken);
        await second.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_agents is not null)
            await _agents.DisposeAsync();
        if (_cluster is not null)
            await _cluster.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private void Populate()
    {
        for (var node = 0; node < nodes; node++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"node-{node:d5}");
            ClusterMembers.AddNode(_cluster!.Seat, name, []);
            ClusterMembers.ShowAgent(_cluster.Seat, name, ready: true);
        }

        for (var policy = 0; policy < policies; policy++)
        {
            Server.Objects.Create(
                YamlJson
                    .Parse(
                        $$"""
                        apiVersion: hostdev.io/v1alpha1
                        kind: HostDevice
                        metadata: {name: policy-{{policy}}}
                        spec:
                          resourceName: example.com/policy-{{policy}}
                          nodeSelector: {}
                          devices:
                            pci:
                              selectors: [{vendor: "10de"}]
                        """,
                        out _
                    )!
                    .AsObject()
            );
        }

        _agents = new LightAgents(
            Client("light-agents"),
            new LightAgentOptions { Delay = TimeSpan.Zero, DevicesPerNode = 16 },
            TimeProvider.System,
            new Random(1)
        );
    }

    private async Task<OperatorProcess> ProjectAsync(CancellationToken cancellationToken)
    {
        var (began, requests) = (Stopwatch.GetTimestamp(), Server.Requests.Count);
        var started = _cluster!.StartOperator("operator-0");
        await UntilAsync(() => StateWrites(requests) >= nodes && Enumerable.Range(0, policies).All(p => IsReady(p, 1)), cancellationToken);
        Report("from nothing until every policy is Ready", began, requests, started);
        return started;
    }

    private async Task ChangeAsync(CancellationToken cancellationToken)
    {
        var (began, requests) = (Stopwatch.GetTimestamp(), Server.Requests.Count);
        Server.Objects.Change(
            "hostdevices.hostdev.io",
            "policy-0",
            p => p["spec"]!["devices"]!["pci"]!["selectors"] = new JsonArray(new JsonObject { ["vendor"] = "1002" })
        );
        await UntilAsync(() => IsReady(0, 2), cancellationToken);
        Report("one policy changed, until it is Ready on all nodes again", began, requests, null);
    }

    /// <summary>The plain list, of which the operator's own start is a multiple.</summary>
    private async Task<TimeSpan> ReferenceAsync(CancellationToken cancellationToken)
    {
        using var client = Client("reference");
        await client.ListAsync(HostdevKinds.NodeDeviceStateSummaries, Selection.Everything, cancellationToken); // warm
        var began = Stopwatch.GetTimestamp();
        var list = await client.ListAsync(HostdevKinds.NodeDeviceStateSummaries, Selection.Everything, cancellationToken);
        var took = Stopwatch.GetElapsedTime(began);
        Say($"reference: all {list.Items.Length} states listed and parsed in {Seconds(took)} s");
        return took;
    }

    private async Task<OperatorProcess> RestartAsync(TimeSpan reference, CancellationToken cancellationToken)
    {
        var before = Settled();
        var (began, requests) = (Stopwatch.GetTimestamp(), Server.Requests.Count);
        var started = _cluster!.StartOperator("operator-1");
        await UntilAsync(() => started.Host.IsLeading && started.Host.Passes > 0, cancellationToken);
        var took = Stopwatch.GetElapsedTime(began);
        Say(
            $"an operator that starts on it has looked at everything after {Seconds(took)} s, {took / reference:F1} "
                + $"times the reference; states written: {StateWrites(requests)}"
        );
        await Task.Delay(TimeSpan.FromSeconds(2), cancellationToken);
        var bytes = Settled() - before;
        Say($"its stores: {bytes / 1048576.0:F1} MiB, {bytes / nodes} bytes a node");
        return started;
    }

    private async Task RestAsync(OperatorProcess running, CancellationToken cancellationToken)
    {
        var (requests, passes) = (Server.Requests.Count, running.Host.Passes);
        await Task.Delay(TimeSpan.FromSeconds(20), cancellationToken);
        var writes = Server.Requests.Since(requests).Where(r => r.IsWrite).ToList();
        Say(
            $"20 s of rest: {writes.Count(w => w.Resource != "leases")} writes beside "
                + $"{writes.Count(w => w.Resource == "leases")} of the Lease, {running.Host.Passes - passes} looks"
        );
    }

    private void Report(string what, long began, int requests, OperatorProcess? started)
    {
        var writes = Server
            .Requests.Since(requests)
            .Where(r => r.Revision is not null && r.FieldManager == OperatorOptions.FieldManager)
            .ToList();
        Say(
            $"{what}: {Seconds(Stopwatch.GetElapsedTime(began))} s, {writes.Count(w => w.Resource == States)} states "
                + $"and {writes.Count(w => w.Subresource == "status")} policy statuses "
                + $"written{(started is null ? "" : $", {started.Host.Passes} looks")}"
        );
    }

    private int StateWrites(int since) =>
        Server.Requests.Since(since).Count(r => r is { Resource: States, Subresource: "", Revision: not null });

    private bool IsReady(int policy, long generation) =>
        Server.Objects.Get("hostdevices.hostdev.io", $"policy-{policy}")?["status"] is { } status
        && (long?)status["observedGeneration"] == generation
        && status["conditions"]!.AsArray().Any(c => ((string)c!["type"]!, (string)c["status"]!) == ("Ready", "True"));

    private KubeClient Client(string name) =>
        _cluster!.CreateClient(new ApiUser(name, [ApiUser.Masters]), $"{name}/1", NullLoggerFactory.Instance);

    private static async Task UntilAsync(Func<bool> condition, CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(began) > s_patience)
                throw new TimeoutException($"it did not come to rest within {s_patience.TotalMinutes:0} minutes");
            await Task.Delay(TimeSpan.FromMilliseconds(50), cancellationToken);
        }
    }

    private static long Settled()
    {
        GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("F2", CultureInfo.InvariantCulture);

    private void Say(string line) => output.WriteLine(line);
}
