using Hostdev.Kube.Client;
using Hostdev.Operator;
using Hostdev.Sandbox.ApiServer.Access;
using Microsoft.Extensions.Logging;

namespace Hostdev.Sandbox.Cluster;

/// <summary>One life of an operator.</summary>
public sealed class OperatorProcess : IAsyncDisposable
{
    private readonly CancellationTokenSource _end = new();
    private readonly KubeClient _client;
    private readonly FileLog _log;
    private readonly ILoggerFactory _loggers;
    private bool _disposed;

    private OperatorProcess(ClusterSeat seat, string identity, OperatorTimings timings, TimeProvider time, int seed, bool nodeLabels)
    {
        Identity = identity;
        LogFile = Path.Combine(seat.Directory, $"{identity}.log");
        _log = new FileLog(LogFile, time);
        _loggers = LoggerFactory.Create(b => b.AddProvider(_log));
        _client = seat.Connect(
            ApiUser.ServiceAccount(seat.Namespace, ClusterMembers.OperatorAccount),
            $"hostdev-operator/{identity}",
            _loggers
        );
        Host = new OperatorHost(
            _client,
            new OperatorOptions
            {
                Namespace = seat.Namespace,
                Identity = identity,
                Instance = identity,
                Timings = timings,
                NodeLabels = nodeLabels,
            },
            time,
            new Random(seed),
            _loggers
        );
        Ended = Task.Run(() => Host.RunAsync(_end.Token));
    }

    /// <summary>Of its lease.</summary>
    public string Identity { get; }

    public string LogFile { get; }

    public OperatorHost Host { get; }

    /// <summary>Ends with the operator; fails as it failed.</summary>
    public Task Ended { get; }

    public static OperatorProcess Start(
        ClusterSeat seat,
        string identity,
        OperatorTimings timings,
        TimeProvider time,
        int seed = 1,
        bool nodeLabels = false
    ) => new(seat, identity, timings, time, seed, nodeLabels);

    /// <summary>What a killed process leaves: no further request, and a lease that runs out by itself.</summary>
    public async Task KillAsync()
    {
        _client.Dispose();
        await DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;
        _disposed = true;
        await _end.CancelAsync();
        await Ended.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _client.Dispose();
        _loggers.Dispose();
        _log.Dispose();
        _end.Dispose();
    }
}
