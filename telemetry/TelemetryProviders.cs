using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Hostdev.Telemetry;

public sealed record TelemetryOptions
{
    /// <summary><c>service.name</c>.</summary>
    public required string Name { get; init; }

    public required string Version { get; init; }

    /// <summary><c>service.instance.id</c>: which process, for example the Pod's name.</summary>
    public required string Instance { get; init; }

    public required IReadOnlyList<string> Meters { get; init; }

    public required IReadOnlyList<string> ActivitySources { get; init; }
}

/// <summary>
/// The metrics of a process, to be asked for, and sent by OTLP with its traces where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says where to.
/// Nothing is sent otherwise.
/// </summary>
public sealed class TelemetryProviders : IDisposable
{
    /// <summary>The customary variable that says where OTLP is sent; nothing is without it.</summary>
    public const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private readonly MeterProvider _meters;
    private readonly TracerProvider? _tracers;

    private TelemetryProviders(MeterProvider meters, TracerProvider? tracers, PrometheusExporter prometheus) =>
        (_meters, _tracers, Prometheus) = (meters, tracers, prometheus);

    public PrometheusExporter Prometheus { get; }

    public bool SendsOtlp => _tracers is not null;

    /// <exception cref="FormatException">The endpoint is no address.</exception>
    public static TelemetryProviders Create(TelemetryOptions options, Func<string, string?> environment)
    {
        var prometheus = new PrometheusExporter();
        var resource = ResourceBuilder
            .CreateDefault()
            .AddService(options.Name, serviceVersion: options.Version, serviceInstanceId: options.Instance);
        var meters = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(resource)
            .AddMeter([.. options.Meters])
            .AddReader(new BaseExportingMetricReader(prometheus));
        if (environment(Endpoint) is not { Length: > 0 } endpoint)
            return new TelemetryProviders(meters.Build(), null, prometheus);
        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
            throw new FormatException(
                $"{Endpoint} is \"{endpoint}\", which is no address: write for example http://collector.monitoring:4317"
            );
        // Protocol, headers and the rest stand in the customary variables, which the exporter reads itself.
        var tracers = Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(resource)
            .AddSource([.. options.ActivitySources])
            .AddOtlpExporter()
            .Build();
        return new TelemetryProviders(meters.AddOtlpExporter().Build(), tracers, prometheus);
    }

    /// <summary>Sends what waits to be sent, for 5 s at most.</summary>
    public void Dispose()
    {
        _tracers?.Dispose();
        _meters.Dispose();
    }
}
