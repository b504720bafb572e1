namespace Hostdev.DevicePlugin.Host;

/// <summary>
/// Reads files whose read the kernel may block for as long as somebody holds a device, each within a deadline. A read that does not come back keeps its thread (nothing can
/// cancel it), but never more than one for a file: until that one returns, later readings of the same file say so at once.
/// </summary>
/// <param name="deadline">For one call of <see cref="ReadAll"/>, however many files it names.</param>
public sealed class DeadlineReader(HostFileReader files, TimeProvider time, TimeSpan deadline)
{
    /// <summary>A read in memory takes microseconds. After this long without one finishing, another thread goes on with the files that are left.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(50);

    /// <summary>The lock that blocks one function's files blocks few others; more threads than this would only wait beside them.</summary>
    private const int MaxThreads = 16;

    private readonly Lock gate = new();
    private readonly Dictionary<string, long> outstanding = [];

    /// <summary>Called when a read comes back that had been reported as blocked: what the kernel blocked comes free without an event, and this thread has waited for it anyway.</summary>
    public Action? CameBackLate { get; set; }

    /// <summary>Files whose read has not come back yet.</summary>
    public int OutstandingReads
    {
        get
        {
            lock (gate) return outstanding.Count;
        }
    }

    /// <summary>The texts in the order of the files. A read that was not done in time is an <see cref="FileText"/> with ETIMEDOUT and a sentence.</summary>
    public IReadOnlyList<FileText> ReadAll(IReadOnlyList<BlockingFile> wanted)
    {
        if (wanted.Count == 0) return [];
        var batch = new Batch(wanted);
        StartThread(batch);
        using var patience = time.CreateTimer(_ => batch.OnPatienceOver(), null, Patience, Patience);
        using var end = time.CreateTimer(_ => batch.Close(), null, deadline, Timeout.InfiniteTimeSpan);
        while (!batch.WaitForEnd(out var stalled))
        {
            if (stalled && batch.Threads < MaxThreads) StartThread(batch);
        }

        return batch.Results(deadline);
    }

    private void StartThread(Batch batch)
    {
        batch.Threads++;
        new Thread(() => Work(batch)) { IsBackground = true, Name = "blocking reads" }.Start();
    }

    private void Work(Batch batch)
    {
        while (batch.TryTake(out var index, out var file))
        {
            var path = file.Path;
            lock (gate)
            {
                if (outstanding.TryGetValue(path, out var since))
                {
                    batch.Finish(index, Blocked($"has been blocked for {time.GetElapsedTime(since).TotalSeconds:F0} s: the kernel holds the device's lock"));
                    continue;
                }

                outstanding.Add(path, time.GetTimestamp());
            }

            var text = file.HexBytes > 0 ? files.ReadHexBlocking(path, file.HexBytes) : files.ReadTextBlocking(path);
            lock (gate) outstanding.Remove(path);
            if (!batch.Finish(index, text)) CameBackLate?.Invoke();
        }
    }

    private static FileText Blocked(string complaint) => new(null, Errno.ETIMEDOUT, complaint);

    private sealed class Batch(IReadOnlyList<BlockingFile> paths)
    {
        private readonly object pulse = new();
        private readonly FileText?[] results = new FileText?[paths.Count];
        private int next;
        private int finished;
        private int finishedAtLastLook;
        private bool stalled;
        private bool closed;

        public int Threads { get; set; }

        public bool TryTake(out int index, out BlockingFile file)
        {
            lock (pulse)
            {
                var any = !closed && next < paths.Count;
                index = any ? next++ : -1;
                file = any ? paths[index] : default;
                return any;
            }
        }

        /// <returns>False when it is too late, and the file was reported as blocked.</returns>
        public bool Finish(int index, FileText text)
        {
            lock (pulse)
            {
                if (closed) return false;
                results[index] = text;
                if (++finished == paths.Count) Monitor.PulseAll(pulse);
                return true;
            }
        }

        public void OnPatienceOver()
        {
            lock (pulse)
            {
                stalled = finished == finishedAtLastLook && next < paths.Count;
                finishedAtLastLook = finished;
                if (stalled) Monitor.PulseAll(pulse);
            }
        }

        public void Close()
        {
            lock (pulse)
            {
                closed = true;
                Monitor.PulseAll(pulse);
            }
        }

        /// <summary>True when everything is read or the time is over; false with whether no thread gets on.</summary>
        public bool WaitForEnd(out bool isStalled)
        {
            lock (pulse)
            {
                while (!closed && !stalled && finished < paths.Count) Monitor.Wait(pulse);
                isStalled = stalled;
                stalled = false;
                return closed || finished == paths.Count;
            }
        }

        public IReadOnlyList<FileText> Results(TimeSpan deadline)
        {
            lock (pulse)
            {
                closed = true;
                return [.. results.Select((text, i) => text ?? Blocked(i < next
                    ? $"is blocked: no answer within {deadline.TotalSeconds:0.#} s, the kernel holds the device's lock"
                    : $"was not read: other reads were blocked for {deadline.TotalSeconds:0.#} s"))];
            }
        }
    }
}

/// <summary>A file whose read may block.</summary>
/// <param name="HexBytes">More than 0 for a binary file: that many of its first bytes, as hexadecimal digits.</param>
public readonly record struct BlockingFile(string Path, int HexBytes = 0)
{
    public static implicit operator BlockingFile(string path) => new(path);
}
