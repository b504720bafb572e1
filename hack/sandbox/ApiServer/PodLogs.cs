using System.Collections.Concurrent;

namespace Hostdev.Sandbox.ApiServer;

/// <summary>What containers have written, as <c>kubectl logs</c> reads it: by whoever runs them.</summary>
internal sealed class PodLogs
{
    private readonly ConcurrentDictionary<string, Func<string>> _logs = [];

    /// <param name="uid">Of the Pod.</param>
    /// <param name="log">All that was written so far.</param>
    public void Show(string uid, Func<string> log) => _logs[uid] = log;

    public void Forget(string uid) => _logs.TryRemove(uid, out _);

    /// <summary>Null for a Pod that nobody runs, or has not begun.</summary>
    public string? Read(string uid) => _logs.TryGetValue(uid, out var log) ? log() : null;
}
