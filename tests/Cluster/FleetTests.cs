using System.Globalization;
using System.Text.Json.Nodes;
using Hostdev.Kube.Client;
using Hostdev.Operator;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.Cluster;
using Hostdev.Tests.Kube;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hostdev.Tests.Cluster;

/// <summary>A cluster of 200 nodes and 20 policies on a clock that the test moves: what is written, and when.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class FleetTests
{
    private const int Nodes = 200;
    private const int Policies = 20;
    private const string States = "nodedevicestates";

    [Fact]
    public async Task One_change_writes_the_nodes_it_concerns_within_maxUnavailable_and_then_nothing_is_written_but_the_Lease()
    {
        await using var fleet = await Fleet.StartAsync();
        await fleet.DriveUntilAsync(() => Enumerable.Range(0, Policies).All(p => fleet.IsReady($"policy-{p}")));

        // Every second node has the label that policy-1 asks for.
        var begin = fleet.Server.Requests.Count;
        using var watch = new RolloutWatch(fleet, "policy-1");
        fleet.Server.Objects.Change(
            "hostdevices.hostdev.io",
            "policy-1",
            p => p["spec"]!["devices"]!["pci"]!["selectors"] = new JsonArray(new JsonObject { ["vendor"] = "10de", ["device"] = "2235" })
        );
        await fleet.DriveUntilAsync(() => fleet.IsReady("policy-1", generation: 2));
        var written = fleet.StateWrites(begin);
        // each once
        Assert.Equal(
            Enumerable.Range(0, Nodes).Where(n => n % 2 == 1).Select(Fleet.NodeName).Order(StringComparer.Ordinal),
            written.Order(StringComparer.Ordinal)
        );
        await watch.UntilAsync(written.Count);
        Assert.Equal(7, watch.MostChanging);

        begin = fleet.Server.Requests.Count;
        await fleet.AdvanceAsync(TimeSpan.FromMinutes(10), TimeSpan.FromSeconds(1));
        var quiet = fleet.Server.Requests.Since(begin);
        Assert.All(quiet.Where(r => r.IsWrite), r => Assert.Equal("leases", r.Resource));
        Assert.InRange(quiet.Count(r => r.IsWrite), 100, 400); // a renewal every two seconds

        begin = fleet.Server.Requests.Count;
        fleet.Server.Objects.Change("nodes", Fleet.NodeName(1), n => n["metadata"]!["labels"]!.AsObject().Remove("half"));
        await fleet.DriveUntilAsync(() =>
            fleet.IsReady("policy-1", generation: 2) && (int)fleet.Policy("policy-1")["status"]!["nodes"]!["ready"]! == (Nodes / 2) - 1
        );
        Assert.Equal([Fleet.NodeName(1)], fleet.StateWrites(begin));
    }

    /// <summary>The cluster, its operator and its light agents, all on one clock.</summary>
    private sealed class Fleet : IAsyncDisposable
    {
        private readonly SandboxCluster _cluster;
        private readonly FakeTime _time;
        private LightAgents? _agents;
        private DateTimeOffset _renewed;

        private Fleet(SandboxCluster cluster, FakeTime time) => (_cluster, _time) = (cluster, time);

        public SimulatedApiServer Server => _cluster.Server;

        public static string NodeName(int index) => string.Create(CultureInfo.InvariantCulture, $"node-{index:d3}");

        public static async Task<Fleet> StartAsync()
        {
            var time = new FakeTime();
            var cluster = await SandboxCluster.StartAsync(
                SandboxDirectory.Create(),
                new ApiServerOptions { Time = time, HistoryWindow = 100_000 }
            );
            var fleet = new Fleet(cluster, time);
            for (var node = 0; node < Nodes; node++)
            {
                ClusterMembers.AddNode(cluster.Seat, NodeName(node), node % 2 == 1 ? [KeyValuePair.Create("half", "yes")] : []);
                ClusterMembers.ShowAgent(cluster.Seat, NodeName(node), ready: true);
            }

            for (var policy = 0; policy < Policies; policy++)
            {
                cluster.Server.Objects.Create(
                    ClusterBench.Yaml(
                        $$"""
                        apiVersion: hostdev.io/v1alpha1
                        kind: HostDevice
                        metadata: {name: policy-{{policy}}}
                        spec:
                          resourceName: example.com/policy-{{policy}}
                          nodeSelector: {{(policy == 1 ? "{matchLabels: {half: \"yes\"}}" : "{}")}}
                          rollout: {maxUnavailable: 7}
                          devices: {pci: {selectors: [{vendor: "10de"}]} }
                        """
                    )
                );
            }

            cluster.Server.Requests.OnRecorded = r =>
                fleet._renewed = r is { IsWrite: true, Resource: "leases", Code: < 300 } ? r.At : fleet._renewed;
            fleet._agents = new LightAgents(
                cluster.CreateClient(ApiUser.ServiceAccount(SandboxCluster.SystemNamespace, "light-agents"), "light-agents/1"),
                new LightAgentOptions(),
                time,
                new Random(1)
            );
            cluster.StartOperator(timings: new OperatorTimings());
            await Waiting.UntilAsync(() => fleet._renewed != default, 30);
            return fleet;
        }

        public JsonObject Policy(string name) => Server.Objects.Get("hostdevices.hostdev.io", name)!;

        public bool IsReady(string policy, long generation = 1) =>
            Policy(policy) is var it
            && ClusterBench.Condition(it, "Ready").Status == "True"
            && (long)it["status"]!["observedGeneration"]! == generation;

        /// <summary>The states that the operator wrote, each as often as it did.</summary>
        public List<string> StateWrites(int since) =>
            [
                .. Server
                    .Requests.Since(since)
                    .Where(r => r is { Resource: States, Subresource: "", FieldManager: "hostdev-operator", Revision: not null })
                    .Select(r => r.Name),
            ];

        public async Task DriveUntilAsync(Func<bool> condition)
        {
            var patience = TimeProvider.System.GetTimestamp();
            while (!condition())
            {
                await AdvanceAsync(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(0.05));
                Assert.True(TimeProvider.System.GetElapsedTime(patience) < TimeSpan.FromSeconds(90), "it does not come to rest");
            }
        }

        /// <summary>
        /// Moves the clock. It waits for the operator's renewals: a machine that is busy must not look like a lease that is lost.
        /// </summary>
        public async Task AdvanceAsync(TimeSpan by, TimeSpan step)
        {
            for (var end = _time.GetUtcNow() + by; _time.GetUtcNow() < end; )
            {
                _time.Advance(step);
                await Task.Delay(1);
                await RenewedAsync();
            }
        }

        /// <summary>
        /// An answer that the operator came to read late puts off its next renewal, so the clock goes on a little meanwhile; not up to the
        /// deadline, which is at 10 s.
        /// </summary>
        private async Task RenewedAsync()
        {
            var began = TimeProvider.System.GetTimestamp();
            while (_time.GetUtcNow() - _renewed is var since && since >= TimeSpan.FromSeconds(6))
            {
                Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(30), $"no renewal for {since.TotalSeconds} s");
                await Task.Delay(20);
                if (since < TimeSpan.FromSeconds(9))
                    _time.Advance(TimeSpan.FromSeconds(0.1));
            }
        }

        public KubeClient Client() =>
            _cluster.CreateClient(new ApiUser("watcher", [ApiUser.Masters]), "watcher/1", NullLoggerFactory.Instance);

        public async ValueTask DisposeAsync()
        {
            if (_agents is not null)
                await _agents.DisposeAsync();
            await _cluster.DisposeAsync();
            Directory.Delete(_cluster.Directory, recursive: true);
        }
    }

    /// <summary>
    /// Counts the nodes that have the policy's new version and have not said that it is done, after every single change of a state, in the
    /// order in which they were made.
    /// </summary>
    private sealed class RolloutWatch : IDisposable
    {
        private readonly CancellationTokenSource _end = new();
        private readonly HashSet<string> _changing = [];
        private readonly HashSet<string> _done = [];
        private readonly Task _watching;

        public RolloutWatch(Fleet fleet, string policy)
        {
            var from = fleet.Server.Revision.ToString(CultureInfo.InvariantCulture);
            var client = fleet.Client();
            _watching = Task.Run(async () =>
            {
                using var closed = client;
                await foreach (
                    var said in client.WatchAsync(
                        AnyObject.Resource("nodedevicestates.hostdev.io"),
                        Selection.Everything,
                        from,
                        TimeSpan.FromHours(1),
                        null,
                        _end.Token
                    )
                )
                {
                    if (said is WatchEvent<AnyObject>.Modified(var it))
                        Count(it, policy);
                }
            });
        }

        public int MostChanging { get; private set; }

        public async Task UntilAsync(int nodes)
        {
            await Waiting.UntilAsync(() => _done.Count == nodes || _watching.IsCompleted, 30, () => $"{_done.Count} done");
            await _end.CancelAsync();
            await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        public void Dispose() => _end.Dispose();

        private void Count(AnyObject state, string policy)
        {
            var given = Generation(state.Json["spec"], policy);
            if (given != 2)
                return;
            if (Generation(state.Json["status"], policy) == given)
            {
                _changing.Remove(state.Metadata.Name);
                _done.Add(state.Metadata.Name);
            }
            else
            {
                _changing.Add(state.Metadata.Name);
            }

            MostChanging = Math.Max(MostChanging, _changing.Count);
        }

        private static long? Generation(JsonNode? part, string policy) =>
            (long?)part?["policies"]?.AsArray().FirstOrDefault(p => (string)p!["name"]! == policy)?["generation"];
    }
}
