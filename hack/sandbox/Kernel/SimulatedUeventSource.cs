using System.Collections.Immutable;
using System.Threading.Channels;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>One open netlink socket on the simulated kernel's event group.</summary>
public sealed class SimulatedUeventSource : IUeventSource
{
    /// <summary>Null stands for ENOBUFS.</summary>
    private readonly Channel<Uevent?> _queue = Channel.CreateUnbounded<Uevent?>();

    private readonly UeventHub _hub;

    internal SimulatedUeventSource(UeventHub hub) => _hub = hub;

    public async ValueTask<UeventBatch> NextAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(!await _queue.Reader.WaitToReadAsync(cancellationToken), this);
        var events = ImmutableArray.CreateBuilder<Uevent>();
        var lost = false;
        while (_queue.Reader.TryRead(out var next))
        {
            if (next is null)
                lost = true;
            else
                events.Add(next);
        }

        return new UeventBatch(events.ToImmutable(), lost);
    }

    public ValueTask DisposeAsync()
    {
        _hub.Close(this);
        _queue.Writer.TryComplete();
        return ValueTask.CompletedTask;
    }

    internal void Deliver(Uevent? uevent) => _queue.Writer.TryWrite(uevent);
}

/// <summary>Where the parts of the kernel put their events.</summary>
internal sealed class UeventHub
{
    private readonly Lock _lock = new();
    private readonly List<SimulatedUeventSource> _sources = [];
    private readonly List<Uevent> _history = [];
    private int _lose;

    /// <summary>Every event since the start, also lost ones: what the contract's sequences are compared with.</summary>
    public ImmutableArray<Uevent> History
    {
        get
        {
            lock (_lock)
                return [.. _history];
        }
    }

    public SimulatedUeventSource Open()
    {
        var source = new SimulatedUeventSource(this);
        lock (_lock)
            _sources.Add(source);
        return source;
    }

    public void Close(SimulatedUeventSource source)
    {
        lock (_lock)
            _sources.Remove(source);
    }

    /// <summary>The next <paramref name="count"/> events do not fit into the socket's buffer.</summary>
    public void Lose(int count)
    {
        lock (_lock)
            _lose += count;
    }

    /// <param name="path">As in sysfs, with <c>/sys</c>.</param>
    public void Emit(string action, string path, string subsystem, params ReadOnlySpan<(string Key, string Value)> properties)
    {
        var map = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in properties)
            map[key] = value;
        map["ACTION"] = action;
        map["DEVPATH"] = path["/sys".Length..];
        map["SUBSYSTEM"] = subsystem;
        var uevent = new Uevent(action, path["/sys".Length..], subsystem, map.ToImmutable());
        lock (_lock)
        {
            _history.Add(uevent);
            var lost = _lose > 0;
            if (lost)
                _lose--;
            foreach (var source in _sources)
                source.Deliver(lost ? null : uevent);
        }
    }
}
