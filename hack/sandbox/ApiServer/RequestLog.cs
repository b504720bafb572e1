using System.Collections.Immutable;

namespace Hostdev.Sandbox.ApiServer;

/// <summary>Every request of a server's life, oldest first.</summary>
public sealed class RequestLog
{
    private readonly Lock _gate = new();
    private readonly List<RequestRecord> _records = [];

    /// <summary>Called for each as it is recorded, before its answer goes out.</summary>
    public Action<RequestRecord>? OnRecorded { get; set; }

    public ImmutableArray<RequestRecord> All
    {
        get
        {
            lock (_gate)
                return [.. _records];
        }
    }

    /// <summary>The requests that changed something.</summary>
    public ImmutableArray<RequestRecord> Changes => [.. All.Where(r => r.Revision is not null)];

    public int Count
    {
        get
        {
            lock (_gate)
                return _records.Count;
        }
    }

    /// <summary>Those since a <see cref="Count"/> that was read before.</summary>
    public ImmutableArray<RequestRecord> Since(int count)
    {
        lock (_gate)
            return [.. _records.Skip(count)];
    }

    public void Clear()
    {
        lock (_gate)
            _records.Clear();
    }

    internal void Add(Func<long, RequestRecord> make)
    {
        RequestRecord record;
        lock (_gate)
        {
            record = make(_records.Count + 1);
            _records.Add(record);
        }

        OnRecorded?.Invoke(record);
    }
}
