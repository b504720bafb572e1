using System.Text.Json.Nodes;
using Hostdev.Crds.Parsing;
using Hostdev.Kube.Client;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.Cluster;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hostdev.Tests.Cluster;

/// <summary>
/// Whatever cluster <c>HOSTDEV_CLUSTER_KUBECONFIG</c> names. It gets our CRDs, which stay; everything else of a scenario carries its name,
/// and goes with it. Operators and agents come with tokens of their service accounts, which have the chart's rights. Where Hostdev is in
/// use already nothing is begun: a second operator would rule over its nodes.
/// </summary>
internal sealed class RealCluster : IClusterUnderTest
{
    public const string Variable = "HOSTDEV_CLUSTER_KUBECONFIG";

    private const string Label = "hostdev.io/test-run";
    private static readonly string[] s_ours =
    [
        "hostdevices.hostdev.io",
        "sriovpolicies.hostdev.io",
        "mdevprofiles.hostdev.io",
        "nodedevicestates.hostdev.io",
    ];

    /// <summary>Kinds of the chart that stand in no namespace, or not in the scenario's.</summary>
    private static readonly (string Resource, string Namespace)[] s_access =
    [
        ("validatingadmissionpolicybindings.admissionregistration.k8s.io", ""),
        ("validatingadmissionpolicies.admissionregistration.k8s.io", ""),
        ("clusterrolebindings.rbac.authorization.k8s.io", ""),
        ("clusterroles.rbac.authorization.k8s.io", ""),
        ("rolebindings.rbac.authorization.k8s.io", "default"),
        ("roles.rbac.authorization.k8s.io", "default"),
    ];

    private readonly string _directory = SandboxDirectory.Create();
    private readonly CancellationTokenSource _end = new();
    private readonly Task _beating;
    private int _clients;

    private RealCluster(string kubeconfig)
    {
        (Kubeconfig, Run) = (kubeconfig, Guid.NewGuid().ToString("N")[..6]);
        Api = new ApiObjects(Open(kubeconfig, "hostdev-tests/cluster", NullLoggerFactory.Instance));
        Seat = new ClusterSeat(_directory, $"hostdev-test-{Run}", Api, Connect);
        _beating = Task.Run(BeatAsync);
    }

    public ApiObjects Api { get; }

    public ClusterSeat Seat { get; }

    public string Run { get; }

    public string Suffix => $"-{Run}";

    public string Kubeconfig { get; }

    public double PatienceSeconds => 60;

    /// <summary>The kubeconfig's path; null where scenarios run on the simulation.</summary>
    public static string? Given => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } path ? path : null;

    public static async Task<RealCluster> StartAsync(string kubeconfig)
    {
        var cluster = new RealCluster(kubeconfig);
        foreach (var resource in s_ours)
        {
            if (await cluster.Api.ListAsync(resource) is [var first, ..])
                Assert.Fail(
                    $"{kubeconfig}: there are {resource} already ({first["metadata"]!["name"]}): take a cluster where "
                        + "Hostdev is not in use, or delete what an earlier run left"
                );
        }

        foreach (var definition in SandboxCluster.Definitions)
            await cluster.Api.ApplyAsync(definition.DeepClone().AsObject());
        foreach (var name in s_ours)
            await EstablishedAsync(cluster.Api, name);
        await cluster.Api.CreateAsync(
            new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Namespace",
                ["metadata"] = new JsonObject
                {
                    ["name"] = cluster.Seat.Namespace,
                    ["labels"] = new JsonObject { [Label] = cluster.Run },
                },
            }
        );
        foreach (var it in ChartAccess.For(cluster.Seat.Namespace, cluster.Suffix))
            await cluster.Api.CreateAsync(it);
        return cluster;
    }

    /// <summary>
    /// What carries the scenario's name goes: policies first, so that nothing is projected anew; what owners take along is deleted in case
    /// nobody collects garbage here.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _beating.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var resource in s_ours[..3])
            await DeleteOursAsync(resource, "");
        await DeleteOursAsync("pods", Seat.Namespace);
        await DeleteOursAsync("nodes", "");
        await DeleteOursAsync("nodedevicestates.hostdev.io", "");
        await DeleteOursAsync("leases.coordination.k8s.io", "kube-node-lease");
        foreach (var (resource, ns) in s_access)
            await DeleteOursAsync(resource, ns);
        await Api.DeleteAsync("namespaces", Seat.Namespace);
        Api.Client.Dispose();
        _end.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private static KubeClient Open(string kubeconfig, string agent, ILoggerFactory loggers) =>
        new(
            KubeConfiguration.FromKubeconfig(kubeconfig, null, TimeProvider.System),
            agent,
            TimeProvider.System,
            loggers.CreateLogger<KubeClient>()
        );

    /// <summary>A client with the token that the kubelet would project into the user's Pod.</summary>
    private KubeClient Connect(ApiUser user, string agent, ILoggerFactory loggers)
    {
        var account = user.Name.Split(':')[^1];
        var token = Task.Run(() => TokenAsync(account, user.Extra.TryGetValue(ApiUser.NodeNameKey, out var nodes) ? nodes[0] : null))
            .GetAwaiter()
            .GetResult();
        var path = Path.Combine(_directory, $"client-{Interlocked.Increment(ref _clients)}.kubeconfig");
        // Of a value that several files have the first counts: the cluster's address and CA are the admin's.
        File.WriteAllText(
            path,
            $"{{apiVersion: v1, kind: Config, users: [{{name: {account}, user: {{token: \"{token}\"}}}}], contexts: "
                + $"[{{name: {account}, context: {{cluster: \"{AdminsCluster()}\", user: {account}}}}}], current-context: "
                + $"{account}}}\n"
        );
        return Open($"{path}{Path.PathSeparator}{Kubeconfig}", agent, loggers);
    }

    private async Task<string> TokenAsync(string account, string? node)
    {
        var spec = new JsonObject { ["expirationSeconds"] = 3600 };
        if (node is not null)
        {
            var pod =
                await Api.FindAsync("pods", ClusterMembers.AgentPod(node), Seat.Namespace)
                ?? throw new InvalidOperationException($"there is no agent's Pod on {node}");
            spec["boundObjectRef"] = new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Pod",
                ["name"] = (string)pod["metadata"]!["name"]!,
                ["uid"] = (string)pod["metadata"]!["uid"]!,
            };
        }

        var made = await Api.Client.CreateAsync(
            AnyObject.Token(account),
            Seat.Namespace,
            new JsonObject
            {
                ["apiVersion"] = "authentication.k8s.io/v1",
                ["kind"] = "TokenRequest",
                ["spec"] = spec,
            },
            new WriteOptions { FieldManager = "hostdev-tests" },
            CancellationToken.None
        );
        return (string)made.Json["status"]!["token"]!;
    }

    private string AdminsCluster()
    {
        var files = Kubeconfig
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(f => YamlJson.Parse(File.ReadAllText(f), out _)!.AsObject())
            .ToList();
        var context = files.Select(f => (string?)f["current-context"]).First(c => !string.IsNullOrEmpty(c));
        return files
            .SelectMany(f => f["contexts"]?.AsArray() ?? [])
            .Where(c => (string)c!["name"]! == context)
            .Select(c => (string)c!["context"]!["cluster"]!)
            .First();
    }

    /// <summary>
    /// What kubelets do besides: without it the node lifecycle controller takes the nodes for dead after 40 s, and their Pods for not
    /// Ready.
    /// </summary>
    private async Task BeatAsync()
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(5), TimeProvider.System);
        while (await timer.WaitForNextTickAsync(_end.Token))
        {
            foreach (
                var node in (await Api.ListAsync("nodes"))
                    .Select(n => (string)n["metadata"]!["name"]!)
                    .Where(n => n.EndsWith(Run, StringComparison.Ordinal))
            )
            {
                await Api.ApplyAsync(
                    ClusterBench.Yaml(
                        $"{{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {{name: {node}, namespace: "
                            + $"kube-node-lease}}, spec: {{holderIdentity: {node}, leaseDurationSeconds: 40, renewTime: "
                            + $"\"{DateTimeOffset.UtcNow:yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'}\"}}}}"
                    )
                );
            }
        }
    }

    private async Task DeleteOursAsync(string resource, string ns)
    {
        foreach (var name in (await Api.ListAsync(resource, ns)).Select(o => (string)o["metadata"]!["name"]!))
            if (name.EndsWith(Run, StringComparison.Ordinal))
                await Api.DeleteAsync(resource, name, ns);
    }

    private static Task EstablishedAsync(ApiObjects api, string name) =>
        Waiting.UntilAsync(
            async () =>
                (await api.FindAsync("customresourcedefinitions.apiextensions.k8s.io", name))?["status"]?["conditions"] is JsonArray all
                && all.Any(c => ((string)c!["type"]!, (string)c["status"]!) == ("Established", "True")),
            30,
            () => Task.FromResult($"{name} is not established")
        );
}
