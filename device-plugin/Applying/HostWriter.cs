using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>
/// Makes single writes to sysfs, each on a thread of its own with a deadline, because the kernel may block a write for ever and then
/// nothing can wake it. A write that came too late goes on in its thread; <see cref="IsBlocked"/> tells until it has ended.
/// </summary>
public sealed class HostWriter(HostPaths paths, IHostCalls calls, Journal journal, TimeProvider time, Workers workers)
{
    // What began is seen through when it takes no longer than this; an agent that is asked to end may not wait for the kernel.
    private static readonly TimeSpan StopGrace = TimeSpan.FromMilliseconds(500);

    private readonly ConcurrentDictionary<string, LateCall> _late = new(StringComparer.Ordinal);
    private long _writes;

    /// <summary>How many writes were made since the start.</summary>
    public long Writes => Interlocked.Read(ref _writes);

    /// <summary>Whether a late write to something of this function or physical function still hangs in the kernel.</summary>
    public bool IsBlocked(DeviceId device) => _late.Values.Any(l => l.Device == device);

    /// <summary>Writes whose deadline is over and that the kernel has not returned yet, in the order in which they began.</summary>
    public ImmutableArray<UnreturnedWrite> Unreturned =>
        [
            .. _late
                .Values.Where(l => l.Value is not null)
                .OrderBy(l => l.Since)
                .Select(l => new UnreturnedWrite(l.Device, l.Path, time.GetElapsedTime(l.Since))),
        ];

    /// <summary>The kernel's log from now on: for what a driver says while a write to its device runs.</summary>
    public IKernelLog FollowLog() => calls.FollowKernelLog();

    /// <summary>Journals a write and makes it. ETIMEDOUT when it did not end by the deadline.</summary>
    /// <param name="device">What is written to, or about.</param>
    /// <exception cref="OperationCanceledException">The agent ends and the write has not returned: the next start looks at what came of
    /// it.</exception>
    public async Task<Errno> WriteAsync(DeviceId device, string path, string value, TimeSpan deadline, CancellationToken cancellationToken)
    {
        if (_late.ContainsKey(Key(path, value)))
            return Errno.ETIMEDOUT;
        journal.Append(new JournalRecord.Write(path, value));
        Interlocked.Increment(ref _writes);
        return await OnThread(device, path, value, () => calls.WriteAttribute(path, value), deadline, cancellationToken)
            .ConfigureAwait(false);
    }

    /// <summary>The driver a function is bound to now; null when none.</summary>
    public string? ReadDriver(PciAddress address) =>
        new DirectoryInfo(paths.Resolve($"/sys/bus/pci/devices/{address}/driver")).LinkTarget is { } target
            ? Path.GetFileName(target)
            : null;

    /// <summary>An attribute's text without its line end; null when it cannot be read or not by the deadline.</summary>
    public async Task<string?> ReadAsync(DeviceId device, string path, TimeSpan deadline, CancellationToken cancellationToken)
    {
        string? text = null;
        var error = await OnThread(device, path, null, () => Read(path, out text), deadline, cancellationToken).ConfigureAwait(false);
        return error.IsSuccess ? text : null;
    }

    /// <summary>
    /// Whether a function answers reads of its configuration space; null when the read did not come back by the deadline, which says
    /// nothing about it.
    /// </summary>
    public async Task<bool?> AnswersAsync(PciAddress address, TimeSpan deadline, CancellationToken cancellationToken)
    {
        var answers = false;
        var path = PciPaths.Attribute(address, "config");
        Errno Read()
        {
            answers = ConfigHeader.Answers(new HostFileReader(paths).ReadHexBlocking(path, ConfigHeader.Bytes));
            return answers ? Errno.None : Errno.EIO;
        }

        var error = await OnThread(address, path, null, Read, deadline, cancellationToken).ConfigureAwait(false);
        return error == Errno.ETIMEDOUT ? null : error.IsSuccess && answers;
    }

    private Errno Read(string path, out string? text)
    {
        text = null;
        try
        {
            text = File.ReadAllText(paths.Resolve(path)).TrimEnd('\n');
            return Errno.None;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Errno.EIO;
        }
    }

    /// <param name="value">What is written; null when the file is only read.</param>
    private async Task<Errno> OnThread(
        DeviceId device,
        string path,
        string? value,
        Func<Errno> call,
        TimeSpan deadline,
        CancellationToken cancellationToken
    )
    {
        var began = time.GetTimestamp();
        var done = new TaskCompletionSource<Errno>(TaskCreationOptions.RunContinuationsAsynchronously);
        workers.RunCall(() => Run(call, done));
        using var stop = new CancellationTokenSource();
        using var stopping = cancellationToken.Register(() => stop.CancelAfter(StopGrace));
        try
        {
            return await done.Task.WaitAsync(deadline, time, stop.Token).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            var what = Key(path, value);
            _late[what] = new LateCall(device, path, value, began);
            _ = done.Task.ContinueWith(
                _ => _late.TryRemove(what, out LateCall? _),
                CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default
            );
            return Errno.ETIMEDOUT;
        }
    }

    private static string Key(string path, string? value) => value is null ? path : $"{path} {value}";

    private static void Run(Func<Errno> call, TaskCompletionSource<Errno> done)
    {
        try
        {
            done.SetResult(call());
        }
#pragma warning disable CA1031 // The exception belongs to whoever awaits the write, not to this thread.
        catch (Exception e)
#pragma warning restore CA1031
        {
            done.SetException(e);
        }
    }

    /// <param name="Value">What is written; null when the file is only read.</param>
    /// <param name="Since">A timestamp of the clock.</param>
    private sealed record LateCall(DeviceId Device, string Path, string? Value, long Since);
}

/// <summary>Where the kernel's PCI attributes are (kernel <c>Documentation/ABI/testing/sysfs-bus-pci</c>).</summary>
internal static class PciPaths
{
    public const string DriversProbe = "/sys/bus/pci/drivers_probe";

    public static string Attribute(PciAddress address, string name) =>
        string.Create(CultureInfo.InvariantCulture, $"/sys/bus/pci/devices/{address}/{name}");

    public static string Unbind(string driver) => $"/sys/bus/pci/drivers/{driver}/unbind";
}
