using Hostdev.Tests.Sandbox.ApiServer;
using Xunit;

namespace Hostdev.Tests.Cluster;

/// <summary><c>helm test</c>.</summary>
public abstract class HelmCheckTests(string version) : HelmBench(version, runsAnyPod: true)
{
    [Fact]
    public async Task It_passes_after_an_installation_and_its_Pod_goes()
    {
        (await Tool.InstallAsync(Settled)).Succeeded();
        var tested = (await Tool.RunAsync("test", "hostdev", "-n", Helm.Namespace, "--timeout", "90s")).Succeeded().Output;
        Assert.Matches(@"TEST SUITE:\s+hostdev-test\n", tested);
        Assert.Matches(@"Phase:\s+Succeeded", tested);
        await UntilAsync(() => Cluster.Server.Objects.Get("pods", "hostdev-test", Helm.Namespace) is null);
    }

    [Fact]
    public async Task It_fails_where_the_operator_has_no_rights_and_the_log_of_its_Pod_says_so()
    {
        (await Tool.InstallAsync(Settled)).Succeeded();
        Cluster.Server.Objects.Delete("clusterrolebindings.rbac.authorization.k8s.io", "hostdev-operator");
        Assert.NotEqual(0, (await Tool.RunAsync("test", "hostdev", "-n", Helm.Namespace, "--timeout", "90s")).Code);
        using var kubectl = new KubectlTool(Cluster.Server, version: Version);
        var said = (await kubectl.RunAsync("logs", "-n", Helm.Namespace, "hostdev-test")).Succeeded().Output;
        Assert.Matches("^hostdev-operator: GET /apis/hostdev.io/v1alpha1/hostdevices.*forbidden.*hostdev-operator", said);
    }
}

/// <summary>helm 4.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class Helm4CheckTests() : HelmCheckTests(KubeTool.Newest);

/// <summary>helm 3.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class Helm3CheckTests() : HelmCheckTests(KubeTool.Oldest);
