using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace Hostdev.Kube.Control;

/// <summary>
/// Keys that want work. A key stands in it once, however often it was added; a key that is worked on is given to nobody else, and comes
/// again afterwards when it was added meanwhile (client-go <c>util/workqueue</c>). Thread-safe.
/// </summary>
public sealed class WorkQueue<TKey> : IDisposable
    where TKey : notnull
{
    private readonly Lock _gate = new();
    private readonly Channel<TKey> _ready = Channel.CreateUnbounded<TKey>();
    private readonly HashSet<TKey> _wanted = [];
    private readonly Dictionary<TKey, string?> _working = []; // with what was wanted when it was taken
    private readonly Dictionary<TKey, string> _wants = [];
    private readonly Dictionary<TKey, int> _failures = [];
    private readonly Dictionary<TKey, TimeSpan> _due = [];
    private readonly PriorityQueue<TKey, TimeSpan> _waiting = new();
    private readonly Backoff _backoff;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly long _began;
    private readonly ITimer _timer;
    private bool _stopped;

    /// <param name="backoff">For <see cref="AddAfterFailure"/>.</param>
    public WorkQueue(Backoff backoff, TimeProvider time, Random random)
    {
        (_backoff, _time, _random, _began) = (backoff, time, random, time.GetTimestamp());
        _timer = time.CreateTimer(_ => MoveDue(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Keys that could be worked on now, and are not.</summary>
    public int Depth => _ready.Reader.Count;

    /// <summary>Keys that wait for their time.</summary>
    public int Waiting
    {
        get
        {
            lock (_gate)
                return _due.Count;
        }
    }

    /// <summary>The key wants work now. Nothing happens after <see cref="Stop"/>.</summary>
    public void Add(TKey key)
    {
        lock (_gate)
        {
            if (_stopped || !_wanted.Add(key))
                return;
            if (!_working.ContainsKey(key))
                _ready.Writer.TryWrite(key);
        }
    }

    /// <summary>
    /// The key wants work now. But one that has failed, and is wanted as it was then, keeps the time that its failures gave it: whoever
    /// looks often and finds the same difference each time does not make it come sooner.
    /// </summary>
    /// <param name="want">What the work is to bring about: equal for what would be done alike. The queue only compares it.</param>
    public void Add(TKey key, string want)
    {
        lock (_gate)
        {
            if (_failures.ContainsKey(key) && _due.ContainsKey(key) && _wants.TryGetValue(key, out var failed) && failed == want)
                return;
            _wants[key] = want;
            Add(key);
        }
    }

    /// <summary>The key wants work in a while. Of several times for one key the earliest counts.</summary>
    public void AddAfter(TKey key, TimeSpan delay)
    {
        if (delay <= TimeSpan.Zero)
        {
            Add(key);
            return;
        }

        lock (_gate)
        {
            var due = Now + delay;
            if (_stopped || (_due.TryGetValue(key, out var earlier) && earlier <= due))
                return;
            _due[key] = due;
            _waiting.Enqueue(key, due);
            SetTimer();
        }
    }

    /// <summary>The key's work failed: it comes again, each time later, until <see cref="Forget"/>.</summary>
    /// <returns>In how long.</returns>
    public TimeSpan AddAfterFailure(TKey key)
    {
        TimeSpan delay;
        lock (_gate)
        {
            var failures = _failures.GetValueOrDefault(key) + 1;
            _failures[key] = failures;
            delay = _backoff.After(failures, _random);
            // It was added while it was worked on, for the same that has now failed: the retry is for that too.
            if (_working.TryGetValue(key, out var tried) && tried is not null && _wants.GetValueOrDefault(key) == tried)
                _wanted.Remove(key);
        }

        AddAfter(key, delay);
        return delay;
    }

    /// <summary>How often the key's work failed since it was forgotten.</summary>
    public int Failures(TKey key)
    {
        lock (_gate)
            return _failures.GetValueOrDefault(key);
    }

    /// <summary>The key's failures count no more.</summary>
    public void Forget(TKey key)
    {
        lock (_gate)
        {
            _failures.Remove(key);
            if (!_wanted.Contains(key))
                _wants.Remove(key);
        }
    }

    /// <summary>The next key, which is the caller's until <see cref="Done"/>. False once the queue is stopped.</summary>
    public async ValueTask<(bool Taken, TKey? Key)> TakeAsync(CancellationToken cancellationToken)
    {
        while (await _ready.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (TryTake(out var key))
                return (true, key);
        }

        return (false, default);
    }

    /// <summary>The work on a key has ended, well or not. When it was added meanwhile it is ready again.</summary>
    public void Done(TKey key)
    {
        lock (_gate)
        {
            _working.Remove(key);
            if (!_stopped && _wanted.Contains(key))
                _ready.Writer.TryWrite(key);
        }
    }

    /// <summary>Nothing is given out from now on; what is being worked on is finished by whoever does. Idempotent.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _stopped = true;
            _ready.Writer.TryComplete();
            while (_ready.Reader.TryRead(out _)) { }
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose()
    {
        Stop();
        _timer.Dispose();
    }

    private TimeSpan Now => _time.GetElapsedTime(_began);

    private bool TryTake([MaybeNullWhen(false)] out TKey key)
    {
        lock (_gate)
        {
            if (!_ready.Reader.TryRead(out key))
                return false;
            _wanted.Remove(key);
            _working[key] = _wants.GetValueOrDefault(key);
            return true;
        }
    }

    private void MoveDue()
    {
        lock (_gate)
        {
            while (!_stopped && _waiting.TryPeek(out var key, out var due) && due <= Now)
            {
                _waiting.Dequeue();
                // An earlier time for the key replaced this one, and has been.
                if (!_due.TryGetValue(key, out var current) || current != due)
                    continue;
                _due.Remove(key);
                Add(key);
            }

            SetTimer();
        }
    }

    private void SetTimer()
    {
        if (_stopped || !_waiting.TryPeek(out _, out var due))
            return;
        // A timer may come a hair early: a millisecond more saves a second round.
        var wait = due - Now;
        _timer.Change(wait > TimeSpan.Zero ? wait + TimeSpan.FromMilliseconds(1) : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }
}
