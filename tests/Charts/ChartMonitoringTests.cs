using System.Diagnostics.Metrics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Reporting;
using Hostdev.Operator.Monitoring;
using Hostdev.Telemetry;
using Xunit;

namespace Hostdev.Tests.Charts;

/// <summary>An alert on a metric that nobody shows never fires, and nobody notices.</summary>
public sealed partial class ChartMonitoringTests
{
    private static readonly Lazy<Dictionary<string, (string File, string Description)>> s_metrics = new(Read);

    [Fact]
    public void Alerts_ask_for_metrics_and_labels_that_the_programs_show()
    {
        var rules = RenderedChart.Everything.Single(o => RenderedChart.Text(o, "kind") == "PrometheusRule")["spec"]!["groups"]![0]![
            "rules"
        ]!.AsArray();
        Assert.True(Check(rules.Select(r => (string)r!["expr"]!)) >= 7);
    }

    /// <summary>A panel without data looks like a cluster without trouble.</summary>
    [Fact]
    public void The_dashboard_asks_for_metrics_and_labels_that_the_programs_show()
    {
        var dashboard = JsonNode.Parse(File.ReadAllText(Repository.Path("charts", "hostdev", "dashboards", "hostdev.json")))!;
        var panels = dashboard["panels"]!.AsArray().Where(p => (string)p!["type"]! != "row").ToList();
        Assert.All(panels, p => Assert.NotEqual("", (string?)p!["description"] ?? ""));
        var queries = panels.SelectMany(p => p!["targets"]!.AsArray().Select(t => (string)t!["expr"]!)).ToList();
        var variables = dashboard["templating"]!["list"]!.AsArray().Select(v => (string?)v!["definition"]).OfType<string>();
        Assert.True(Check(queries.Concat(variables)) >= 20);
        // What a query leaves to the reader is a variable of the dashboard.
        var names = dashboard["templating"]!["list"]!.AsArray().Select(v => (string)v!["name"]!).Append("__rate_interval").ToHashSet();
        Assert.All(queries.SelectMany(q => Variable().Matches(q)), v => Assert.Contains(v.Groups[1].Value, names));
    }

    /// <summary>How many metrics these expressions ask for, each of which a program shows with these labels.</summary>
    private static int Check(IEnumerable<string> expressions)
    {
        var asked = expressions.SelectMany(e => Metric().Matches(e)).ToList();
        foreach (var one in asked)
        {
            var name = one.Groups["name"].Value.Replace("_bucket", "", StringComparison.Ordinal);
            Assert.Contains(name, s_metrics.Value.Keys);
            var (file, description) = s_metrics.Value[name];
            var shown = File.ReadAllText(Repository.Path(file));
            foreach (Match label in Label().Matches(one.Groups["labels"].Value))
            {
                Assert.Matches($"\\(\\s*\"{label.Groups[1].Value}\",", shown);
                var value = label.Groups[2].Value;
                var isWord =
                    ConditionTypes.OfPolicies.Contains(value) && shown.Contains("ConditionTypes.OfPolicies", StringComparison.Ordinal);
                var isTold = Word().Matches(description).Any(w => w.Value == value); // "by outcome: done, requeue_after or error"
                var isLiteral = shown.Contains($"\"{value}\"", StringComparison.Ordinal);
                Assert.True(isWord || isTold || isLiteral, $"{one.Value}: nothing shows {value}");
            }
        }

        return asked.Count;
    }

    [Fact]
    public void The_guide_names_every_metric_and_no_other()
    {
        var guide = Metric()
            .Matches(File.ReadAllText(Repository.Path("docs", "guide.md")))
            .Select(m => m.Groups["name"].Value)
            .Distinct()
            .Order(StringComparer.Ordinal);
        Assert.Equal(s_metrics.Value.Keys.Order(StringComparer.Ordinal), guide);
    }

    /// <summary>Names as Prometheus sees them, with the file that makes each and what is said of it.</summary>
    private static Dictionary<string, (string File, string Description)> Read()
    {
        var found = new Dictionary<string, (string, string)>(StringComparer.Ordinal);
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) =>
        {
            var file = instrument.Meter.Name switch
            {
                AgentMetrics.MeterName => "device-plugin/Reporting/AgentMetrics.cs",
                OperatorMetrics.MeterName => "operator/Monitoring/OperatorMetrics.cs",
                _ when instrument.Name.StartsWith("hostdev.", StringComparison.Ordinal) => "telemetry/ProcessMetrics.cs",
                _ => null,
            };
            var counts = instrument is Counter<long> or ObservableCounter<long>;
            if (file is null)
                return;
            var name = instrument.Name.Replace('.', '_') + (instrument.Unit == "s" ? "_seconds" : "") + (counts ? "_total" : "");
            found[name] = (file, instrument.Description ?? "");
        };
        listener.Start();
        using var agent = new AgentMetrics();
        using var cluster = new OperatorMetrics();
        Assert.NotEqual("", ProcessMetrics.MeterName);
        return found;
    }

    [GeneratedRegex(@"\b(?<name>hostdev_[a-z_]+)(\{(?<labels>[^}]*)\})?")]
    private static partial Regex Metric();

    [GeneratedRegex(@"\w+")]
    private static partial Regex Word();

    [GeneratedRegex(@"\$(\w+)")]
    private static partial Regex Variable();

    [GeneratedRegex("""([a-z]+)="([^"]+)";?""")]
    private static partial Regex Label();
}
