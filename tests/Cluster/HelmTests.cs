using Hostdev.Sandbox.Cluster;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Sandbox.ApiServer;
using Xunit;

namespace Hostdev.Tests.Cluster;

/// <summary>Installing, upgrading and taking over.</summary>
public abstract class HelmTests(string version) : HelmBench(version)
{
    [Fact]
    public async Task It_is_installed_upgraded_rolled_back_and_uninstalled_and_the_host_is_as_it_was()
    {
        var before = TreeSnapshot.Take(Node.Kernel.Paths);
        Assert.Contains("STATUS: deployed", (await Tool.InstallAsync(Settled)).Succeeded().Output, StringComparison.Ordinal);
        Assert.True(Node.AgentRuns);
        Assert.Equal((2, "2/2"), (Running, Ready));
        await OfferAsync();

        (await Tool.UpgradeAsync(["--set", "operator.replicas=1", "--set", "agent.httpPort=9999", .. Settled])).Succeeded();
        Assert.Equal((1, "1/1"), (Running, Ready));
        Assert.Contains("--listen=[$(POD_IP)]:9999", AgentArguments); // the agent was replaced
        (await Tool.RollbackAsync(["1", .. Settled])).Succeeded();
        Assert.Equal((2, "2/2"), (Running, Ready));
        Assert.Contains("Rollback to 1", await Tool.HistoryAsync(), StringComparison.Ordinal);
        await UntilAsync(() => Node.Kubelet.Allocatable("example.com/gpus") == 4);

        var uninstalled = (await Tool.UninstallAsync(Settled)).Succeeded().Output;
        Assert.Contains("release \"hostdev\" uninstalled", uninstalled, StringComparison.Ordinal);
        Assert.Empty(Node.ChangedSince(before));
        await UntilAsync(() => Running == 0 && !Node.AgentRuns && Cluster.Server.Objects.List("pods", Helm.Namespace).IsEmpty);
        Assert.Empty(Cluster.Server.Objects.List("secrets", Helm.Namespace));
        await UntilAsync(() => Cluster.Server.Objects.List("leases.coordination.k8s.io", Helm.Namespace).IsEmpty);
        Assert.NotNull(Cluster.Server.Objects.Get("hostdevices.hostdev.io", "gpus")); // the CRDs stay, and the policies with them

        (await Tool.InstallAsync(Settled)).Succeeded();
        await UntilAsync(() => Node.Kubelet.Allocatable("example.com/gpus") == 4);
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

        (await Tool.UpgradeAsync(["--set", "image.registry=registry.example.com", .. Settled])).Succeeded();
        Assert.Equal("2/2", Ready);
        await OfferAsync();
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
            using var helm = new Helm(cluster.Server, Version);
            (await helm.InstallAsync(Settled)).Succeeded();
            Assert.Same(agent, node.Agent);
            Assert.False(before.Ended.IsCompleted);
            Assert.Equal(2, cluster.Operators.Count(o => !o.Ended.IsCompleted));
            Assert.Equal(3, cluster.Server.Objects.List("pods", Helm.Namespace).Length);
            (await helm.UninstallAsync(Settled)).Succeeded();
            await Waiting.UntilAsync(() => before.Ended.IsCompleted && !node.AgentRuns, 30);
        }

        Directory.Delete(directory, recursive: true);
    }
}

/// <summary>helm 4, which applies on the server and waits by kstatus.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class Helm4Tests() : HelmTests(KubeTool.Newest);

/// <summary>helm 3, which patches and waits by looking.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class Helm3Tests() : HelmTests(KubeTool.Oldest);
