using System.Globalization;
using System.Text.Json.Nodes;
using Hostdev.Kube.Client;
using Hostdev.Operator;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.Cluster;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hostdev.Tests.Cluster.Faults;

/// <summary>One story on one small fleet with light agents, from its first act to rest.</summary>
internal sealed class FleetRun : IAsyncDisposable
{
    private const double Quick = 50;
    private static readonly OperatorTimings s_timings = new() { StatusInterval = TimeSpan.FromSeconds(0.5) };

    private readonly QuickTime _time = new(Quick);
    private readonly SandboxCluster _cluster;
    private readonly LightAgents _agents;
    private readonly Random _random;
    private CancellationTokenSource _end = new();
    private KubeClient? _client;
    private Task _operator = Task.CompletedTask;
    private OperatorHost? _host;

    private FleetRun(SandboxCluster cluster, int seed)
    {
        (_cluster, _random) = (cluster, new Random(seed));
        for (var node = 0; node < FleetAct.Nodes; node++)
        {
            ClusterMembers.AddNode(
                cluster.Seat,
                FleetAct.Node(node),
                [KeyValuePair.Create("half", (node % 2).ToString(CultureInfo.InvariantCulture))]
            );
            ClusterMembers.ShowAgent(cluster.Seat, FleetAct.Node(node), ready: true);
        }

        _agents = new LightAgents(Connect("light-agents"), new LightAgentOptions { Writers = 2 }, _time, _random);
        StartOperator();
    }

    public SimulatedApiServer Server => _cluster.Server;

    public static async Task<FleetRun> StartAsync(int seed)
    {
        var cluster = await SandboxCluster.StartAsync(SandboxDirectory.Create());
        return new FleetRun(cluster, seed);
    }

    /// <summary>Plays the story; before each act, with <paramref name="trouble"/>, something may go wrong, and the operator may
    /// die.</summary>
    /// <param name="told">What went wrong, for whoever reads of a failure.</param>
    public async Task PlayAsync(IReadOnlyList<FleetAct> story, Random? trouble, List<string> told)
    {
        foreach (var act in story)
        {
            if (trouble?.Next(2) == 0)
            {
                var one = Trouble.Next(trouble);
                told.Add($"  ({one})");
                await one.BeginAsync(Server);
            }

            if (trouble?.Next(8) == 0)
            {
                told.Add("  (the operator is killed, and another one starts)");
                await StopOperatorAsync();
                StartOperator();
            }

            told.Add(act.Text);
            act.Do(_cluster.Seat);
            if (trouble is not null)
                await Task.Delay(trouble.Next(12));
        }

        Server.Faults.Clear();
    }

    /// <summary>Waits until nothing is written for a while.</summary>
    public async Task RestAsync(TimeSpan quiet)
    {
        var (revision, since) = (Server.Revision, TimeProvider.System.GetTimestamp());
        while (TimeProvider.System.GetElapsedTime(since) < quiet)
        {
            await Task.Delay(2);
            if (_operator.IsCompleted)
                await _operator;
            if (Server.Revision == revision)
                continue;
            (revision, since) = (Server.Revision, TimeProvider.System.GetTimestamp());
        }
    }

    /// <summary>Whether every policy is done with, as far as its own words go.</summary>
    public bool IsSettled() =>
        Server.Objects.List("hostdevices.hostdev.io").All(p => ClusterBench.Condition(p, "Progressing").Status == "False");

    /// <summary>The specs of all nodes and the statuses of all policies, without what no two clusters share: times and uids.</summary>
    public string FinalState()
    {
        var specs =
            from state in Server.Objects.List("nodedevicestates.hostdev.io")
            let policies = from p in state["spec"]!["policies"]!.AsArray()
            select $"{p!["kind"]}/{p["name"]} {p["generation"]} {Sorted(p["spec"])!.ToJsonString()}"
            select $"{state["metadata"]!["name"]}: {string.Join("; ", policies.Order(StringComparer.Ordinal))}";
        var statuses = Server.Objects.List("hostdevices.hostdev.io").Select(p => $"{p["metadata"]!["name"]}: {WithoutTimes(p["status"])}");
        return string.Join('\n', specs.Concat(statuses));
    }

    /// <summary>What the operator knows, where it differs from what is, for whoever reads of a failure.</summary>
    public string Knowledge()
    {
        if (_host is not { } host)
            return "no operator";
        var states = Server
            .Objects.List("nodedevicestates.hostdev.io")
            .Select(s => ((string)s["metadata"]!["name"]!, (string)s["metadata"]!["resourceVersion"]!))
            .ToDictionary(s => s.Item1, s => s.Item2);
        var lines = Enumerable
            .Range(0, FleetAct.Nodes)
            .Select(FleetAct.Node)
            .Select(n =>
                $"  {n}: is {states.GetValueOrDefault(n, "not there")}, heard of "
                + $"{host.Stores.StoredVersion(n) ?? "nothing"}, counts "
                + $"{host.Stores.State(n)?.Metadata.ResourceVersion ?? "nothing"}"
            );
        return $"the operator leads: {host.IsLeading}, looks: {host.Passes}, problems: "
            + $"{string.Join("; ", host.Problems)}\n{string.Join('\n', lines)}";
    }

    public async ValueTask DisposeAsync()
    {
        await StopOperatorAsync();
        await _agents.DisposeAsync();
        await _cluster.DisposeAsync();
        Directory.Delete(_cluster.Directory, recursive: true);
    }

    private static string WithoutTimes(JsonNode? status)
    {
        if (status is null)
            return "none";
        foreach (var condition in status["conditions"]?.AsArray() ?? [])
            condition!.AsObject().Remove("lastTransitionTime");
        return Sorted(status)!.ToJsonString();
    }

    /// <summary>
    /// The order of keys tells in which order fields were first written, and an empty list that something stood in it once: neither means
    /// anything.
    /// </summary>
    private static JsonNode? Sorted(JsonNode? node) =>
        node switch
        {
            JsonObject map => new JsonObject(
                map.Where(m => m.Value is not JsonArray { Count: 0 })
                    .OrderBy(m => m.Key, StringComparer.Ordinal)
                    .Select(m => KeyValuePair.Create(m.Key, Sorted(m.Value)))
            ),
            JsonArray list => new JsonArray([.. list.Select(Sorted)]),
            _ => node?.DeepClone(),
        };

    private void StartOperator()
    {
        _end = new CancellationTokenSource();
        _client = Connect(ClusterMembers.OperatorAccount);
        var host = new OperatorHost(
            _client,
            new OperatorOptions { Namespace = SandboxCluster.SystemNamespace, Timings = s_timings },
            _time,
            new Random(_random.Next()),
            NullLoggerFactory.Instance
        );
        _host = host;
        var token = _end.Token;
        _operator = Task.Run(() => host.RunAsync(token));
    }

    /// <summary>As by a kill: its connections break first.</summary>
    private async Task StopOperatorAsync()
    {
        _client?.Dispose();
        await _end.CancelAsync();
        await _operator.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _end.Dispose();
    }

    private KubeClient Connect(string account)
    {
        var path = Path.Combine(_cluster.Directory, $"{account}-{Guid.NewGuid():N}");
        Server.WriteKubeconfig(path, Server.AddUser(ApiUser.ServiceAccount(SandboxCluster.SystemNamespace, account)));
        return new KubeClient(KubeConfiguration.FromKubeconfig(path, null, _time), $"{account}/1", _time, NullLogger<KubeClient>.Instance);
    }
}
