using System.Text;
using System.Text.Json;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>The journal cannot be used: the message says which file and line, and what to do.</summary>
public sealed class JournalException : Exception
{
    public JournalException()
    {
    }

    public JournalException(string message)
        : base(message)
    {
    }

    public JournalException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>
/// The write-ahead journal: one JSON object a line, synced to disk before the write that it tells of. A last line without its end is a crash while
/// writing it: the host was not touched yet, so it is dropped. Anything else that cannot be read stops the agent, because giving back would be a guess.
/// Thread-safe. One process at a time holds it, by a lock.
/// </summary>
public sealed class Journal : IDisposable
{
    public const string FileName = "journal.jsonl";
    private const int Format = 1;
    private const long CompactAbove = 1 << 20;

    private readonly Lock _gate = new();
    private readonly string _path;
    private readonly string _bootId;
    private readonly FileStream _lock;
    private FileStream _file;
    private JournalState _state;

    private Journal(string path, string bootId, FileStream lockFile, JournalState state)
    {
        (_path, _bootId, _lock, _state) = (path, bootId, lockFile, state);
        _file = Rewrite();
    }

    /// <summary>Called before a record is written and when it is on disk. What it throws stops the process there, as far as a test of crashes can tell.</summary>
    internal Action<JournalRecord, bool>? Watch { get; set; }

    /// <summary>What the records add up to now.</summary>
    public JournalState State
    {
        get
        {
            lock (_gate) return _state;
        }
    }

    /// <summary>Opens the journal of a state directory, which is made when absent. Records of an earlier boot are void: the kernel has forgotten what we did.</summary>
    /// <exception cref="JournalException">Another agent holds it, or it cannot be read.</exception>
    public static Journal Open(string directory, string bootId)
    {
        Directory.CreateDirectory(directory);
        var lockFile = Lock(directory);
        try
        {
            var path = Path.Combine(directory, FileName);
            var state = File.Exists(path) ? Read(path, File.ReadAllText(path), bootId) : JournalState.Empty;
            return new Journal(path, bootId, lockFile, state);
        }
        catch
        {
            lockFile.Dispose();
            throw;
        }
    }

    /// <summary>What a journal's text adds up to for a boot.</summary>
    /// <param name="path">Named in errors.</param>
    /// <exception cref="JournalException">A line cannot be read.</exception>
    public static JournalState Read(string path, string text, string bootId)
    {
        var state = JournalState.Empty;
        var lines = text.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var last = i == lines.Length - 1; // what follows the last line end: empty, or a line that a crash cut off
            if (last) break;
            try
            {
                var record = JournalJsonContext.Read(lines[i]) ?? throw new FormatException("the line is empty");
                if (i == 0 && record.Op != JournalOp.Open) throw new FormatException("the first line must be an Open record");
                if (record.Op != JournalOp.Open)
                {
                    state = state.With(record);
                    continue;
                }

                if (record.Format != Format) throw new FormatException($"it has format {record.Format} and this version reads {Format}: run the version that wrote it");
                if (record.BootId != bootId) return JournalState.Empty;
            }
            catch (Exception e) when (e is JsonException or FormatException)
            {
                throw new JournalException($"{path}, line {i + 1}: {e.Message.Split(" Path:")[0]}. It says how this host was before Hostdev changed it, so nothing is done without it: restore the file, or move it away to adopt the host as it is now (reboot to get the original drivers back)", e);
            }
        }

        return state;
    }

    /// <summary>Appends a record and syncs it to disk.</summary>
    /// <exception cref="IOException">It is not on disk: what it tells of must not be done.</exception>
    public void Append(JournalRecord record)
    {
        lock (_gate)
        {
            Watch?.Invoke(record, false);
            var state = _state.With(record);
            _file.Write(Encoding.UTF8.GetBytes(JournalJsonContext.Line(record) + "\n"));
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
            _file.Dispose();
            _lock.Dispose();
        }
    }

    private static FileStream Lock(string directory)
    {
        var path = Path.Combine(directory, "lock");
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new JournalException($"{path} is locked: another agent runs on this host; two would undo each other's work. Stop the other one first", e);
        }
    }

    /// <summary>Replaces the file by the shortest one of the same meaning, so that a crash leaves the old or the new one whole.</summary>
    private FileStream Rewrite()
    {
        var fresh = _path + ".new";
        using (var file = new FileStream(fresh, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            var text = new StringBuilder();
            text.Append(JournalJsonContext.Line(new JournalRecord { Op = JournalOp.Open, Format = Format, BootId = _bootId })).Append('\n');
            foreach (var record in _state.ToRecords()) text.Append(JournalJsonContext.Line(record)).Append('\n');
            file.Write(Encoding.UTF8.GetBytes(text.ToString()));
            file.Flush(flushToDisk: true);
        }

        File.Move(fresh, _path, overwrite: true);
        Host.DurableFile.SyncDirectory(Path.GetDirectoryName(_path)!);
        var result = new FileStream(_path, FileMode.Open, FileAccess.Write, FileShare.Read);
        result.Seek(0, SeekOrigin.End);
        return result;
    }
}
