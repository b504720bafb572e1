using System.Globalization;
using System.Text;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace Hostdev.Telemetry;

/// <summary>
/// The text format 0.0.4 of Prometheus ("Exposition formats"), with names as OpenTelemetry's "Prometheus and OpenMetrics Compatibility"
/// makes them: dots become underscores, the unit is written out at the end, counters end with <c>_total</c>. A name with <c>_count</c> at
/// its end is a histogram's series there; what .NET's runtime calls so (<c>dotnet.assembly.count</c>) goes by OTLP alone.
/// </summary>
internal static class PrometheusText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    public static string Of(in Batch<Metric> batch)
    {
        var metrics = new List<Metric>();
        foreach (var metric in batch)
            if (metric.MetricType == MetricType.Histogram || !Name(metric).EndsWith("_count", StringComparison.Ordinal))
                metrics.Add(metric);
        var text = new StringBuilder();
        foreach (var metric in metrics.OrderBy(m => m.Name, StringComparer.Ordinal))
            Write(text, metric);
        return text.ToString();
    }

    public static string Name(Metric metric)
    {
        var name = metric.Name.Replace('.', '_');
        var unit = metric.Unit switch
        {
            "s" => "_seconds",
            "By" => "_bytes",
            _ => "",
        };
        if (!name.EndsWith(unit, StringComparison.Ordinal))
            name += unit;
        return metric.MetricType is MetricType.LongSum or MetricType.DoubleSum ? name + "_total" : name;
    }

    private static void Write(StringBuilder text, Metric metric)
    {
        var name = Name(metric);
        var type = metric.MetricType switch
        {
            MetricType.LongSum or MetricType.DoubleSum => "counter",
            MetricType.Histogram => "histogram",
            _ => "gauge",
        };
        if (metric.Description.Length > 0)
            text.Append("# HELP ").Append(name).Append(' ').Append(Escape(metric.Description)).Append('\n');
        text.Append("# TYPE ").Append(name).Append(' ').Append(type).Append('\n');
        foreach (ref readonly var point in metric.GetMetricPoints())
        {
            var labels = Labels(point.Tags);
            switch (metric.MetricType)
            {
                case MetricType.LongSum or MetricType.LongSumNonMonotonic:
                    Line(text, name, labels, point.GetSumLong());
                    break;
                case MetricType.DoubleSum or MetricType.DoubleSumNonMonotonic:
                    Line(text, name, labels, point.GetSumDouble());
                    break;
                case MetricType.LongGauge:
                    Line(text, name, labels, point.GetGaugeLastValueLong());
                    break;
                case MetricType.DoubleGauge:
                    Line(text, name, labels, point.GetGaugeLastValueDouble());
                    break;
                case MetricType.Histogram:
                    WriteHistogram(text, name, labels, point);
                    break;
            }
        }
    }

    private static void WriteHistogram(StringBuilder text, string name, string labels, MetricPoint point)
    {
        var separator = labels.Length > 0 ? "," : "";
        long below = 0;
        foreach (var bucket in point.GetHistogramBuckets())
        {
            below += bucket.BucketCount;
            Line(text, $"{name}_bucket", $"{labels}{separator}le=\"{Number(bucket.ExplicitBound)}\"", below);
        }

        Line(text, $"{name}_sum", labels, point.GetHistogramSum());
        Line(text, $"{name}_count", labels, point.GetHistogramCount());
    }

    private static string Labels(ReadOnlyTagCollection tags)
    {
        var labels = new List<string>();
        foreach (var (key, value) in tags)
        {
            var text = Escape(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "").Replace("\"", "\\\"", StringComparison.Ordinal);
            labels.Add($"{key.Replace('.', '_')}=\"{text}\"");
        }

        labels.Sort(StringComparer.Ordinal); // the SDK's order is that of whoever came first
        return string.Join(',', labels);
    }

    private static void Line(StringBuilder text, string name, string labels, double value) =>
        text.Append(name).Append(labels.Length > 0 ? $"{{{labels}}}" : "").Append(' ').Append(Number(value)).Append('\n');

    private static string Escape(string text) =>
        text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private static string Number(double value) =>
        double.IsPositiveInfinity(value) ? "+Inf" : value.ToString("R", CultureInfo.InvariantCulture);
}
