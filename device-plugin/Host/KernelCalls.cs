using System.Collections.Immutable;

namespace Hostdev.DevicePlugin.Host;

/// <summary>
/// Calls that the kernel may block for as long as somebody holds a device, when nothing can wake them. Each runs on a thread of its own,
/// and whoever asked gives it up after a while: it goes on in its thread, is known until it comes back (<see cref="Hung"/>), and is not
/// begun a second time meanwhile. There is a limit to how many may hang at once.
/// </summary>
/// <remarks>
/// For everything that reads or writes devices: single writes and their read-back (<c>Applying/HostWriter</c>), answers to the kubelet
/// (<c>Allocating/DeviceAllocator</c>), and the files of a reading (<see cref="DeadlineReader"/>). The last is no <see cref="AskAsync"/>:
/// thousands of files are read in microseconds each, so a thread reads one after the other, and only each read is begun, given up and ended
/// here. A lane and a look at the machine are no single calls: they have a thread (<see cref="KernelThreads"/>), and a deadline for each
/// call in them.
/// </remarks>
/// <typeparam name="TCall">What a call is: equal ones are the same, and its text is how it is told.</typeparam>
/// <param name="name">What the threads are called.</param>
/// <param name="mostHung">With so many hanging nothing more is begun.</param>
public sealed class KernelCalls<TCall>(KernelThreads threads, string name, TimeProvider time, int mostHung = CallObstacle.MostHung)
    where TCall : notnull
{
    private readonly Lock _gate = new();
    private readonly List<Ongoing> _hung = [];

    /// <summary>
    /// Called, on the thread of the call, when one comes back that was given up: what the kernel blocked comes free without an event, and
    /// this thread has waited for it anyway.
    /// </summary>
    public Action<TCall>? CameBackLate { get; set; }

    /// <summary>What was given up and has not come back yet, in the order in which it began.</summary>
    public ImmutableArray<HungCall<TCall>> Hung
    {
        get
        {
            lock (_gate)
                return [.. _hung.OrderBy(h => h.Since).Select(Describe)];
        }
    }

    /// <summary>What stands in the way of every call; null when nothing does.</summary>
    public CallObstacle.TooMany? TooMany
    {
        get
        {
            lock (_gate)
            {
                if (_hung.Count < mostHung)
                    return null;
                var oldest = Describe(_hung.MinBy(h => h.Since)!);
                return new CallObstacle.TooMany(_hung.Count, $"{oldest.Call}", oldest.For);
            }
        }
    }

    /// <summary>Why a call cannot be begun now; null when it can.</summary>
    public CallObstacle? Obstacle(TCall call)
    {
        lock (_gate)
            return _hung.Find(h => h.Call.Equals(call)) is { } same ? new CallObstacle.Hangs(Describe(same).For) : TooMany;
    }

    /// <summary>
    /// Makes a call and waits for it, until the deadline or the token gives it up. A call that does not look at the token itself must be
    /// one whose late end does no harm.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token gave it up, and it still runs.</exception>
    public async Task<KernelAnswer<T>> AskAsync<T>(TCall call, Func<T> make, TimeSpan deadline, CancellationToken cancellationToken)
    {
        if (Begin(call, out var obstacle) is not { } ongoing)
            return new KernelAnswer<T>.NotBegun(obstacle!);
        var end = threads.CallAsync(
            name,
            () =>
            {
                try
                {
                    return make();
                }
                finally
                {
                    ongoing.End();
                }
            }
        );
        await ((Task)end).WaitAsync(deadline, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (end.IsCompleted || !ongoing.GiveUp())
            return new KernelAnswer<T>.Returned(await end.ConfigureAwait(false));
        cancellationToken.ThrowIfCancellationRequested();
        return new KernelAnswer<T>.GivenUp(deadline);
    }

    /// <summary>
    /// For a caller with a thread of its own: the call begins now, and ends with <see cref="Ongoing.End"/>. Null with what stands in the
    /// way.
    /// </summary>
    internal Ongoing? Begin(TCall call, out CallObstacle? obstacle)
    {
        obstacle = Obstacle(call);
        return obstacle is null ? new Ongoing(this, call, time.GetTimestamp()) : null;
    }

    private HungCall<TCall> Describe(Ongoing ongoing) => new(ongoing.Call, time.GetElapsedTime(ongoing.Since));

    /// <summary>A call that has begun.</summary>
    /// <param name="since">A timestamp of the clock.</param>
    internal sealed class Ongoing(KernelCalls<TCall> owner, TCall call, long since)
    {
        private bool _ended;

        public TCall Call => call;

        public long Since => since;

        /// <summary>Nobody waits for it any more. False when it has ended: then it came back in time.</summary>
        public bool GiveUp()
        {
            lock (owner._gate)
            {
                if (!_ended)
                    owner._hung.Add(this);
                return !_ended;
            }
        }

        /// <summary>It came back from the kernel.</summary>
        public void End()
        {
            bool late;
            lock (owner._gate)
            {
                _ended = true;
                late = owner._hung.Remove(this);
            }

            if (late)
                owner.CameBackLate?.Invoke(call);
        }
    }
}

/// <summary>A call that was given up and has not come back.</summary>
/// <param name="For">Since it began.</param>
public sealed record HungCall<TCall>(TCall Call, TimeSpan For);
