using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Crds.Parsing;
using Hostdev.Kube.Client;
using Hostdev.Operator;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.ApiServer.Storage;
using Hostdev.Sandbox.Cluster.Workloads;
using Hostdev.Sandbox.Kernel;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hostdev.Sandbox.Cluster;

/// <summary>
/// A cluster in this process: a simulated API server with our CRDs, real operators, and nodes with simulated machines and kubelets and real
/// agents.
/// </summary>
public sealed class SandboxCluster : IAsyncDisposable
{
    /// <summary>Where operator and agents live.</summary>
    public const string SystemNamespace = "hostdev-system";

    private readonly TimeProvider _time;
    private readonly ClusterWorkloads _workloads;
    private ImmutableArray<ClusterNode> _nodes = [];
    private ImmutableArray<OperatorProcess> _operators = [];
    private int _clients;

    private SandboxCluster(string directory, ApiServerOptions options, bool runsAnyPod)
    {
        (Directory, RunsAnyPod, _time) = (directory, runsAnyPod, options.Time);
        Server = new SimulatedApiServer(options);
        Seat = new ClusterSeat(directory, SystemNamespace, Server.Objects, CreateClient);
        _workloads = new ClusterWorkloads(Server, this, directory, _time);
    }

    /// <summary>For nodes and operators.</summary>
    public ClusterSeat Seat { get; }

    public SimulatedApiServer Server { get; }

    public string Directory { get; }

    /// <summary>Of the admin.</summary>
    public string Kubeconfig => Path.Combine(Directory, "kubeconfig");

    public ImmutableArray<ClusterNode> Nodes => _nodes;

    /// <summary>
    /// Whether its scheduler and its kubelets take every Pod, and Nodes say what devices they have. Elsewhere Pods without an owner are of
    /// whoever made them.
    /// </summary>
    public bool RunsAnyPod { get; }

    /// <summary>All that were started, those that have ended among them.</summary>
    public ImmutableArray<OperatorProcess> Operators => _operators;

    /// <summary>Of operators that a Deployment starts.</summary>
    public OperatorTimings Timings { get; set; } = new();

    /// <summary>
    /// Brings up the API server with the CRDs and the namespaces. Roles, and the admission policies that take back a part of them, are the
    /// chart's: who wants them makes them.
    /// </summary>
    /// <param name="runsAnyPod">See <see cref="RunsAnyPod"/>.</param>
    public static async Task<SandboxCluster> StartAsync(
        string directory,
        ApiServerOptions? options = null,
        bool runsAnyPod = false,
        CancellationToken cancellationToken = default
    )
    {
        System.IO.Directory.CreateDirectory(directory);
        var cluster = new SandboxCluster(directory, options ?? new ApiServerOptions(), runsAnyPod);
        cluster.Server.AddSchemaRules(ClusterRules.OfSchemas);
        foreach (var definition in Definitions)
            cluster.Server.Objects.Create(LeftByChart(definition));
        foreach (var ns in (string[])[SystemNamespace, SandboxNode.Namespace])
            cluster.Server.Objects.Create(
                new JsonObject
                {
                    ["apiVersion"] = "v1",
                    ["kind"] = "Namespace",
                    ["metadata"] = new JsonObject { ["name"] = ns },
                }
            );
        await cluster.Server.StartAsync(cancellationToken);
        await cluster.Server.SettleAsync(cancellationToken);
        cluster.Server.WriteKubeconfig(cluster.Kubeconfig);
        return cluster;
    }

    /// <summary>The CRDs, as <c>crds/*.yaml</c> has them.</summary>
    public static ImmutableArray<JsonObject> Definitions { get; } = [.. ReadDefinitions()];

    public ClusterNode AddNode(string name, SimulatedKernel kernel, params ReadOnlySpan<(string Key, string Value)> labels)
    {
        var node = new ClusterNode(Seat, name, kernel, labels.ToArray().ToImmutableSortedDictionary(l => l.Key, l => l.Value));
        ImmutableInterlocked.Update(ref _nodes, n => n.Add(node));
        return node;
    }

    public ClusterNode Node(string name) => _nodes.First(n => n.Name == name);

    /// <param name="identity">The name of its Pod too.</param>
    /// <param name="incarnation">Which life of the Pod's container it is: another one has another identity.</param>
    public OperatorProcess StartOperator(
        string identity = "hostdev-operator-0",
        OperatorTimings? timings = null,
        int seed = 1,
        bool nodeLabels = false,
        int incarnation = 0
    )
    {
        var holder = incarnation == 0 ? identity : $"{identity}_{incarnation}";
        var started = OperatorProcess.Start(Seat, holder, timings ?? new OperatorTimings(), _time, seed, nodeLabels);
        ImmutableInterlocked.Update(ref _operators, o => o.Add(started));
        ClusterMembers.ShowOperator(Seat, identity, _nodes.FirstOrDefault()?.Name ?? "");
        return started;
    }

    /// <summary>A client of a user, with a kubeconfig of its own.</summary>
    public KubeClient CreateClient(ApiUser user, string userAgent, ILoggerFactory? loggers = null)
    {
        var path = Path.Combine(Directory, $"client-{Interlocked.Increment(ref _clients)}.kubeconfig");
        Server.WriteKubeconfig(path, Server.AddUser(user));
        return new KubeClient(
            KubeConfiguration.FromKubeconfig(path, null, _time),
            userAgent,
            _time,
            (loggers ?? NullLoggerFactory.Instance).CreateLogger<KubeClient>()
        );
    }

    public async ValueTask DisposeAsync()
    {
        await _workloads.DisposeAsync();
        foreach (var one in _operators)
            await one.DisposeAsync();
        foreach (var node in _nodes)
            await node.DisposeAsync();
        await Server.DisposeAsync();
    }

    /// <summary>As a release of the chart leaves it behind: <c>helm install</c> takes it over.</summary>
    private static JsonObject LeftByChart(JsonObject definition)
    {
        var left = (JsonObject)definition.DeepClone();
        var metadata = left["metadata"]!.AsObject();
        metadata.Ensure("labels")["app.kubernetes.io/managed-by"] = "Helm";
        metadata.Ensure("annotations")["meta.helm.sh/release-name"] = "hostdev";
        metadata.Ensure("annotations")["meta.helm.sh/release-namespace"] = SystemNamespace;
        return left;
    }

    private static IEnumerable<JsonObject> ReadDefinitions()
    {
        var assembly = typeof(SandboxCluster).Assembly;
        foreach (
            var name in assembly
                .GetManifestResourceNames()
                .Where(n => n.StartsWith("crds/", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal)
        )
        {
            using var text = new StreamReader(assembly.GetManifestResourceStream(name)!);
            yield return YamlJson.Parse(text.ReadToEnd(), out var error) as JsonObject
                ?? throw new InvalidOperationException($"{name}: {error}");
        }
    }
}
