using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace Hostdev.Telemetry;

/// <summary>Gives what a MeterProvider has in the Prometheus text format, when somebody asks.</summary>
[ExportModes(ExportModes.Pull)]
public sealed class PrometheusExporter : BaseExporter<Metric>, IPullMetricExporter
{
    private readonly Lock _gate = new();
    private string _text = "";

    /// <summary>Set by the reader that this exporter is put into.</summary>
    public Func<int, bool>? Collect { get; set; }

    /// <summary>All metrics as they are now, in order of name; null when they cannot be had. Callers wait for each other.</summary>
    public string? Scrape()
    {
        lock (_gate)
            return Collect?.Invoke(Timeout.Infinite) == true ? _text : null;
    }

    /// <summary>Called by <see cref="Collect"/>, in the same thread.</summary>
    public override ExportResult Export(in Batch<Metric> batch)
    {
        _text = PrometheusText.Of(batch);
        return ExportResult.Success;
    }
}
