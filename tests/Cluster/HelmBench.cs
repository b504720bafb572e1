using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.Cluster;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Sandbox.ApiServer;
using Xunit;

namespace Hostdev.Tests.Cluster;

/// <summary>
/// The chart in the hands of a real helm, on a cluster without Hostdev: what runs there was started because the chart's Deployment and
/// DaemonSet ask for it, with the rights of the chart's roles and no others.
/// </summary>
/// <param name="version">Of kubectl, which says the helm that goes with it.</param>
/// <param name="runsAnyPod">Pods that no controller made too.</param>
public abstract class HelmBench(string version, bool runsAnyPod = false) : IAsyncLifetime
{
    private const string Gpu = "0000:11:00.0";

    protected static string[] Settled { get; } = ["--wait", "--timeout", "90s"];

    private SandboxCluster? _cluster;
    private ClusterNode? _node;
    private Helm? _helm;

    protected string Version => version;

    protected SandboxCluster Cluster => _cluster!;

    protected ClusterNode Node => _node!;

    private protected Helm Tool => _helm!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await SandboxCluster.StartAsync(SandboxDirectory.Create(), new ApiServerOptions { Rbac = true }, runsAnyPod);
        _cluster.Timings = ClusterBench.Timings;
        _node = _cluster.AddNode("gpu-1", new SimulatedKernel(DemoMachines.GpuNode));
        await _node.Kubelet.StartAsync();
        _helm = new Helm(_cluster.Server, version);
    }

    public async ValueTask DisposeAsync()
    {
        _helm?.Dispose();
        await Cluster.DisposeAsync();
        Directory.Delete(Cluster.Directory, recursive: true);
        GC.SuppressFinalize(this);
    }

    protected async Task InstallFromNowhereAsync()
    {
        var installed = (await Tool.InstallAsync("--set", "image.registry=registry.invalid", "--timeout", "15s")).Succeeded().Output;
        Assert.Contains("registry.invalid/hostdev-operator:", installed, StringComparison.Ordinal);
        Assert.Matches(
            "ErrImagePull or ImagePullBackOff: its node cannot get the image. image.registry says from where, "
                + "imagePullSecrets with\\s+which credentials",
            installed
        );
    }

    protected int Running => Cluster.Operators.Count(o => !o.Ended.IsCompleted);

    protected string Ready
    {
        get
        {
            var status = Cluster.Server.Objects.Get("deployments.apps", "hostdev-operator", Helm.Namespace)!["status"];
            return $"{status?["readyReplicas"]}/{status?["replicas"]}";
        }
    }

    protected IEnumerable<string> AgentArguments => AgentPod["spec"]!["containers"]![0]!["args"]!.AsArray().Select(a => (string)a!);

    protected JsonObject? State => Cluster.Server.Objects.Get("nodedevicestates.hostdev.io", "gpu-1");

    /// <summary>Whether the node is asked to give everything back.</summary>
    protected bool IsAsked => (string?)State!["metadata"]!["annotations"]?["hostdev.io/give-back"] == "true";

    protected JsonObject AgentPod => Cluster.Server.Objects.Get("pods", ClusterMembers.AgentPod("gpu-1"), Helm.Namespace)!;

    /// <summary>A policy for all GPUs, in force.</summary>
    protected async Task OfferAsync()
    {
        Cluster.Server.Objects.Create(
            ClusterBench.Yaml(
                $"""
                apiVersion: hostdev.io/v1alpha1
                kind: HostDevice
                metadata: {"{name: gpus}"}
                spec:
                  resourceName: example.com/gpus
                  nodeSelector: {"{}"}
                  devices:
                    pci:
                      groupPolicy: HoldSiblings
                      selectors: {GpuMachine.Gpus}
                """
            )
        );
        await UntilAsync(() => Node.Kubelet.Allocatable("example.com/gpus") == 4);
        Assert.Equal("vfio-pci", Node.Driver(Gpu));
    }

    protected Task UntilAsync(Func<bool> condition) =>
        Waiting.UntilAsync(
            condition,
            60,
            () =>
            {
                var objects = Cluster.Server.Objects;
                var shown = objects
                    .List("nodedevicestates.hostdev.io")
                    .Concat(objects.List("hostdevices.hostdev.io"))
                    .Concat(objects.List("pods"));
                return string.Join('\n', shown.Select(o => $"{o["metadata"]!["name"]}: {o["status"]?.ToJsonString()}"));
            }
        );
}
