namespace Hostdev.DevicePlugin.Host;

/// <summary>
/// Many calls, made one after the other on one thread, of which any may hang: the one that does not get on is given up and keeps that
/// thread, and another thread goes on with the next. What hangs is not begun again by a later series until it has come back
/// (<see cref="KernelCalls{TCall}"/>).
/// </summary>
/// <param name="patience">How long nothing at all may come from a call. It is given up after that time, or up to twice that.</param>
internal sealed class CallSeries<TCall>(KernelCalls<TCall> calls, KernelThreads threads, string name, TimeProvider time, TimeSpan patience)
    where TCall : notnull
{
    /// <summary>What became of each, in the order in which they are wanted.</summary>
    /// <param name="make">Made on another thread, and calls what it is given whenever it gets on.</param>
    public IReadOnlyList<KernelAnswer<T>> MakeAll<T>(IReadOnlyList<TCall> wanted, Func<TCall, Action, T> make)
    {
        var answers = new KernelAnswer<T>[wanted.Count];
        for (var next = 0; next < wanted.Count; )
        {
            var stretch = new Stretch<T>(calls, wanted, answers, make, next);
            next = Follow(stretch, threads.CallAsync(name, stretch.Run));
        }

        return answers;
    }

    /// <summary>Until all are made or one hangs; returns which is next.</summary>
    private int Follow<T>(Stretch<T> stretch, Task<int> end)
    {
        for (var seen = -1L; ; )
        {
            ((Task)end).WaitAsync(patience, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing).GetAwaiter().GetResult();
            if (end.IsCompleted)
                return end.GetAwaiter().GetResult();
            if (stretch.HasHungSince(ref seen, patience) is { } next)
                return next;
        }
    }

    /// <summary>What one thread makes.</summary>
    private sealed class Stretch<T>(
        KernelCalls<TCall> calls,
        IReadOnlyList<TCall> wanted,
        KernelAnswer<T>[] answers,
        Func<TCall, Action, T> make,
        int first
    )
    {
        private readonly Lock _gate = new();
        private KernelCalls<TCall>.Ongoing? _ongoing;
        private int _index;
        private long _steps;
        private bool _closed;

        public int Run()
        {
            for (var i = first; i < wanted.Count; i++)
            {
                if (!TryBegin(i, out var ongoing))
                    return i;
                if (ongoing is null)
                    continue;
                try
                {
                    var value = make(wanted[i], () => Interlocked.Increment(ref _steps));
                    lock (_gate)
                    {
                        if (!_closed)
                            answers[i] = new KernelAnswer<T>.Returned(value);
                        _ongoing = null;
                    }
                }
                finally
                {
                    ongoing.End();
                }
            }

            return wanted.Count;
        }

        /// <summary>The index of the one after a call that got no further since this was asked before; null where none hangs.</summary>
        public int? HasHungSince(ref long seen, TimeSpan patience)
        {
            lock (_gate)
            {
                var now = Interlocked.Read(ref _steps);
                if (now != seen || _ongoing is null)
                {
                    seen = now;
                    return null;
                }

                _closed = true;
                _ongoing.GiveUp();
                answers[_index] = new KernelAnswer<T>.GivenUp(patience);
                return _index + 1;
            }
        }

        private bool TryBegin(int index, out KernelCalls<TCall>.Ongoing? ongoing)
        {
            lock (_gate)
            {
                ongoing = null;
                if (_closed)
                    return false;
                _ongoing = ongoing = calls.Begin(wanted[index], out var obstacle);
                if (ongoing is null)
                    answers[index] = new KernelAnswer<T>.NotBegun(obstacle!);
                _index = index;
                Interlocked.Increment(ref _steps);
                return true;
            }
        }
    }
}
