using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Tests.Cluster;
using Hostdev.Tests.Sandbox.ApiServer;
using Xunit;

namespace Hostdev.Tests.Charts;

public sealed class ChartApplyTests
{
    /// <summary>
    /// Kinds of others, which not every cluster has; the simulation has no Jobs either, because their controller has no part in Hostdev's
    /// work.
    /// </summary>
    private static readonly string[] s_notEverywhere = ["Job", "PrometheusRule", "ServiceMonitor"];

    private static readonly string[] s_definitions =
    [
        .. Directory.EnumerateFiles(Repository.Path("charts", "hostdev", "templates"), "crd-*.yaml").SelectMany(f => new[] { "-f", f }),
    ];

    [Fact]
    [Trait(ClusterTrait.Name, ClusterTrait.Any)]
    public async Task The_API_server_takes_everything_that_the_chart_renders_to_with_strict_fields_and_without_a_warning()
    {
        await using var bench = await ClusterBench.StartAsync();
        using var kubectl = new KubectlTool(bench.Kubeconfig);
        var kinds = (await kubectl.RunAsync("api-resources", "--no-headers"))
            .Succeeded()
            .Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^1])
            .ToHashSet(StringComparer.Ordinal);
        var manifests = RenderedChart
            .Everything.Where(o => kinds.Contains(RenderedChart.Text(o, "kind")))
            .Select(o => ChartAccess.Moved(o, bench.Seat.Namespace, bench.Suffix))
            .ToList();
        Assert.Equal(
            [],
            RenderedChart.Everything.Select(o => RenderedChart.Text(o, "kind")).Where(k => !kinds.Contains(k)).Except(s_notEverywhere)
        );
        // What the agent's Pod asks for is said of its namespace, as the notes of the chart tell.
        (
            await kubectl.RunAsync(
                "label",
                "namespace",
                bench.Seat.Namespace,
                "--overwrite",
                "pod-security.kubernetes.io/enforce=privileged",
                "pod-security.kubernetes.io/warn=privileged"
            )
        ).Succeeded();

        var said = (
            await kubectl.RunAsync([
                "apply",
                "--server-side",
                "--force-conflicts",
                "--dry-run=server",
                "--validate=true",
                "-f",
                kubectl.File("manifests.json", List(manifests)),
                .. s_definitions,
            ])
        ).Succeeded();
        Assert.Equal("", said.Errors);
        Assert.Equal(
            manifests.Count + 4,
            said.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Count(l => l.EndsWith("serverside-applied (server dry run)", StringComparison.Ordinal))
        );
    }

    [Fact]
    public async Task A_real_kubectl_applies_it_to_an_empty_cluster()
    {
        await using var server = new SimulatedApiServer();
        await server.StartAsync(TestContext.Current.CancellationToken);
        using var kubectl = new KubectlTool(server);
        server.Objects.Create(
            new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Namespace",
                ["metadata"] = new JsonObject { ["name"] = "hostdev-system" },
            }
        );
        string[] apply =
        [
            "apply",
            "--server-side",
            "-f",
            kubectl.File(
                "manifests.json",
                List(RenderedChart.Everything.Where(o => !s_notEverywhere.Contains(RenderedChart.Text(o, "kind"))))
            ),
            .. s_definitions,
        ];

        (await kubectl.RunAsync([.. apply, "--dry-run=server"])).Succeeded();
        Assert.Null(server.Objects.Get("deployments.apps", "hostdev-operator", "hostdev-system"));
        (await kubectl.RunAsync(apply)).Succeeded();
        (
            await kubectl.RunAsync(
                "wait",
                "--for=condition=Established",
                "crd/hostdevices.hostdev.io",
                "crd/sriovpolicies.hostdev.io",
                "crd/mdevprofiles.hostdev.io",
                "crd/nodedevicestates.hostdev.io"
            )
        ).Succeeded();
        Assert.NotNull(server.Objects.Get("daemonsets.apps", "hostdev-agent", "hostdev-system"));
    }

    private static string List(IEnumerable<JsonObject> items) =>
        new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "List",
            ["items"] = new JsonArray([.. items.Select(o => o.DeepClone())]),
        }.ToJsonString();
}
