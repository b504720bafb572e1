using Hostdev.Tests.Sandbox.ApiServer;
using Xunit;

namespace Hostdev.Tests.Demo;

/// <summary>A real helm against the demo's cluster, as README and guide say it.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class PlaygroundHelmTests(RunningDemo demo) : IClassFixture<RunningDemo>
{
    private static readonly string[] s_settled = ["--wait", "--timeout", "90s"];

    [Fact]
    public async Task The_chart_takes_over_is_upgraded_rolled_back_and_uninstalled_with_a_device_held_and_without()
    {
        using var helm = new Helm(demo.Kubeconfig);
        Assert.Contains("STATUS: deployed", (await helm.InstallAsync(s_settled)).Succeeded().Output, StringComparison.Ordinal);
        Assert.Contains(
            "STATUS: deployed",
            (await helm.RunAsync("status", "hostdev", "-n", Helm.Namespace)).Succeeded().Output,
            StringComparison.Ordinal
        );
        await demo.KubectlAsync("rollout", "status", "-n", Helm.Namespace, "daemonset/hostdev-agent", "--timeout=60s");
        await demo.KubectlAsync("label", "node", "gpu-1", "example.com/passthrough=true");
        await demo.KubectlAsync("apply", "-f", "examples/cluster/gpus.yaml");
        await demo.KubectlAsync("wait", "--for=condition=Ready", "hostdevice/gpus", "--timeout=60s");
        await demo.KubectlAsync("apply", "-f", "examples/pods/gpu.yaml");
        await demo.KubectlAsync("wait", "-n", "vms", "--for=condition=Ready", "pod/render", "--timeout=60s");

        (await helm.UpgradeAsync(["--set", "operator.replicas=1", "--set", "uninstall.timeoutSeconds=10", .. s_settled])).Succeeded();
        Assert.Equal("1", await OperatorsAsync());
        (await helm.RollbackAsync(["1", .. s_settled])).Succeeded();
        Assert.Equal("2", await OperatorsAsync());
        (await helm.RollbackAsync(["2", .. s_settled])).Succeeded();

        Assert.NotEqual(0, (await helm.UninstallAsync("--timeout", "60s")).Code);
        Assert.Matches(
            @"gpu-1: 0000:..:00\.0 \(example\.com/gpu\) belongs to Pod vms/render: stop or migrate its VM",
            await demo.KubectlAsync("logs", "-n", Helm.Namespace, "job/hostdev-uninstall")
        );
        await demo.KubectlAsync("delete", "pod", "-n", "vms", "render", "--timeout=30s");
        Assert.Contains("uninstalled", (await helm.UninstallAsync(s_settled)).Succeeded().Output, StringComparison.Ordinal);
        await demo.UntilAsync(said => said.Contains("No resources found", StringComparison.Ordinal), "get", "pods", "-n", Helm.Namespace);
        await demo.UntilAsync(
            said => said == "0 0",
            ["get", "node", "gpu-1", "-o", @"jsonpath={.status.capacity.example\.com/gpu} {.status.allocatable.example\.com/gpu}"]
        );

        (await helm.InstallAsync(s_settled)).Succeeded();
        await demo.KubectlAsync("wait", "--for=condition=Ready", "hostdevice/gpus", "--timeout=60s"); // the policies have stayed
        (await helm.UninstallAsync(s_settled)).Succeeded();
    }

    private Task<string> OperatorsAsync() =>
        demo.KubectlAsync("get", "deployment", "-n", Helm.Namespace, "hostdev-operator", "-o", "jsonpath={.status.readyReplicas}");
}
