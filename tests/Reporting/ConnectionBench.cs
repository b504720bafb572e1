using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Reporting;
using Hostdev.Kube.Client;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Faults;
using Hostdev.Sandbox.Cluster;
using Microsoft.Extensions.Logging;

namespace Hostdev.Tests.Reporting;

/// <summary>
/// What an agent has of its NodeDeviceState, on a simulated API server, without a machine: a test says what the status is, and what others
/// do to the object.
/// </summary>
internal sealed class ConnectionBench : IAsyncDisposable
{
    public const string Node = "node-1";
    private const string States = "nodedevicestates.hostdev.io";

    private readonly SandboxCluster _cluster;
    private readonly KubeClient _client;
    private readonly ILoggerFactory _loggers;
    private readonly FileLog _log;
    private readonly CancellationTokenSource _end = new();

    private ConnectionBench(SandboxCluster cluster, TimeProvider time, TimeProvider clock)
    {
        _cluster = cluster;
        _log = new FileLog(Path.Combine(cluster.Directory, "agent.log"), TimeProvider.System);
        _loggers = LoggerFactory.Create(b => b.AddProvider(_log));
        ClusterMembers.AddNode(cluster.Seat, Node, []);
        ClusterMembers.ShowAgent(cluster.Seat, Node, ready: true); // a token is made for a Pod that is there
        _client = cluster.Seat.Connect(ClusterMembers.AgentUser(cluster.Seat.Namespace, Node), "hostdev-device-plugin/tests", _loggers);
        var options = new NodeStateOptions(_client, Node, ClusterMembers.AgentPod(Node));
        options = options with { StatusInterval = TimeSpan.FromSeconds(0.02), StartJitter = TimeSpan.Zero };
        Connection = new NodeStateConnection(options, time, clock, new Random(1), _loggers);
        Run = Task.Run(() => Connection.RunAsync(_end.Token));
    }

    public NodeStateConnection Connection { get; }

    public Task Run { get; }

    public SandboxCluster Cluster => _cluster;

    public SimulatedApiServer Server => _cluster.Server;

    /// <summary>What stands in the API; null where nothing does.</summary>
    public JsonObject? Status => Server.Objects.Get(States, Node)?["status"] as JsonObject;

    public string Log => File.ReadAllText(Path.Combine(_cluster.Directory, "agent.log"));

    /// <summary>With the state already there, projected and empty.</summary>
    /// <param name="status">What an agent before this one left in it.</param>
    public static async Task<ConnectionBench> StartAsync(TimeProvider? time = null, TimeProvider? clock = null, JsonNode? status = null)
    {
        var cluster = await SandboxCluster.StartAsync(SandboxDirectory.Create());
        CreateState(cluster);
        if (status is not null)
            cluster.Server.Objects.Change(States, Node, s => s["status"] = status, subresource: "status");
        return new ConnectionBench(cluster, time ?? TimeProvider.System, clock ?? TimeProvider.System);
    }

    /// <summary>A status of the machine; two with the same kernel are the same.</summary>
    public static NodeDeviceStateStatus Machine(string kernel) =>
        new()
        {
            ObservedGeneration = 1,
            Host = new HostStatus
            {
                Kernel = kernel,
                Architecture = "x86_64",
                BootId = "b",
                Iommu = true,
                InterruptRemapping = "Yes",
                KernelArguments = [],
                VfioDrivers = [],
                Problems = [],
            },
            Devices = [DeviceStatus.Of(PciAddress.Parse("0000:01:00.0")) with { Ids = "10de:1eb8" }],
            VirtualFunctions = [],
            Allocations = [],
            Policies = [],
            Releasing = [],
            Resources = [],
            Conditions = [new NodeCondition("Ready", "True", Reasons.AsDesired, "every policy is fulfilled")],
        };

    public void CreateState() => CreateState(_cluster);

    private static void CreateState(SandboxCluster cluster) =>
        cluster.Server.Objects.Create(
            new JsonObject
            {
                ["apiVersion"] = "hostdev.io/v1alpha1",
                ["kind"] = "NodeDeviceState",
                ["metadata"] = new JsonObject { ["name"] = Node },
                ["spec"] = new JsonObject { ["policies"] = new JsonArray() },
            }
        );

    public void DeleteState() => Assert(Server.Objects.Delete(States, Node));

    public void ChangeState(Action<JsonObject> change, string subresource = "") =>
        Server.Objects.Change(States, Node, change, subresource: subresource, manager: "somebody");

    /// <summary>Requests that the agent made for its status since a count of all, whatever became of them.</summary>
    public ImmutableArray<RequestRecord> Writes(int since = 0) =>
        [.. Server.Requests.Since(since).Where(r => r.IsWrite && r.Subresource == "status")];

    /// <summary>Whether this kernel stands in a whole status.</summary>
    public bool Shows(string kernel) =>
        Status is { } status && (string?)status["host"]?["kernel"] == kernel && status["devices"] is JsonArray { Count: 1 };

    public Task ShowsAsync(string kernel) => UntilAsync(() => Shows(kernel), $"the status shows {kernel}");

    public Task UntilAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string text = "") =>
        Waiting.UntilAsync(condition, 20, () => $"{Status?.ToJsonString() ?? "no status"}; {string.Join("; ", Writes())}; {Log}", text);

    /// <summary>The connection hears nothing more, and what it sends is still heard.</summary>
    public void Deafen()
    {
        foreach (var verb in (string[])["list", "watch"])
            Server.Faults.Add(new FaultRule(new ApiFault.Refuse(503)) { Verb = verb, Resource = "nodedevicestates" });
        Server.CutConnections();
    }

    /// <summary>The agent ends; what it left stands there.</summary>
    public async Task StopAsync()
    {
        await _end.CancelAsync();
        await Run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _client.Dispose();
        await _cluster.DisposeAsync();
        _loggers.Dispose();
        _log.Dispose();
        _end.Dispose();
        Directory.Delete(_cluster.Directory, recursive: true);
    }

    private static void Assert(bool done) => Xunit.Assert.True(done);
}
