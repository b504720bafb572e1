using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>The journal cannot be used: the message says which file and line, and what to do.</summary>
public sealed class JournalException : Exception
{
    public JournalException() { }

    public JournalException(string message)
        : base(message) { }

    public JournalException(string message, Exception innerException)
        : base(message, innerException) { }
}

/// <summary>
/// The write-ahead journal: one JSON object a line, synced to disk before the write that it tells of. A last line without its end is a
/// crash while writing it: the host was not touched yet, so it is dropped. Anything else that cannot be read is <see cref="Damage"/>:
/// giving back would be a guess, so then nothing is written, neither to the host nor to the file. Thread-safe. One process at a time holds
/// it, by a lock.
/// </summary>
public sealed class Journal : IDisposable
{
    public const string FileName = "journal.jsonl";
    private const int Format = 1;
    private const long CompactAbove = 1 << 20;

    private readonly Lock _gate = new();
    private readonly string _path;
    private readonly string _bootId;
    private readonly HostLock _lock;
    private FileStream? _file;
    private JournalState _state;

    private Journal(string path, string bootId, HostLock lockFile, JournalState state, string? damage)
    {
        (_path, _bootId, _lock, _state, Damage) = (path, bootId, lockFile, state, damage);
        if (damage is null)
            _file = Rewrite();
    }

    /// <summary>
    /// Called before a record is written and when it is on disk. What it throws stops the process there, as far as a test of crashes can
    /// tell.
    /// </summary>
    internal Action<JournalRecord, bool>? Watch { get; set; }

    /// <summary>
    /// Why the file could not be read, with file, line and remedy; null as a rule. While it is there <see cref="State"/> is empty and
    /// nothing may be appended.
    /// </summary>
    public string? Damage { get; }

    /// <summary>What the records add up to now.</summary>
    public JournalState State
    {
        get
        {
            lock (_gate)
                return _state;
        }
    }

    /// <summary>
    /// Opens the journal of a state directory, which is made when absent. Records of an earlier boot are void, because the kernel has
    /// forgotten what we did; that it was ours is remembered (<see cref="JournalState.InForceBefore"/>).
    /// </summary>
    /// <exception cref="JournalException">Another agent holds it.</exception>
    public static Journal Open(string directory, string bootId)
    {
        DurableFile.MakePrivateDirectory(directory, FileName);
        var lockFile = Lock(directory);
        try
        {
            var path = Path.Combine(directory, FileName);
            return TryRead(path, bootId, out var state, out var damage)
                ? new Journal(path, bootId, lockFile, state, null)
                : new Journal(path, bootId, lockFile, JournalState.Empty, damage);
        }
        catch
        {
            lockFile.Dispose();
            throw;
        }
    }

    /// <summary>
    /// What a journal adds up to for a boot, as far as it goes; else why it cannot be read, with the remedy. One that is not there is
    /// empty.
    /// </summary>
    public static bool TryRead(string path, string bootId, out JournalState state, out string damage)
    {
        (state, damage) = (JournalState.Empty, "");
        try
        {
            if (File.Exists(path))
                state = Read(path, File.ReadAllText(path), bootId);
            return true;
        }
        catch (JournalException e)
        {
            damage = e.Message;
            return false;
        }
    }

    /// <summary>What a journal's text adds up to for a boot.</summary>
    /// <param name="path">Named in errors.</param>
    /// <exception cref="JournalException">A line cannot be read.</exception>
    public static JournalState Read(string path, string text, string bootId)
    {
        var state = JournalState.Empty;
        var earlierBoot = false;
        var lines = text.Split('\n');
        // it is made whole, and then only grows
        if (lines.Length < 2)
            throw Unreadable(path, 1, "it is cut off before the end of its first line", null);
        for (var i = 0; i < lines.Length; i++)
        {
            var last = i == lines.Length - 1; // what follows the last line end: empty, or a line that a crash cut off
            if (last)
                break;
            try
            {
                var record = JournalLine.Read(lines[i]);
                if (record is JournalRecord.Open open)
                {
                    if (open.Format != Format)
                        throw new FormatException(
                            $"it has format {open.Format} and this version reads {Format}: run the version that wrote it"
                        );
                    earlierBoot = open.BootId != bootId;
                }
                else if (i == 0)
                    throw new FormatException("the first line must be an Open record");

                state = state.With(record);
            }
            catch (Exception e) when (e is JsonException or FormatException)
            {
                if (earlierBoot)
                    break; // only a list of what was in force is taken from it, and what is not on it waits to be confirmed
                throw Unreadable(path, i + 1, JsonWords.Of(e), e);
            }
        }

        return earlierBoot ? state.AfterBoot() : state;
    }

    private static JournalException Unreadable(string path, int line, string what, Exception? cause) =>
        new(
            $"{path}, line {line}: {what}. It says how this host was before Hostdev changed it, so nothing is done "
                + "without it: restore the file, or move it away to adopt the host as it is now (reboot to get the "
                + "original drivers back), and restart the agent",
            cause!
        );

    /// <summary>Whether an agent has the journal of this directory now.</summary>
    public static bool IsOpen(string directory) => HostLock.IsHeld(LockPath(directory));

    /// <summary>
    /// What was written to a device's files, or about it, in this boot, as far as the journal still has it: the last of it, in order, as
    /// lines. Empty where the journal cannot be read.
    /// </summary>
    public static ImmutableArray<string> WritesAbout(DeviceId device, string directory, string bootId, int most = 12)
    {
        var path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
            return [];
        try
        {
            var records = File.ReadAllText(path).Split('\n')[..^1].Select(JournalLine.Read).ToList();
            return records is [JournalRecord.Open open, ..] && open.BootId == bootId
                ? [.. records.OfType<JournalRecord.Write>().Where(w => IsAbout(w, device)).TakeLast(most).Select(InWords)]
                : [];
        }
        catch (Exception e) when (e is JsonException or FormatException or IOException or UnauthorizedAccessException)
        {
            return []; // that it is damaged is said as what stops everything
        }
    }

    private static bool IsAbout(JournalRecord.Write write, DeviceId device) =>
        device.IsNamedIn(write.Path) || device.IsNamedIn(write.Value);

    private static string InWords(JournalRecord.Write write)
    {
        var at = write.At is { } time ? time.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture) : "at a time not recorded";
        return $"{at}: {write.Path} <- {(write.Value == "\n" ? "a newline" : write.Value.TrimEnd('\n'))}";
    }

    /// <summary>Appends a record and syncs it to disk.</summary>
    /// <exception cref="JournalException">It is damaged.</exception>
    /// <exception cref="IOException">It is not on disk: what it tells of must not be done.</exception>
    public void Append(JournalRecord record)
    {
        lock (_gate)
        {
            if (_file is null)
                throw new JournalException(Damage!);
            Watch?.Invoke(record, false);
            var state = _state.With(record);
            _file.Write(Encoding.UTF8.GetBytes(JournalLine.Write(record) + "\n"));
            _file.Flush(flushToDisk: true);
            _state = state;
            Watch?.Invoke(record, true);
            if (_file.Length > CompactAbove)
            {
                _file.Dispose();
                _file = Rewrite();
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _file?.Dispose();
            _lock.Dispose();
        }
    }

    private static string LockPath(string directory) => Path.Combine(directory, "lock");

    private static HostLock Lock(string directory)
    {
        var path = LockPath(directory);
        if (HostLock.TryTake(path, out var error) is not { } held)
        {
            throw new JournalException(
                error == Errno.EAGAIN
                    ? $"{path} is locked: another agent{Holder(path)} runs on this host; two would undo each other's work. "
                        + "Stop the other one first"
                    : $"{path} cannot be locked ({error}): the agent must be root, and the directory must be writable"
            );
        }

        DurableFile.Replace(path + ".pid", $"{Environment.ProcessId}\n");
        return held;
    }

    private static string Holder(string path)
    {
        try
        {
            return int.TryParse(File.ReadAllText(path + ".pid"), out var pid) ? $" (process {pid})" : "";
        }
        catch (IOException)
        {
            return "";
        }
    }

    /// <summary>Replaces the file by the shortest one of the same meaning, so that a crash leaves the old or the new one whole.</summary>
    private FileStream Rewrite()
    {
        var records = _state.ToRecords().Prepend(new JournalRecord.Open(Format, _bootId));
        DurableFile.Replace(_path, string.Concat(records.Select(r => JournalLine.Write(r) + "\n")));
        var result = new FileStream(_path, FileMode.Open, FileAccess.Write, FileShare.Read);
        result.Seek(0, SeekOrigin.End);
        return result;
    }
}
