using System.Collections.Immutable;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>One write that production made.</summary>
/// <param name="Path">As production named it.</param>
/// <param name="Error">Null while the write has not returned.</param>
public sealed record LoggedWrite(string Path, string Value, Errno? Error, DateTimeOffset At)
{
    public override string ToString() => $"{Path} <- {Value.TrimEnd('\n')}: {Error?.Name ?? "pending"}";
}

/// <summary>Every write in the order in which they began.</summary>
public sealed class WriteLog(TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly List<LoggedWrite> _writes = [];

    public ImmutableArray<LoggedWrite> All
    {
        get
        {
            lock (_lock)
                return [.. _writes];
        }
    }

    /// <summary>Begins a new list: what comes now is one scenario's.</summary>
    public void Clear()
    {
        lock (_lock)
            _writes.Clear();
    }

    internal LoggedWrite Begin(string path, string value)
    {
        var entry = new LoggedWrite(path, value, Error: null, time.GetUtcNow());
        lock (_lock)
            _writes.Add(entry);
        return entry;
    }

    internal void End(LoggedWrite entry, Errno error)
    {
        lock (_lock)
        {
            var index = _writes.FindIndex(candidate => ReferenceEquals(candidate, entry));
            if (index >= 0)
                _writes[index] = entry with { Error = error };
        }
    }
}
