using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>
/// Makes single writes to sysfs, each with a deadline, because the kernel may block a write for ever (<see cref="KernelCalls{TCall}"/>). A
/// write that came too late goes on in its thread; <see cref="IsBlocked"/> tells until it has ended.
/// </summary>
public sealed class HostWriter(
    HostPaths paths,
    IHostCalls calls,
    Journal journal,
    TimeProvider time,
    KernelThreads threads,
    int mostHung = CallObstacle.MostHung
)
{
    // What began is seen through when it takes no longer than this; an agent that is asked to end may not wait for the kernel.
    private static readonly TimeSpan StopGrace = TimeSpan.FromMilliseconds(500);

    private readonly HostFileReader _files = new(paths);
    private readonly KernelCalls<FileCall> _calls = new(threads, "sysfs", time, mostHung);
    private long _writes;

    /// <summary>Called, from any thread, when a write comes back that nobody waited for any more. Must not block.</summary>
    public Action CameBackLate
    {
        set => _calls.CameBackLate = _ => value();
    }

    /// <summary>How many writes were made since the start.</summary>
    public long Writes => Interlocked.Read(ref _writes);

    /// <summary>Whether a late write to something of this function or physical function still hangs in the kernel.</summary>
    public bool IsBlocked(DeviceId device) => _calls.Hung.Any(h => h.Call.Device == device);

    /// <summary>Why nothing is written at all, as a sentence; null when nothing stands in the way of all writes.</summary>
    public string? TooManyHang => _calls.TooMany?.InWords;

    /// <summary>Writes whose deadline is over and that the kernel has not returned yet, in the order in which they began.</summary>
    public ImmutableArray<UnreturnedWrite> Unreturned =>
        [.. _calls.Hung.Where(h => h.Call.Value is not null).Select(h => new UnreturnedWrite(h.Call.Device, h.Call.File, h.For))];

    /// <summary>The kernel's log from now on: for what a driver says while a write to its device runs.</summary>
    public IKernelLog FollowLog() => calls.FollowKernelLog();

    /// <summary>Journals a write and makes it. ETIMEDOUT when it did not end by the deadline.</summary>
    /// <param name="device">What is written to, or about.</param>
    /// <exception cref="OperationCanceledException">The agent ends and the write has not returned: the next start looks at what came of
    /// it.</exception>
    public async Task<Errno> WriteAsync(
        DeviceId device,
        KernelFile file,
        string value,
        TimeSpan deadline,
        CancellationToken cancellationToken
    )
    {
        var call = new FileCall(device, file, value);
        if (_calls.Obstacle(call) is not null)
            return Errno.ETIMEDOUT;
        journal.Append(new JournalRecord.Write(file.Path, value, time.GetUtcNow()));
        Interlocked.Increment(ref _writes);
        Errno Write() =>
            file.Through is { } function ? calls.SetVf(function, file.Name, value)
            : file.Below is { } directory ? calls.WriteBelow(directory, file.Name, value)
            : calls.WriteAttribute(file.Path, value);
        return await AskAsync(call, Write, deadline, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What a file below a device's directory is and reads; ETIMEDOUT when that did not come back by the deadline.</summary>
    public async Task<BelowLook> LookAsync(DeviceId device, KernelFile file, TimeSpan deadline, CancellationToken cancellationToken)
    {
        var look = default(BelowLook);
        Errno Look()
        {
            look = file.Through is { } function ? calls.ReadVfs(function).Of(file.Name) : calls.ReadBelow(file.Below!, file.Name);
            return look.Error;
        }

        var error = await AskAsync(new FileCall(device, file, null), Look, deadline, cancellationToken).ConfigureAwait(false);
        return look with { Error = error };
    }

    /// <summary>The last part of where a link leads now; null when it is not there.</summary>
    /// <param name="path">As on the host.</param>
    public string? ReadLinkName(string path) => _files.ReadLinkName(path);

    /// <summary>An attribute's text without its line end; null when it cannot be read or not by the deadline.</summary>
    public async Task<string?> ReadAsync(DeviceId device, KernelFile file, TimeSpan deadline, CancellationToken cancellationToken)
    {
        string? text = null;
        var error = await AskAsync(new FileCall(device, file, null), () => Read(file.Path, out text), deadline, cancellationToken)
            .ConfigureAwait(false);
        return error.IsSuccess ? text : null;
    }

    /// <summary>
    /// Whether a device answers reads of its configuration space; null when the read did not come back by the deadline, which says
    /// nothing about it.
    /// </summary>
    public async Task<bool?> AnswersAsync(DeviceId device, KernelFile config, TimeSpan deadline, CancellationToken cancellationToken)
    {
        var answers = false;
        Errno Read()
        {
            answers = ConfigHeader.Answers(_files.ReadHexBlocking(config.Path, ConfigHeader.Bytes));
            return answers ? Errno.None : Errno.EIO;
        }

        var error = await AskAsync(new FileCall(device, config, null), Read, deadline, cancellationToken).ConfigureAwait(false);
        return error == Errno.ETIMEDOUT ? null : error.IsSuccess && answers;
    }

    private Errno Read(string path, out string? text)
    {
        var read = _files.ReadTextBlocking(path);
        text = read.Text;
        return text is null ? Errno.EIO : Errno.None;
    }

    private async Task<Errno> AskAsync(FileCall call, Func<Errno> make, TimeSpan deadline, CancellationToken cancellationToken)
    {
        using var stop = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        using var stopping = cancellationToken.Register(() => stop.CancelAfter(StopGrace));
        return await _calls.AskAsync(call, make, deadline, stop.Token).ConfigureAwait(false) is KernelAnswer<Errno>.Returned returned
            ? returned.Value
            : Errno.ETIMEDOUT;
    }

    /// <param name="Value">What is written; null when the file is only read.</param>
    private sealed record FileCall(DeviceId Device, KernelFile File, string? Value)
    {
        public override string ToString() => Value is null ? $"reading {File}" : $"writing {Value.Trim()} to {File}";
    }
}
