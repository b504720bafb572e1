using System.Net;
using System.Text.RegularExpressions;
using Hostdev.Crds.Words;
using Hostdev.Kube.Client;
using Hostdev.Operator;
using Hostdev.Operator.Monitoring;
using Hostdev.Sandbox.Cluster;
using Hostdev.Telemetry;
using Hostdev.Tests.Telemetry;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using static Hostdev.Tests.Operator.OperatorBench;

namespace Hostdev.Tests.Operator;

public sealed partial class MonitoringTests
{
    [Fact]
    public async Task What_an_operator_does_and_sees_stands_in_the_metrics_and_readiness_follows_its_lists()
    {
        await using var bench = await StartAsync();
        bench.AddNode("a");
        bench.AddNode("b");
        bench.Apply("gpus");
        using var metrics = new OperatorMetrics();
        using var telemetry = TelemetryProviders.Create(
            new TelemetryOptions
            {
                Name = "hostdev-operator",
                Version = "0",
                Instance = "test",
                Meters = [OperatorMetrics.MeterName],
                ActivitySources = [],
            },
            _ => null
        );
        Assert.False(telemetry.SendsOtlp);
        using var client = new KubeClient(
            KubeConfiguration.FromKubeconfig(bench.Cluster.Kubeconfig, null, TimeProvider.System),
            "hostdev-operator/test",
            TimeProvider.System,
            NullLogger<KubeClient>.Instance,
            new KubeClientOptions { Observe = metrics.Requested }
        );
        var host = new OperatorHost(
            client,
            new OperatorOptions { Namespace = SandboxCluster.SystemNamespace, Timings = Quick },
            TimeProvider.System,
            new Random(1),
            NullLoggerFactory.Instance,
            metrics
        );
        await using var server = await MonitoringServer.StartAsync("127.0.0.1:0", telemetry.Prometheus, () => host.Problems, default);
        using var http = new HttpClient { BaseAddress = server.Address };
        Assert.Equal((HttpStatusCode.OK, "ok\n"), await GetAsync("/healthz"));
        var (code, problems) = await GetAsync("/readyz");
        Assert.Equal(
            (HttpStatusCode.ServiceUnavailable, true),
            (code, problems.Contains("hostdevices.hostdev.io: not listed yet\n", StringComparison.Ordinal))
        );
        Assert.Equal(HttpStatusCode.NotFound, (await GetAsync("/")).Item1);

        using var end = new CancellationTokenSource();
        var run = host.RunAsync(end.Token);
        await Waiting.UntilAsync(() => bench.Has("a") == "gpus:1" && bench.Has("b") == "gpus:1");
        bench.Report("a");
        bench.Report("b", Reasons.Blocked, "blocked", blocked: 1);
        await Waiting.UntilAsync(() => bench.Condition("gpus") == "False/Blocked");
        Assert.Equal((HttpStatusCode.OK, "ok\n"), await GetAsync("/readyz"));
        var (_, text) = await GetAsync("/metrics");
        foreach (
            var line in new[]
            {
                "# TYPE hostdev_is_leader gauge",
                "hostdev_is_leader 1",
                "hostdev_resource_followed{resource=\"nodes\"} 1",
                "hostdev_nodes{agent=\"ready\"} 2",
                "hostdev_nodes{agent=\"not_ready\"} 0",
                "hostdev_nodes_degraded 1",
                "hostdev_policies{condition=\"Degraded\",kind=\"HostDevice\",status=\"True\"} 1",
                "hostdev_policies{condition=\"Ready\",kind=\"SriovPolicy\",status=\"True\"} 0",
                "hostdev_policy_devices{kind=\"HostDevice\",policy=\"gpus\",state=\"matched\"} 4",
                "hostdev_policy_devices{kind=\"HostDevice\",policy=\"gpus\",state=\"ready\"} 3",
                "hostdev_policy_devices{kind=\"HostDevice\",policy=\"gpus\",state=\"blocked\"} 1",
                "hostdev_policy_nodes{kind=\"HostDevice\",policy=\"gpus\",state=\"blocked\"} 1",
                "hostdev_policy_nodes{kind=\"HostDevice\",policy=\"gpus\",state=\"halted\"} 0",
                "hostdev_api_requests_total{code=\"201\",resource=\"nodedevicestates.hostdev.io\",verb=\"patch\"} 2",
                "# TYPE hostdev_reconciles_total counter",
                "# TYPE hostdev_reconcile_duration_seconds histogram",
                "hostdev_workqueue_depth{controller=\"node\"} 0",
                "hostdev_events_dropped_total 0",
                "# TYPE hostdev_pass_duration_seconds histogram",
            }
        )
        {
            Assert.True(text.Split('\n').Contains(line), $"{line} is not in\n{text}");
        }

        Assert.Matches("hostdev_reconciles_total\\{controller=\"node\",outcome=\"done\"\\} [2-9]\n", text);
        Assert.Matches("hostdev_reconcile_duration_seconds_bucket\\{controller=\"node\",le=\"\\+Inf\"\\} [2-9]\n", text);
        Promtool.Check(text);
        Assert.Equal([], text.Split('\n').Where(l => l.Length > 0 && !Line().IsMatch(l)));
        var samples = text.Split('\n').Where(l => l.Length > 0 && l[0] != '#').Select(l => l[..l.LastIndexOf(' ')]).ToList();
        Assert.Equal(samples.Count, samples.Distinct().Count());

        bench.Objects.Delete(Definitions, HostDevices);
        bench.Cluster.Server.CutConnections();
        await Waiting.UntilAsync(() => host.Problems.Any(), 20);
        Assert.Contains(
            "hostdevices.hostdev.io is not served: is its CRD installed?",
            (await GetAsync("/readyz")).Text,
            StringComparison.Ordinal
        );
        await end.CancelAsync();
        await run;

        async Task<(HttpStatusCode, string Text)> GetAsync(string path)
        {
            using var response = await http.GetAsync(new Uri(path, UriKind.Relative));
            return (response.StatusCode, await response.Content.ReadAsStringAsync());
        }
    }

    [Theory]
    [InlineData(":8080", true, 8080)]
    [InlineData("127.0.0.1:0", true, 0)]
    [InlineData("[::1]:9000", true, 9000)]
    [InlineData("8080", false, 0)]
    [InlineData("localhost:8080", false, 8080)]
    [InlineData(":70000", false, 0)]
    public void An_address_to_listen_at_is_a_port_with_or_without_an_IP_address(string text, bool expected, int port)
    {
        Assert.Equal(expected, MonitoringServer.TryParse(text, out _, out var parsed));
        Assert.Equal(port, parsed);
    }

    [Fact]
    public void A_wrong_OTLP_endpoint_is_said_and_a_right_one_makes_it_send()
    {
        var options = new TelemetryOptions
        {
            Name = "hostdev-operator",
            Version = "0",
            Instance = "test",
            Meters = [],
            ActivitySources = [],
        };
        Assert.Contains(
            "OTEL_EXPORTER_OTLP_ENDPOINT is \"collector\"",
            Assert.Throws<FormatException>(() => TelemetryProviders.Create(options, _ => "collector")).Message,
            StringComparison.Ordinal
        );
        using var telemetry = TelemetryProviders.Create(options, n => n == "OTEL_EXPORTER_OTLP_ENDPOINT" ? "http://127.0.0.1:1" : null);
        Assert.True(telemetry.SendsOtlp);
    }

    /// <summary>A comment of the two kinds, or a sample: the grammar of the text format 0.0.4.</summary>
    [GeneratedRegex(
        """^(?:# HELP [a-z_]+ .+|# TYPE [a-z_]+ (?:counter|gauge|histogram)|[a-z_]+(?:\{[a-z_]+="(?:["""
            + """^"\\]|\\.)*"(?:,[a-z_]+="(?:[^"\\]|\\.)*")*\})? (?:[0-9.E+-]+|\+Inf|NaN))$"""
    )]
    private static partial Regex Line();
}
