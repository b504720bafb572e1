namespace Hostdev.DevicePlugin.Host;

/// <summary>
/// Reads files whose read the kernel may block for as long as somebody holds a device, each within a deadline. A read that does not come
/// back keeps its thread (nothing can cancel it), but never more than one for a file: until that one returns, later readings of the same
/// file say so at once. A busy machine is not a kernel that blocks: while a thread of ours waits for the processor and not for the kernel,
/// the time that passes is ours, and more is given.
/// </summary>
/// <param name="deadline">For one call of <see cref="ReadAll"/>, however many files it names; up to <see cref="MostDeadlines"/> times that
/// on a busy machine.</param>
/// <param name="threads">By default the threads of this process.</param>
/// <param name="mostHung">With so many reads hanging no more files are read.</param>
public sealed class DeadlineReader(
    HostFileReader files,
    TimeProvider time,
    TimeSpan deadline,
    IReaderThreads? threads = null,
    int mostHung = CallObstacle.MostHung
)
{
    /// <summary>How many deadlines a machine is given that has no time for our threads.</summary>
    public const int MostDeadlines = 15;

    /// <summary>
    /// A read in memory takes microseconds. After this long without one finishing, another thread goes on with the files that are left.
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(50);

    /// <summary>The lock that blocks one function's files blocks few others; more threads than this would only wait beside them.</summary>
    private const int MaxThreads = 16;

    private const string ThreadName = "blocking reads";

    private readonly IReaderThreads threads = threads ?? new ReaderThreads();
    private readonly KernelCalls<string> reads = new(KernelThreads.Own, ThreadName, time, mostHung);

    /// <summary>Called when a read comes back that had been reported as blocked.</summary>
    public Action? CameBackLate
    {
        get;
        set
        {
            field = value;
            reads.CameBackLate = _ => value?.Invoke();
        }
    }

    /// <summary>Files whose read was given up and has not come back yet.</summary>
    public int OutstandingReads => reads.Hung.Length;

    /// <summary>
    /// The texts in the order of the files. A read that was not done in time is an <see cref="FileText"/> with ETIMEDOUT and a sentence.
    /// </summary>
    public IReadOnlyList<FileText> ReadAll(IReadOnlyList<BlockingFile> wanted)
    {
        if (wanted.Count == 0)
            return [];
        var batch = new Batch(wanted, reads, threads);
        StartThread(batch);
        using var patience = time.CreateTimer(_ => batch.OnPatienceOver(), null, Patience, Patience);
        using var end = time.CreateTimer(_ => batch.OnDeadline(), null, deadline, deadline);
        while (!batch.WaitForEnd(out var stalled))
        {
            if (stalled && batch.Threads < MaxThreads)
                StartThread(batch);
        }

        return batch.Results(deadline);
    }

    private void StartThread(Batch batch)
    {
        batch.Starting();
        KernelThreads.Own.Start(ThreadName, () => Work(batch));
    }

    private void Work(Batch batch)
    {
        var thread = threads.Current;
        batch.Started();
        while (batch.TryTake(thread) is var (index, file, read))
        {
            batch.Finish(index, file.HexBytes > 0 ? files.ReadHexBlocking(file.Path, file.HexBytes) : files.ReadTextBlocking(file.Path));
            read.End();
        }
    }

    private static FileText NotBegun(CallObstacle obstacle) =>
        Blocked(
            obstacle is CallObstacle.Hangs hangs
                ? $"has been blocked for {hangs.For.TotalSeconds:F0} s: the kernel holds the device's lock"
                : $"was not read: {obstacle.InWords}"
        );

    private static FileText Blocked(string complaint) => new(null, Errno.ETIMEDOUT, complaint);

    private sealed class Batch(IReadOnlyList<BlockingFile> paths, KernelCalls<string> reads, IReaderThreads threads)
    {
        private readonly object pulse = new();
        private readonly FileText?[] results = new FileText?[paths.Count];
        private readonly Dictionary<int, (int Thread, KernelCalls<string>.Ongoing Read)> reading = []; // by the index of the file
        private int notYetStarted;
        private int deadlines;
        private int next;
        private int finished;
        private int finishedAtLastLook;
        private bool stalled;
        private bool closed;

        public int Threads { get; private set; }

        public void Starting()
        {
            Threads++;
            lock (pulse)
                notYetStarted++;
        }

        public void Started()
        {
            lock (pulse)
                notYetStarted--;
        }

        /// <summary>The next file to read, begun; null when there is none. What cannot be begun is reported so.</summary>
        public (int Index, BlockingFile File, KernelCalls<string>.Ongoing Read)? TryTake(int thread)
        {
            lock (pulse)
            {
                while (!closed && next < paths.Count)
                {
                    var (index, file) = (next, paths[next++]);
                    if (reads.Begin(file.Path, out var obstacle) is { } read)
                    {
                        reading.Add(index, (thread, read));
                        return (index, file, read);
                    }

                    Enter(index, NotBegun(obstacle!));
                }

                return null;
            }
        }

        /// <summary>When it is too late the file was reported as blocked, and that stays.</summary>
        public void Finish(int index, FileText text)
        {
            lock (pulse)
            {
                if (!closed)
                    Enter(index, text);
            }
        }

        public void OnPatienceOver()
        {
            lock (pulse)
            {
                stalled = finished == finishedAtLastLook && next < paths.Count;
                finishedAtLastLook = finished;
                if (stalled)
                    Monitor.PulseAll(pulse);
            }
        }

        public void OnDeadline()
        {
            lock (pulse)
            {
                if (++deadlines < MostDeadlines && IsOursToWaitFor())
                    return;
                Close();
                Monitor.PulseAll(pulse);
            }
        }

        /// <summary>True when everything is read or the time is over; false with whether no thread gets on.</summary>
        public bool WaitForEnd(out bool isStalled)
        {
            lock (pulse)
            {
                while (!closed && !stalled && finished < paths.Count)
                    Monitor.Wait(pulse);
                isStalled = stalled;
                stalled = false;
                return closed || finished == paths.Count;
            }
        }

        public IReadOnlyList<FileText> Results(TimeSpan deadline)
        {
            lock (pulse)
            {
                Close();
                var waited = (deadline * Math.Max(1, deadlines)).TotalSeconds;
                return [.. results.Select((text, i) => text ?? Blocked(Complaint(i, waited)))];
            }
        }

        private void Enter(int index, FileText text)
        {
            reading.Remove(index);
            results[index] = text;
            if (++finished == paths.Count)
                Monitor.PulseAll(pulse);
        }

        private void Close()
        {
            if (closed)
                return;
            closed = true;
            foreach (var (_, read) in reading.Values)
                read.GiveUp();
        }

        /// <summary>
        /// Whether what is not read yet waits for the processor: a thread that has not begun, or one that is not in the kernel.
        /// </summary>
        private bool IsOursToWaitFor() => notYetStarted > 0 || reading.Values.Any(r => !threads.IsInKernel(r.Thread));

        private string Complaint(int index, double waited)
        {
            var ours = reading.TryGetValue(index, out var it) ? !threads.IsInKernel(it.Thread) : notYetStarted > 0;
            if (ours)
                return $"was not read within {waited:0.#} s: this machine is too busy";
            return index < next
                ? $"is blocked: no answer within {waited:0.#} s, the kernel holds the device's lock"
                : $"was not read: other reads were blocked for {waited:0.#} s";
        }
    }
}

/// <summary>A file whose read may block.</summary>
/// <param name="HexBytes">More than 0 for a binary file: that many of its first bytes, as hexadecimal digits.</param>
public readonly record struct BlockingFile(string Path, int HexBytes = 0)
{
    public static implicit operator BlockingFile(string path) => new(path);
}
