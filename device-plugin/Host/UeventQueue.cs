using System.Threading.Channels;

namespace Hostdev.DevicePlugin.Host;

/// <summary>
/// Events on their way from the thread that receives them to the one that acts on them: what comes while nobody waits makes one batch.
/// </summary>
/// <param name="limit">Events kept for a reader that is busy. Past this it is told to read everything again, which is cheaper than to
/// remember.</param>
internal sealed class UeventQueue(int limit)
{
    private readonly Lock gate = new();
    private readonly Channel<bool> wakeUps = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite }
    );
    private List<Uevent> pending = [];
    private bool lost;

    /// <summary>Adds what one draining of the socket gave. Nothing at all wakes nobody.</summary>
    public void Add(IReadOnlyList<Uevent> events, bool someWereLost)
    {
        if (events.Count == 0 && !someWereLost)
            return;
        lock (gate)
        {
            lost |= someWereLost || pending.Count + events.Count > limit;
            // After a loss everything is read again, and that covers what was known.
            if (lost)
                pending.Clear();
            if (pending.Count + events.Count <= limit)
                pending.AddRange(events);
        }

        wakeUps.Writer.TryWrite(true);
    }

    /// <summary>
    /// Ends the waiting: <see cref="NextAsync"/> throws <see cref="ChannelClosedException"/> once it has given what is there.
    /// </summary>
    public void Complete() => wakeUps.Writer.TryComplete();

    public async ValueTask<UeventBatch> NextAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await wakeUps.Reader.ReadAsync(cancellationToken);
            lock (gate)
            {
                if (pending.Count == 0 && !lost)
                    continue;
                var batch = new UeventBatch([.. pending], lost);
                pending = [];
                lost = false;
                return batch;
            }
        }
    }
}
