using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;
using Hostdev.Operator;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.Cluster;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Cluster;

/// <summary>
/// A cluster with nodes, agents and an operator, and an admin who speaks to its API. Names in scenarios are short; in the cluster they
/// carry the run's name.
/// </summary>
internal sealed class ClusterBench(IClusterUnderTest cluster) : IAsyncDisposable
{
    /// <summary>
    /// Shorter than in production, where a lease lasts 15 s and a status is written every 10 s. The lease not by much: an operator whose
    /// machine is busy for longer ends, and nobody here starts another one.
    /// </summary>
    public static readonly OperatorTimings Timings = new()
    {
        StatusInterval = TimeSpan.FromSeconds(0.2),
        LeaseDuration = TimeSpan.FromSeconds(12),
        RenewDeadline = TimeSpan.FromSeconds(9),
        RetryPeriod = TimeSpan.FromSeconds(0.4),
    };

    private readonly List<ClusterNode> _nodes = [];
    private readonly List<OperatorProcess> _operators = [];

    public ApiObjects Api => cluster.Api;

    public ClusterSeat Seat => cluster.Seat;

    /// <summary>The cluster that the environment names, the simulation otherwise.</summary>
    public static async Task<ClusterBench> StartAsync() =>
        new(RealCluster.Given is { } kubeconfig ? await RealCluster.StartAsync(kubeconfig) : await SimulatedCluster.StartAsync());

    /// <summary>For scenarios that need the simulation's inside.</summary>
    /// <param name="access">Who may do what; by default what the chart gives.</param>
    public static async Task<(ClusterBench Bench, SimulatedApiServer Server)> SimulateAsync(IEnumerable<JsonObject>? access = null)
    {
        var simulated = await SimulatedCluster.StartAsync(access);
        return (new ClusterBench(simulated), simulated.Server);
    }

    /// <summary>Of names of the chart's objects that stand in no namespace.</summary>
    public string Suffix => cluster.Suffix;

    public string Kubeconfig => cluster.Kubeconfig;

    public string Name(string name) => $"{name}-{cluster.Run}";

    /// <summary>A machine with its kubelet, and with its agent unless that is left out.</summary>
    public async Task<ClusterNode> AddNodeAsync(
        string name,
        MachineDescription machine,
        bool agent = true,
        params (string Key, string Value)[] labels
    )
    {
        var all = labels.ToImmutableSortedDictionary(l => l.Key, l => l.Value).Add("hostdev.io/test-run", cluster.Run);
        var node = new ClusterNode(cluster.Seat, Name(name), new SimulatedKernel(machine), all);
        _nodes.Add(node);
        await node.Kubelet.StartAsync();
        if (agent)
            node.StartAgent();
        return node;
    }

    public OperatorProcess StartOperator(string identity = "hostdev-operator-0", int seed = 1)
    {
        var started = OperatorProcess.Start(cluster.Seat, identity, Timings, TimeProvider.System, seed);
        _operators.Add(started);
        return started;
    }

    /// <param name="spec">YAML of the spec, in one line or indented by four.</param>
    public Task<JsonObject> ApplyAsync(string kind, string name, string spec) =>
        Api.ApplyAsync(
            Yaml($"apiVersion: hostdev.io/v1alpha1\nkind: {kind}\nmetadata: {{name: {Name(name)}}}\nspec:\n    {spec.TrimStart()}\n")
        );

    /// <summary>The object of a pod of KubeVirt's that a kubelet runs by itself here.</summary>
    public void AddVmPod(string name, string vm) =>
        Seat.Objects.Create(
            Yaml(
                $$"""
                apiVersion: v1
                kind: Pod
                metadata:
                  name: {{name}}
                  namespace: {{SandboxNode.Namespace}}
                  labels: {kubevirt.io: virt-launcher, vm.kubevirt.io/name: {{vm}} }
                spec: {containers: [{name: compute, image: i}]}
                """
            )
        );

    public Task<JsonObject> HostDeviceAsync(string name, string selectors, string more = "", string nodes = "{}") =>
        ApplyAsync(
            "HostDevice",
            name,
            $"{{resourceName: example.com/{name}, nodeSelector: {nodes}, devices: {{pci: {{selectors: {selectors}, "
                + $"groupPolicy: HoldSiblings}}}}{more}}}"
        );

    public Task<bool> DeleteAsync(string resource, string name) => Api.DeleteAsync(resource, Name(name));

    public Task<JsonObject?> FindAsync(string resource, string name) => Api.FindAsync(resource, Name(name));

    public Task<JsonObject?> PolicyAsync(string name) => FindAsync("hostdevices.hostdev.io", name);

    public Task<JsonObject?> StateAsync(ClusterNode node) => Api.FindAsync("nodedevicestates.hostdev.io", node.Name);

    public Task LabelAsync(ClusterNode node, string label, string? value) =>
        Api.MergeAsync(
            "nodes",
            node.Name,
            new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { [label] = value } } }
        );

    public Task ReadyAsync(string name) => UntilAsync(async () => Condition(await PolicyAsync(name), "Ready").Status == "True");

    /// <summary>Status, reason and message of a condition that speaks of the object as it is now; empty texts while none does.</summary>
    public static (string Status, Reason Reason, string Message) Condition(JsonObject? it, string type)
    {
        var found = it?["status"]?["conditions"]?.AsArray().FirstOrDefault(c => (string)c!["type"]! == type);
        return found is null || (long?)found["observedGeneration"] != (long?)it!["metadata"]!["generation"]
            ? ("", Reasons.Unsaid, "")
            : ((string)found["status"]!, Reasons.Of((string)found["reason"]!), (string?)found["message"] ?? "");
    }

    public Task UntilAsync(Func<Task<bool>> condition, [CallerArgumentExpression(nameof(condition))] string text = "") =>
        Waiting.UntilAsync(condition, cluster.PatienceSeconds, ShowAsync, text);

    public Task UntilAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string text = "") =>
        Waiting.UntilAsync(() => Task.FromResult(condition()), cluster.PatienceSeconds, ShowAsync, text);

    public async ValueTask DisposeAsync()
    {
        foreach (var one in _operators)
            await one.DisposeAsync();
        foreach (var node in _nodes)
            await node.DisposeAsync();
        await cluster.DisposeAsync();
    }

    public static JsonObject Yaml(string yaml) =>
        YamlJson.Parse(yaml, out var error) as JsonObject ?? throw new InvalidOperationException($"{error}\n{yaml}");

    private async Task<string> ShowAsync()
    {
        var objects = (await Api.ListAsync("hostdevices.hostdev.io")).Concat(await Api.ListAsync("nodedevicestates.hostdev.io")).ToList();
        foreach (var it in objects)
            it["metadata"]!.AsObject().Remove("managedFields");
        // On a machine that is busy with something else an operator may lose its lease, and ends: then nothing is written any more.
        var ended = _operators
            .Where(o => o.Ended.IsCompleted)
            .Select(o => $"an operator has ended: {o.Ended.Exception?.InnerException?.Message ?? "it was stopped"}");
        return string.Join('\n', ended.Concat(objects.Select(o => o.ToJsonString())));
    }
}
