using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;
using Hostdev.Operator;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.Cluster;
using Hostdev.Tests.Cluster;

namespace Hostdev.Tests.Operator;

/// <summary>An API server and operators, without a machine or an agent: the tests write what agents would.</summary>
internal sealed class OperatorBench : IAsyncDisposable
{
    public const string HostDevices = "hostdevices.hostdev.io";
    public const string States = "nodedevicestates.hostdev.io";
    public const string Definitions = "customresourcedefinitions.apiextensions.k8s.io";
    private const string Operator = "system:serviceaccount:hostdev-system:hostdev-operator";

    public static readonly OperatorTimings Quick = new()
    {
        Settle = TimeSpan.FromMilliseconds(20),
        StatusInterval = TimeSpan.FromMilliseconds(50),
        LeaseDuration = TimeSpan.FromSeconds(3),
        RenewDeadline = TimeSpan.FromSeconds(2),
        RetryPeriod = TimeSpan.FromMilliseconds(300),
    };

    private OperatorBench(SandboxCluster cluster) => Cluster = cluster;

    public SandboxCluster Cluster { get; }

    public IClusterObjects Objects => Cluster.Server.Objects;

    public static async Task<OperatorBench> StartAsync() => new(await SandboxCluster.StartAsync(SandboxDirectory.Create()));

    public OperatorProcess StartOperator(string identity = "operator-0", OperatorTimings? timings = null, bool nodeLabels = false) =>
        Cluster.StartOperator(identity, timings ?? Quick, nodeLabels: nodeLabels);

    /// <summary>A Node and its agent's Pod.</summary>
    public void AddNode(string name, params (string Key, string Value)[] labels)
    {
        Objects.Create(
            new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Node",
                ["metadata"] = new JsonObject
                {
                    ["name"] = name,
                    ["labels"] = new JsonObject(labels.Select(l => KeyValuePair.Create(l.Key, (JsonNode?)l.Value))),
                },
            }
        );
        Objects.Create(
            new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Pod",
                ["metadata"] = new JsonObject
                {
                    ["name"] = $"agent-{name}",
                    ["namespace"] = SandboxCluster.SystemNamespace,
                    ["labels"] = new JsonObject
                    {
                        ["app.kubernetes.io/name"] = "hostdev",
                        ["app.kubernetes.io/component"] = "device-plugin",
                    },
                },
                ["spec"] = new JsonObject
                {
                    ["nodeName"] = name,
                    ["terminationGracePeriodSeconds"] = 0,
                    ["containers"] = new JsonArray(new JsonObject { ["name"] = "device-plugin", ["image"] = "hostdev-device-plugin" }),
                },
            }
        );
        Agent(name, ready: true);
    }

    public void AddNodes(int count)
    {
        for (var i = 1; i <= count; i++)
            AddNode(Name(i));
    }

    public static string Name(int number) => string.Create(CultureInfo.InvariantCulture, $"node-{number:00}");

    public void Agent(string node, bool ready) =>
        Objects.Change(
            "pods",
            $"agent-{node}",
            pod =>
                pod["status"] = new JsonObject
                {
                    ["conditions"] = new JsonArray(new JsonObject { ["type"] = "Ready", ["status"] = ready ? "True" : "False" }),
                },
            SandboxCluster.SystemNamespace,
            "status",
            "kubelet"
        );

    /// <summary>An agent's Pod that is not Ready.</summary>
    /// <param name="reason">What its container waits for; null where it runs.</param>
    /// <param name="readyUntil">So long after its start it was Ready; zero for never.</param>
    public void AgentPod(string node, string? reason, TimeSpan readyUntil)
    {
        var start = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        string Text(DateTimeOffset time) => time.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        var state = ClusterBench.Yaml(reason is null ? "{running: {}}" : $"{{waiting: {{reason: {reason}}}}}");
        var ready = new JsonObject
        {
            ["type"] = "Ready",
            ["status"] = "False",
            ["lastTransitionTime"] = Text(start + readyUntil),
        };
        var container = ClusterBench.Yaml("{name: device-plugin, ready: false, restartCount: 0, image: '', imageID: ''}");
        container["state"] = state;
        var status = new JsonObject { ["startTime"] = Text(start), ["conditions"] = new JsonArray(ready) };
        status["containerStatuses"] = new JsonArray(container);
        Objects.Change("pods", $"agent-{node}", pod => pod["status"] = status, SandboxCluster.SystemNamespace, "status", "kubelet");
    }

    public void Label(string node, string key, string value) => Objects.Change("nodes", node, n => n["metadata"]!["labels"]![key] = value);

    /// <summary>Applies or changes a HostDevice for all nodes, or for those with a label.</summary>
    public void Apply(
        string name,
        string resource = "example.com/gpu",
        int priority = 0,
        string selector = "{}",
        string maxUnavailable = "100%"
    )
    {
        var json =
            YamlJson.Parse(
                $$"""
                apiVersion: hostdev.io/v1alpha1
                kind: HostDevice
                metadata: {name: {{name}}}
                spec:
                  resourceName: {{resource}}
                  priority: {{priority}}
                  nodeSelector: {{selector}}
                  rollout: {maxUnavailable: "{{maxUnavailable}}"}
                  devices: {pci: {selectors: [{vendor: "10de"}] } }
                """,
                out var error
            ) as JsonObject
            ?? throw new InvalidOperationException(error);
        if (Objects.Get(HostDevices, name) is null)
            Objects.Create(json);
        else
            Objects.Change(HostDevices, name, o => o["spec"] = json["spec"]!.DeepClone());
    }

    /// <summary>What the node's agent reports once it has done all that its spec asks for.</summary>
    public void Report(
        string node,
        Reason? reason = null,
        string message = "",
        int blocked = 0,
        ImmutableArray<DeviceProblem> releasing = default,
        ImmutableArray<AllocationStatus> allocations = default
    )
    {
        var state = Objects.Get(States, node)!;
        var results = state["spec"]!["policies"]!
            .AsArray()
            .Select(p => new PolicyResult
            {
                Kind = (string)p!["kind"]!,
                Name = (string)p["name"]!,
                Uid = (string)p["uid"]!,
                Generation = (long)p["generation"]!,
                Matched = 2,
                Ready = 2 - blocked,
                Blocked = blocked,
                Ids = ["10de:2236"],
                Reason = reason ?? Reasons.Ready,
                Message = message,
                Problems = [],
            });
        var status = new NodeDeviceStateStatus
        {
            ObservedGeneration = (long)state["metadata"]!["generation"]!,
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
            Devices =
            [
                Device("0000:43:00.0", "10de:2236"),
                Device("0000:44:00.0", "10de:2236"),
                Device("0000:03:00.0", "8086:10fb"),
                Device("0000:01:00.0/1.4", "046d:c52b"),
            ],
            VirtualFunctions = [],
            Allocations = allocations.IsDefault ? [] : allocations,
            Policies = [.. results],
            Releasing = releasing.IsDefault ? [] : releasing,
            Resources = [],
            Conditions = [],
        };
        Objects.Change(
            States,
            node,
            s => s["status"] = NodeDeviceStateWriter.ToJson(status),
            subresource: "status",
            manager: "hostdev-agent"
        );
    }

    private static DeviceStatus Device(string id, string ids) => DeviceStatus.Of(DeviceId.Parse(id)) with { Ids = ids };

    /// <summary>The policies in a node's spec, with their generations; null where it has no list.</summary>
    public string? Has(string node) =>
        Objects.Get(States, node)?["spec"]?["policies"] is JsonArray policies
            ? string.Join(' ', policies.Select(p => $"{p!["name"]}:{p["generation"]}"))
            : null;

    public string Version(string node) => (string)Objects.Get(States, node)!["metadata"]!["resourceVersion"]!;

    /// <summary><c>True/Ready</c>; null before there is a status.</summary>
    public string? Condition(string policy, string type = "Ready") =>
        Objects
            .Get(HostDevices, policy)
            ?["status"]?["conditions"]?.AsArray()
            .Where(c => (string)c!["type"]! == type)
            .Select(c => $"{c!["status"]}/{c["reason"]}")
            .FirstOrDefault();

    /// <summary>What operators have written, the Lease left out.</summary>
    public ImmutableArray<RequestRecord> Writes(int since = 0) =>
        [.. Cluster.Server.Requests.Since(since).Where(r => r.IsWrite && r.User == Operator && r.Resource != "leases")];

    /// <summary>Until everything is quiet: some looks at the cluster have come and gone, and no write with them.</summary>
    public async Task QuietAsync()
    {
        var (count, since) = (-1, TimeProvider.System.GetTimestamp());
        await Waiting.UntilAsync(
            () =>
            {
                var now = Writes().Length;
                if (now != count)
                    (count, since) = (now, TimeProvider.System.GetTimestamp());
                return TimeProvider.System.GetElapsedTime(since).TotalMilliseconds > 400;
            },
            20
        );
    }

    public string Show() => string.Join('\n', Objects.List(HostDevices).Concat(Objects.List(States)).Select(o => o.ToJsonString()));

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();
}
