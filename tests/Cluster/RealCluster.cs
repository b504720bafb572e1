using System.Text.Json.Nodes;
using Hostdev.Kube.Client;
using Hostdev.Sandbox.Cluster;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hostdev.Tests.Cluster;

/// <summary>
/// Whatever cluster <c>HOSTDEV_CLUSTER_KUBECONFIG</c> names. It gets our CRDs, which stay; namespace, nodes, policies and states of a scenario carry its name, and go with it. Where Hostdev
/// is in use already nothing is begun: a second operator would rule over its nodes.
/// </summary>
internal sealed class RealCluster : IClusterUnderTest
{
    public const string Variable = "HOSTDEV_CLUSTER_KUBECONFIG";

    private const string Label = "hostdev.io/test-run";
    private static readonly string[] s_ours = ["hostdevices.hostdev.io", "sriovpolicies.hostdev.io", "mdevprofiles.hostdev.io", "nodedevicestates.hostdev.io"];

    private readonly string _directory = SandboxDirectory.Create();

    private RealCluster(string kubeconfig)
    {
        Run = Guid.NewGuid().ToString("N")[..6];
        KubeClient Connect(string agent, ILoggerFactory loggers) => new(KubeConfiguration.FromKubeconfig(kubeconfig, null, TimeProvider.System), agent, TimeProvider.System, loggers.CreateLogger<KubeClient>());
        Api = new ApiObjects(Connect("hostdev-tests/cluster", NullLoggerFactory.Instance));
        Seat = new ClusterSeat(_directory, $"hostdev-test-{Run}", Api, (_, agent, loggers) => Connect(agent, loggers));
    }

    public ApiObjects Api { get; }

    public ClusterSeat Seat { get; }

    public string Run { get; }

    public double PatienceSeconds => 60;

    /// <summary>The kubeconfig's path; null where scenarios run on the simulation.</summary>
    public static string? Kubeconfig => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } path ? path : null;

    public static async Task<RealCluster> StartAsync(string kubeconfig)
    {
        var cluster = new RealCluster(kubeconfig);
        foreach (var resource in s_ours)
        {
            if (await cluster.Api.ListAsync(resource) is [var first, ..]) Assert.Fail($"{kubeconfig}: there are {resource} already ({first["metadata"]!["name"]}): take a cluster where Hostdev is not in use, or delete what an earlier run left (label {Label})");
        }

        foreach (var definition in SandboxCluster.Definitions) await cluster.Api.ApplyAsync(definition.DeepClone().AsObject());
        foreach (var name in s_ours) await EstablishedAsync(cluster.Api, name);
        await cluster.Api.CreateAsync(Object("Namespace", cluster.Seat.Namespace, null, cluster.Run));
        await cluster.Api.CreateAsync(Object("ServiceAccount", ClusterMembers.AgentAccount, cluster.Seat.Namespace, cluster.Run)); // a Pod is refused without its account
        return cluster;
    }

    /// <summary>What carries the scenario's name goes: policies first, so that nothing is projected anew; what owners take along is deleted in case nobody collects garbage here.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var resource in s_ours[..3]) await DeleteOursAsync(resource, "");
        await DeleteOursAsync("pods", Seat.Namespace);
        await DeleteOursAsync("nodes", "");
        await DeleteOursAsync("nodedevicestates.hostdev.io", "");
        await Api.DeleteAsync("namespaces", Seat.Namespace);
        Api.Client.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private async Task DeleteOursAsync(string resource, string ns)
    {
        foreach (var name in (await Api.ListAsync(resource, ns)).Select(o => (string)o["metadata"]!["name"]!))
            if (name.EndsWith(Run, StringComparison.Ordinal)) await Api.DeleteAsync(resource, name, ns);
    }

    private static Task EstablishedAsync(ApiObjects api, string name) =>
        Waiting.UntilAsync(async () => (await api.FindAsync("customresourcedefinitions.apiextensions.k8s.io", name))?["status"]?["conditions"] is JsonArray all && all.Any(c => ((string)c!["type"]!, (string)c["status"]!) == ("Established", "True")), 60);

    private static JsonObject Object(string kind, string name, string? ns, string run)
    {
        var metadata = new JsonObject { ["name"] = name, ["labels"] = new JsonObject { [Label] = run } };
        if (ns is not null) metadata["namespace"] = ns;
        return new JsonObject { ["apiVersion"] = "v1", ["kind"] = kind, ["metadata"] = metadata };
    }
}
