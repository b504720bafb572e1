using Hostdev.Sandbox.Cluster;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Sandbox.ApiServer;
using Xunit;

namespace Hostdev.Tests.Cluster;

/// <summary>Uninstalling, what stops it, and what comes after it.</summary>
public abstract class HelmUninstallTests(string version) : HelmBench(version)
{
    [Fact]
    public async Task Uninstalling_stops_at_a_device_that_a_VM_has_and_says_whose_it_is_and_succeeds_once_the_VM_is_gone()
    {
        var before = TreeSnapshot.Take(Node.Kernel.Paths);
        (await Tool.InstallAsync(["--set", "uninstall.timeoutSeconds=10", .. Settled])).Succeeded();
        await OfferAsync();
        Assert.Equal(PodPhase.Running, (await Node.StartVmAsync("vm-render", new DeviceRequest("example.com/gpus", 1))).Phase);
        var held = Node.Kubelet.Pods.SelectMany(p => p.Devices.Values).SelectMany(d => d).Single();

        var refused = await Tool.UninstallAsync("--timeout", "60s");
        Assert.NotEqual(0, refused.Code);
        using var kubectl = new KubectlTool(Cluster.Server, version: Version);
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
        (await Tool.InstallAsync(["--set", "uninstall.timeoutSeconds=10", .. Settled])).Succeeded();
        await OfferAsync();
        Assert.Equal(PodPhase.Running, (await Node.StartVmAsync("vm-render", new DeviceRequest("example.com/gpus", 1))).Phase);
        Assert.NotEqual(0, (await Tool.UninstallAsync("--timeout", "60s")).Code);
        Assert.True(IsAsked);

        var upgraded = await Tool.UpgradeAsync(Settled);
        Assert.Contains("has no deployed releases", upgraded.Errors, StringComparison.Ordinal);
        Assert.Contains("1 ", (await Tool.HistoryAsync()).Split('\n')[1], StringComparison.Ordinal);
        (await Tool.RollbackAsync(["1", .. Settled])).Succeeded();
        Assert.False(IsAsked);
        await UntilAsync(() => Node.Kubelet.Allocatable("example.com/gpus") == 4);
        Assert.Contains("STATUS: deployed", (await Tool.UpgradeAsync(Settled)).Succeeded().Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_first_installation_whose_agents_never_ran_is_uninstalled_like_any_other()
    {
        (await Tool.InstallAsync("--set", "agent.image.repository=registry.invalid/hostdev-device-plugin", "--timeout", "90s")).Succeeded();
        await UntilAsync(() => State?["spec"] is not null);
        Assert.Equal("ErrImagePull", (string?)AgentPod["status"]!["containerStatuses"]![0]!["state"]!["waiting"]!["reason"]);
        Assert.Contains("uninstalled", (await Tool.UninstallAsync("--timeout", "60s")).Succeeded().Output, StringComparison.Ordinal);
        await UntilAsync(() => Running == 0 && Cluster.Server.Objects.List("leases.coordination.k8s.io", Helm.Namespace).IsEmpty);

        (await Tool.InstallAsync(Settled)).Succeeded();
        await OfferAsync();
    }

    [Fact]
    public async Task With_a_wrong_registry_an_installation_after_an_uninstall_ends_so_too_and_the_next_upgrade_undoes_the_giving_back()
    {
        (await Tool.InstallAsync(Settled)).Succeeded();
        await OfferAsync();
        (await Tool.UninstallAsync(Settled)).Succeeded();
        Assert.True(IsAsked);
        await InstallFromNowhereAsync();
        Assert.True(IsAsked);

        (await Tool.UpgradeAsync(["--set", "image.registry=registry.example.com", .. Settled])).Succeeded();
        await UntilAsync(() => !IsAsked && Node.Kubelet.Allocatable("example.com/gpus") == 4);
        (await Tool.UpgradeAsync(Settled)).Succeeded();
        Assert.Empty(Cluster.Server.Objects.List("jobs.batch", Helm.Namespace)); // nothing is left to be undone
        (await Tool.UninstallAsync(Settled)).Succeeded();
    }
}

/// <summary>By helm 4.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class Helm4UninstallTests() : HelmUninstallTests(KubeTool.Newest);

/// <summary>By helm 3.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class Helm3UninstallTests() : HelmUninstallTests(KubeTool.Oldest);
