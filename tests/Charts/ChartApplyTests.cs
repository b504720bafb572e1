using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Tests.Sandbox.ApiServer;
using Xunit;

namespace Hostdev.Tests.Charts;

public sealed class ChartApplyTests
{
    /// <summary>What the simulation does not serve: its controllers have no part in Hostdev's work, or it belongs to others.</summary>
    private static readonly string[] s_notServed = ["Job", "PrometheusRule", "ServiceMonitor"];

    [Fact]
    public async Task A_real_kubectl_applies_everything_that_the_chart_renders_to()
    {
        await using var server = new SimulatedApiServer();
        await server.StartAsync(TestContext.Current.CancellationToken);
        using var kubectl = new Kubectl(server);
        server.Objects.Create(new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Namespace", ["metadata"] = new JsonObject { ["name"] = "hostdev-system" } });
        var served = RenderedChart.Everything.Where(o => !s_notServed.Contains(RenderedChart.Text(o, "kind"))).ToList();
        Assert.Equal(s_notServed, RenderedChart.Everything.Select(o => RenderedChart.Text(o, "kind")).Where(s_notServed.Contains).Distinct().Order(StringComparer.Ordinal));
        var crds = Directory.EnumerateFiles(Repository.Path("charts", "hostdev", "templates"), "crd-*.yaml").SelectMany(f => new[] { "-f", f });
        var manifests = kubectl.File("manifests.json", new JsonObject { ["apiVersion"] = "v1", ["kind"] = "List", ["items"] = new JsonArray([.. served.Select(o => o.DeepClone())]) }.ToJsonString());

        // A dry run first, which must change nothing; it cannot know the kinds of CRDs that are not there yet, and there are none among the manifests.
        string[] apply = ["apply", "--server-side", "-f", manifests, .. crds];
        var said = (await kubectl.RunAsync([.. apply, "--dry-run=server"])).Succeeded().Output;
        Assert.Equal(served.Count + 4, said.Split('\n', StringSplitOptions.RemoveEmptyEntries).Count(l => l.EndsWith("serverside-applied (server dry run)", StringComparison.Ordinal)));
        Assert.Null(server.Objects.Get("deployments.apps", "hostdev-operator", "hostdev-system"));
        (await kubectl.RunAsync(apply)).Succeeded();
        (await kubectl.RunAsync("wait", "--for=condition=Established", "crd/hostdevices.hostdev.io", "crd/sriovpolicies.hostdev.io", "crd/mdevprofiles.hostdev.io", "crd/nodedevicestates.hostdev.io")).Succeeded();
        Assert.NotNull(server.Objects.Get("daemonsets.apps", "hostdev-agent", "hostdev-system"));
    }
}
