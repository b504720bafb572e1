using Hostdev.DevicePlugin.Following;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Reporting;
using Hostdev.Kube.Client;
using Microsoft.Extensions.Logging;

namespace Hostdev.Tests;

/// <summary>Keeps what was logged, each as its level and its text; whoever's logger it is.</summary>
internal sealed class LogLines : ILogger<KubeClient>, ILogger<KubeletAdvertiser>, ILogger<TransitionLog>, ILogger<DesiredFile>
{
    private readonly List<string> _lines = [];

    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_lines)
                return [.. _lines];
        }
    }

    public IEnumerable<string> Warnings =>
        Lines.Where(l => l.StartsWith("Warning", StringComparison.Ordinal) || l.StartsWith("Error", StringComparison.Ordinal));

    public void Clear()
    {
        lock (_lines)
            _lines.Clear();
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter
    )
    {
        lock (_lines)
            _lines.Add($"{logLevel} {formatter(state, exception)}{(exception is null ? "" : " " + exception)}");
    }
}
