using System.Text.Json.Nodes;
using Hostdev.Kube.Client;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.Cluster;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hostdev.Tests.Cluster;

/// <summary>The simulated API server; scenarios that need its inside ask for it by this type.</summary>
internal sealed class SimulatedCluster : IClusterUnderTest
{
    private SimulatedCluster(SandboxCluster sandbox)
    {
        Sandbox = sandbox;
        Api = new ApiObjects(
            new KubeClient(
                KubeConfiguration.FromKubeconfig(sandbox.Kubeconfig, null, TimeProvider.System),
                "kubectl/tests",
                TimeProvider.System,
                NullLogger<KubeClient>.Instance
            )
        );
    }

    public SandboxCluster Sandbox { get; }

    public SimulatedApiServer Server => Sandbox.Server;

    public ApiObjects Api { get; }

    public ClusterSeat Seat => Sandbox.Seat;

    public string Run => "sim";

    public string Suffix => "";

    public string Kubeconfig => Sandbox.Kubeconfig;

    public double PatienceSeconds => 30;

    /// <param name="access">Accounts, roles and bindings; by default the chart's. Nobody but the admin may do anything else.</param>
    public static async Task<SimulatedCluster> StartAsync(IEnumerable<JsonObject>? access = null)
    {
        var cluster = new SimulatedCluster(
            await SandboxCluster.StartAsync(SandboxDirectory.Create(), new ApiServerOptions { Rbac = true })
        );
        foreach (var it in access ?? ChartAccess.For(SandboxCluster.SystemNamespace, ""))
            cluster.Server.Objects.Create(it.DeepClone().AsObject());
        return cluster;
    }

    public async ValueTask DisposeAsync()
    {
        Api.Client.Dispose();
        await Sandbox.DisposeAsync();
        Directory.Delete(Sandbox.Directory, recursive: true);
    }
}
