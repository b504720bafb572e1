using System.Net.Sockets;
using Hostdev.DevicePlugin.Reporting;
using Hostdev.Telemetry;
using Microsoft.Extensions.Logging;

namespace Hostdev.DevicePlugin.Agent;

/// <summary>
/// An agent's health and metrics over HTTP, and by OTLP where the environment says so. Never in the agent's way: devices are restored also
/// where the port is taken.
/// </summary>
internal sealed partial class AgentMonitoring : IAsyncDisposable
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(5);

    private readonly TelemetryProviders? _telemetry;
    private readonly CancellationTokenSource _end = new();
    private readonly MetricsReader? _mayRead;
    private readonly TimeProvider _time;
    private readonly ILogger<AgentMonitoring> _logger;
    private Task _serving = Task.CompletedTask;

    private AgentMonitoring(TelemetryProviders? telemetry, MetricsReader? mayRead, TimeProvider time, ILogger<AgentMonitoring> logger) =>
        (_telemetry, _mayRead, _time, _logger) = (telemetry, mayRead, time, logger);

    /// <summary>Where it listens; null before it does.</summary>
    public Uri? Address { get; private set; }

    /// <param name="listen">As <see cref="MonitoringServer.TryParse"/> takes it; null for nowhere.</param>
    /// <param name="instance">Which agent this is: its Pod's or its Node's name.</param>
    /// <param name="mayRead">As <see cref="MonitoringServer"/> has it.</param>
    /// <exception cref="FormatException"><paramref name="listen"/> or the OTLP endpoint cannot be understood.</exception>
    public static AgentMonitoring Start(
        AgentHost host,
        string? listen,
        string version,
        string instance,
        Func<string, string?> environment,
        TimeProvider time,
        ILoggerFactory loggers,
        MetricsReader? mayRead = null
    )
    {
        if (listen is not null && !MonitoringServer.TryParse(listen, out _, out _))
            throw new FormatException($"--listen is \"{listen}\", which is no address to listen at: write :9476 or 127.0.0.1:9476");
        var telemetry =
            listen is null && environment(TelemetryProviders.Endpoint) is not { Length: > 0 }
                ? null
                : TelemetryProviders.Create(
                    new TelemetryOptions
                    {
                        Name = "hostdev-device-plugin",
                        Version = version,
                        Instance = instance,
                        Meters = [AgentMetrics.MeterName, ProcessMetrics.MeterName, "System.Runtime"],
                        ActivitySources = ["System.Net.Http"],
                    },
                    environment
                );
        var monitoring = new AgentMonitoring(telemetry, mayRead, time, loggers.CreateLogger<AgentMonitoring>());
        if (listen is not null)
            monitoring._serving = monitoring.ServeAsync(host, listen, monitoring._end.Token);
        return monitoring;
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await _serving.ConfigureAwait(false);
        _telemetry?.Dispose();
        _end.Dispose();
    }

    private async Task ServeAsync(AgentHost host, string listen, CancellationToken cancellationToken)
    {
        try
        {
            var server = await ListenAsync(host, listen, cancellationToken).ConfigureAwait(false);
            await using (server.ConfigureAwait(false))
            {
                Address = server.Address;
                await Task.Delay(Timeout.InfiniteTimeSpan, _time, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Stopped.
        }
    }

    /// <summary>Until it succeeds: the agent before this one may still be ending, and a node may get its address after its agent.</summary>
    private async Task<MonitoringServer> ListenAsync(AgentHost host, string listen, CancellationToken cancellationToken)
    {
        for (var said = false; ; said = true)
        {
            try
            {
                return await MonitoringServer
                    .StartAsync(listen, _telemetry!.Prometheus, () => host.NotReady, cancellationToken, () => host.Unhealthy, _mayRead)
                    .ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or SocketException) // taken, or not there yet
            {
                if (!said)
                    NotServed(_logger, listen, e.Message, Retry.TotalSeconds);
                await Task.Delay(Retry, _time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    [LoggerMessage(
        EventId = 1301,
        Level = LogLevel.Warning,
        Message = "health and metrics are not served at {Listen}: {Problem}. It is tried again every {Seconds} s and not "
            + "said again; the agent works meanwhile"
    )]
    private static partial void NotServed(ILogger logger, string listen, string problem, double seconds);
}
