namespace Hostdev.Kube.Control;

/// <summary>
/// Whether we may still act as leader. Open from a renewal of the lease until its renew deadline, counted from before the renewal was sent:
/// everybody else counts the longer lease duration from when they saw it, which is later. Both the monotonic and the wall clock must say
/// so, because the first one stands still while a machine sleeps.
/// </summary>
public sealed class LeaderFence(TimeProvider time)
{
    private readonly Lock _gate = new();
    private (long Timestamp, DateTimeOffset Time, TimeSpan Length)? _open;

    public bool IsOpen => Remaining > TimeSpan.Zero;

    /// <summary>How long it stays open without another renewal; never negative.</summary>
    public TimeSpan Remaining
    {
        get
        {
            lock (_gate)
            {
                if (_open is not var (timestamp, began, length))
                    return TimeSpan.Zero;
                var monotonic = length - time.GetElapsedTime(timestamp);
                var wall = length - (time.GetUtcNow() - began);
                var least = monotonic < wall ? monotonic : wall;
                return least > TimeSpan.Zero ? least : TimeSpan.Zero;
            }
        }
    }

    /// <summary>For <see cref="Client.KubeClient.Gated"/>.</summary>
    /// <exception cref="LeadershipLostException">It is closed.</exception>
    public ValueTask ThrowIfClosed(CancellationToken cancellationToken) =>
        IsOpen
            ? ValueTask.CompletedTask
            : throw new LeadershipLostException(
                "the write was not started: the lease was not renewed in time, another one may lead by now"
            );

    internal (long Timestamp, DateTimeOffset Time) Now => (time.GetTimestamp(), time.GetUtcNow());

    internal void Open((long Timestamp, DateTimeOffset Time) from, TimeSpan length)
    {
        lock (_gate)
            _open = (from.Timestamp, from.Time, length);
    }

    internal void Close()
    {
        lock (_gate)
            _open = null;
    }
}

/// <summary>We lead no longer. The process should end: what it knows may be old, and another one acts.</summary>
public sealed class LeadershipLostException(string message) : Exception(message);
