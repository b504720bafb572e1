using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.Cluster;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Sandbox.ApiServer;
using Xunit;

namespace Hostdev.Tests.Cluster;

/// <summary>
/// The chart in the hands of a real helm, on a cluster without Hostdev: what runs there was started because the chart's Deployment and
/// DaemonSet ask for it, with the rights of the chart's roles and no others.
/// </summary>
public abstract class HelmTests(string version) : IAsyncLifetime
{
    private const string Gpu = "0000:11:00.0";
    private static readonly string[] s_wait = ["--wait", "--timeout", "90s"];

    private SandboxCluster? _cluster;
    private ClusterNode? _node;
    private Helm? _helm;

    private SandboxCluster Cluster => _cluster!;

    private ClusterNode Node => _node!;

    private Helm Tool => _helm!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await SandboxCluster.StartAsync(SandboxDirectory.Create(), new ApiServerOptions { Rbac = true });
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

    [Fact]
    public async Task It_is_installed_upgraded_rolled_back_and_uninstalled_and_the_host_is_as_it_was()
    {
        var before = TreeSnapshot.Take(Node.Kernel.Paths);
        Assert.Contains("STATUS: deployed", (await Tool.InstallAsync(s_wait)).Succeeded().Output, StringComparison.Ordinal);
        Assert.True(Node.AgentRuns);
        Assert.Equal((2, "2/2"), (Running, Ready));
        await OfferAsync();

        (await Tool.UpgradeAsync(["--set", "operator.replicas=1", "--set", "agent.httpPort=9999", .. s_wait])).Succeeded();
        Assert.Equal((1, "1/1"), (Running, Ready));
        Assert.Contains("--listen=[$(POD_IP)]:9999", AgentArguments); // the agent was replaced
        (await Tool.RollbackAsync(["1", .. s_wait])).Succeeded();
        Assert.Equal((2, "2/2"), (Running, Ready));
        Assert.Contains("Rollback to 1", await Tool.HistoryAsync(), StringComparison.Ordinal);
        await UntilAsync(() => Node.Kubelet.Allocatable("example.com/gpus") == 4);

        var uninstalled = (await Tool.UninstallAsync(s_wait)).Succeeded().Output;
        Assert.Contains("release \"hostdev\" uninstalled", uninstalled, StringComparison.Ordinal);
        Assert.Empty(Node.ChangedSince(before));
        await UntilAsync(() => Running == 0 && !Node.AgentRuns && Cluster.Server.Objects.List("pods", Helm.Namespace).IsEmpty);
        Assert.Empty(Cluster.Server.Objects.List("secrets", Helm.Namespace));
        await UntilAsync(() => Cluster.Server.Objects.List("leases.coordination.k8s.io", Helm.Namespace).IsEmpty);
        Assert.NotNull(Cluster.Server.Objects.Get("hostdevices.hostdev.io", "gpus")); // the CRDs stay, and the policies with them

        (await Tool.InstallAsync(s_wait)).Succeeded();
        await UntilAsync(() => Node.Kubelet.Allocatable("example.com/gpus") == 4);
    }

    [Fact]
    public async Task Uninstalling_stops_at_a_device_that_a_VM_has_and_says_whose_it_is_and_succeeds_once_the_VM_is_gone()
    {
        var before = TreeSnapshot.Take(Node.Kernel.Paths);
        (await Tool.InstallAsync(["--set", "uninstall.timeoutSeconds=10", .. s_wait])).Succeeded();
        await OfferAsync();
        Assert.Equal(PodPhase.Running, (await Node.StartVmAsync("vm-render", new DeviceRequest("example.com/gpus", 1))).Phase);
        var held = Node.Kubelet.Pods.SelectMany(p => p.Devices.Values).SelectMany(d => d).Single();

        var refused = await Tool.UninstallAsync("--timeout", "60s");
        Assert.NotEqual(0, refused.Code);
        using var kubectl = new Kubectl(Cluster.Server, version: version);
        var log = (await kubectl.RunAsync("logs", "-n", Helm.Namespace, "job/hostdev-uninstall")).Succeeded().Output;
        var lines = log.Split('\n');
        var line = $"  gpu-1: {held} (example.com/gpus) belongs to Pod {SandboxNode.Namespace}/vm-render: stop or migrate its VM";
        var end = Array.IndexOf(lines, "not everything is given back after 10 s:");
        Assert.InRange(Array.IndexOf(lines, line), 0, end - 1); // said as soon as it was known
        Assert.True(Array.LastIndexOf(lines, line) > end, log);
        Assert.True(Node.AgentRuns);
        Assert.Equal(2, Running);
        var job = Cluster.Server.Objects.Get("jobs.batch", "hostdev-uninstall", Helm.Namespace)!;
        Assert.Equal("BackoffLimitExceeded", (string)job["status"]!["conditions"]!.AsArray()[^1]!["reason"]!);

        Node.EndVm("vm-render");
        (await Tool.UninstallAsync("--timeout", "60s")).Succeeded();
        Assert.Empty(Node.ChangedSince(before));
        await UntilAsync(() => Running == 0 && !Node.AgentRuns);
    }

    /// <summary>As docs/guide.md says it, "Uninstalling".</summary>
    [Fact]
    public async Task After_an_uninstall_that_stopped_a_rollback_to_the_last_revision_is_the_way_back()
    {
        (await Tool.InstallAsync(["--set", "uninstall.timeoutSeconds=10", .. s_wait])).Succeeded();
        await OfferAsync();
        Assert.Equal(PodPhase.Running, (await Node.StartVmAsync("vm-render", new DeviceRequest("example.com/gpus", 1))).Phase);
        Assert.NotEqual(0, (await Tool.UninstallAsync("--timeout", "60s")).Code);
        Assert.True(IsAsked);

        var upgraded = await Tool.UpgradeAsync(s_wait);
        Assert.Contains("has no deployed releases", upgraded.Errors, StringComparison.Ordinal);
        Assert.Contains("1 ", (await Tool.HistoryAsync()).Split('\n')[1], StringComparison.Ordinal);
        (await Tool.RollbackAsync(["1", .. s_wait])).Succeeded();
        Assert.False(IsAsked);
        await UntilAsync(() => Node.Kubelet.Allocatable("example.com/gpus") == 4);
        Assert.Contains("STATUS: deployed", (await Tool.UpgradeAsync(s_wait)).Succeeded().Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_first_installation_whose_agents_never_ran_is_uninstalled_like_any_other()
    {
        (await Tool.InstallAsync("--set", "agent.image.repository=registry.invalid/hostdev-device-plugin", "--timeout", "90s")).Succeeded();
        await UntilAsync(() => State?["spec"] is not null);
        Assert.Equal("ErrImagePull", (string?)AgentPod["status"]!["containerStatuses"]![0]!["state"]!["waiting"]!["reason"]);
        Assert.Contains("uninstalled", (await Tool.UninstallAsync("--timeout", "60s")).Succeeded().Output, StringComparison.Ordinal);
        await UntilAsync(() => Running == 0 && Cluster.Server.Objects.List("leases.coordination.k8s.io", Helm.Namespace).IsEmpty);

        (await Tool.InstallAsync(s_wait)).Succeeded();
        await OfferAsync();
    }

    [Fact]
    public async Task With_a_wrong_registry_a_first_installation_ends_with_what_to_do_about_images()
    {
        foreach (var definition in SandboxCluster.Definitions)
            Cluster.Server.Objects.Delete("customresourcedefinitions.apiextensions.k8s.io", (string)definition["metadata"]!["name"]!);
        await UntilAsync(() => Cluster.Server.Objects.List("customresourcedefinitions.apiextensions.k8s.io").IsEmpty);
        await InstallFromNowhereAsync();
        await UntilAsync(() => Cluster.Server.Objects.List("pods", Helm.Namespace).Length == 3);
        Assert.Equal((0, false), (Running, Node.AgentRuns));

        (await Tool.UpgradeAsync(["--set", "image.registry=registry.example.com", .. s_wait])).Succeeded();
        Assert.Equal("2/2", Ready);
        await OfferAsync();
    }

    [Fact]
    public async Task With_a_wrong_registry_an_installation_after_an_uninstall_ends_so_too_and_the_next_upgrade_undoes_the_giving_back()
    {
        (await Tool.InstallAsync(s_wait)).Succeeded();
        await OfferAsync();
        (await Tool.UninstallAsync(s_wait)).Succeeded();
        Assert.True(IsAsked);
        await InstallFromNowhereAsync();
        Assert.True(IsAsked);

        (await Tool.UpgradeAsync(["--set", "image.registry=registry.example.com", .. s_wait])).Succeeded();
        await UntilAsync(() => !IsAsked && Node.Kubelet.Allocatable("example.com/gpus") == 4);
        (await Tool.UpgradeAsync(s_wait)).Succeeded();
        Assert.Empty(Cluster.Server.Objects.List("jobs.batch", Helm.Namespace)); // nothing is left to be undone
        (await Tool.UninstallAsync(s_wait)).Succeeded();
    }

    private async Task InstallFromNowhereAsync()
    {
        var installed = (await Tool.InstallAsync("--set", "image.registry=registry.invalid", "--timeout", "15s")).Succeeded().Output;
        Assert.Contains("registry.invalid/hostdev-operator:", installed, StringComparison.Ordinal);
        Assert.Matches(
            "ErrImagePull or ImagePullBackOff: its node cannot get the image. image.registry says from where, "
                + "imagePullSecrets with\\s+which credentials",
            installed
        );
    }

    [Fact]
    public async Task Operators_and_agents_that_run_already_are_taken_over_as_those_of_the_demo_are()
    {
        var directory = SandboxDirectory.Create();
        await using (var cluster = await SandboxCluster.StartAsync(directory))
        {
            cluster.Timings = ClusterBench.Timings;
            var node = cluster.AddNode("gpu-1", new SimulatedKernel(DemoMachines.GpuNode));
            await node.Kubelet.StartAsync();
            node.StartAgent();
            var (agent, before) = (node.Agent, cluster.StartOperator("operator-0", ClusterBench.Timings));
            using var helm = new Helm(cluster.Server, version);
            (await helm.InstallAsync(s_wait)).Succeeded();
            Assert.Same(agent, node.Agent);
            Assert.False(before.Ended.IsCompleted);
            Assert.Equal(2, cluster.Operators.Count(o => !o.Ended.IsCompleted));
            Assert.Equal(3, cluster.Server.Objects.List("pods", Helm.Namespace).Length);
            (await helm.UninstallAsync(s_wait)).Succeeded();
            await Waiting.UntilAsync(() => before.Ended.IsCompleted && !node.AgentRuns, 30);
        }

        Directory.Delete(directory, recursive: true);
    }

    private int Running => Cluster.Operators.Count(o => !o.Ended.IsCompleted);

    private string Ready
    {
        get
        {
            var status = Cluster.Server.Objects.Get("deployments.apps", "hostdev-operator", Helm.Namespace)!["status"];
            return $"{status?["readyReplicas"]}/{status?["replicas"]}";
        }
    }

    private IEnumerable<string> AgentArguments => AgentPod["spec"]!["containers"]![0]!["args"]!.AsArray().Select(a => (string)a!);

    private JsonObject? State => Cluster.Server.Objects.Get("nodedevicestates.hostdev.io", "gpu-1");

    /// <summary>Whether the node is asked to give everything back.</summary>
    private bool IsAsked => (string?)State!["metadata"]!["annotations"]?["hostdev.io/give-back"] == "true";

    private JsonObject AgentPod => Cluster.Server.Objects.Get("pods", ClusterMembers.AgentPod("gpu-1"), Helm.Namespace)!;

    /// <summary>A policy for all GPUs, in force.</summary>
    private async Task OfferAsync()
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

    private Task UntilAsync(Func<bool> condition) =>
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

/// <summary>helm 4, which applies on the server and waits by kstatus.</summary>
public sealed class Helm4Tests() : HelmTests(KubeTool.Newest);

/// <summary>helm 3, which patches and waits by looking.</summary>
public sealed class Helm3Tests() : HelmTests(KubeTool.Oldest);
