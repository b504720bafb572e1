using Hostdev.Crds.Kinds;
using Microsoft.Extensions.Logging;

namespace Hostdev.DevicePlugin.Following;

/// <summary>
/// Follows a file with the desired state. It is read when it has stopped changing; a missing, empty, cut-off or unreadable one changes
/// nothing and is said once. Best replaced by renaming a finished file over it.
/// </summary>
public sealed partial class DesiredFile(string path, TimeProvider time, ILogger<DesiredFile> logger) : IDesiredSource
{
    // Long enough that a file written in several pieces is whole, short enough to feel immediate.
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(300);

    private readonly string _path = Path.GetFullPath(path);
    private readonly SemaphoreSlim _changed = new(1, 1);
    private FileSystemWatcher? _watcher;
    private string? _last;

    public string Description => _path;

    /// <summary>The most that is read of it, in bytes: a spec of the API server is not larger than 1 MiB.</summary>
    public const int MostBytes = 4 << 20;

    /// <summary>The text of a desired state, as run and plan take it in.</summary>
    /// <exception cref="IOException">It cannot be read, or is larger than <see cref="MostBytes"/>.</exception>
    public static string ReadText(string path)
    {
        using var file = File.OpenRead(path);
        // One byte more than there should be: a file may grow meanwhile, and a pipe has no length.
        var buffer = new byte[(int)Math.Min(file.CanSeek ? file.Length : MostBytes, MostBytes) + 1];
        var length = file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        if (length > MostBytes)
            throw new IOException($"{path} is larger than {MostBytes >> 20} MiB, which no desired state is: name the right file");
        if (length == buffer.Length)
            throw new IOException($"{path} grows while it is read: write it beside and rename it");
        using var reader = new StreamReader(new MemoryStream(buffer, 0, length));
        return reader.ReadToEnd();
    }

    /// <summary>Reads once, without waiting.</summary>
    /// <returns>Whether something is new: the state in force, or the problem.</returns>
    public bool Read(DesiredState state)
    {
        var news = TryRead(out var text, out var unread) ? Take(state, text) : state.Refuse(unread);
        if (!news)
            return false;
        if (state.Problem is { } problem)
            NotFollowed(logger, problem);
        else
        {
            var frozen = (state.Policies ?? []).Select(p => p.Frozen).OfType<DesiredPolicy.Frozen>();
            foreach (var policy in frozen)
                NotUnderstood(logger, _path, policy.Message);
        }

        return true;
    }

    /// <summary>Waits for the next change of the file and takes it in; returns when something is new.</summary>
    public async Task NextAsync(DesiredState state, CancellationToken cancellationToken)
    {
        Watch();
        while (true)
        {
            // The slow look is the safety net for watchers that miss things (network file systems, a replaced directory).
            await _changed.WaitAsync(TimeSpan.FromSeconds(30), cancellationToken).ConfigureAwait(false);
            await SettledAsync(cancellationToken).ConfigureAwait(false);
            if (Read(state))
                return;
        }
    }

    public void Dispose()
    {
        _watcher?.Dispose();
        _changed.Dispose();
    }

    private bool Take(DesiredState state, string text)
    {
        if (text == _last && state.Problem is null)
            return false;
        _last = text;
        return state.Offer(_path, text);
    }

    private bool TryRead(out string text, out string problem)
    {
        (text, problem) = ("", "");
        try
        {
            if (!File.Exists(_path))
            {
                problem =
                    $"{_path} does not exist: what was in force stays; write the desired state there, or \"policies: "
                    + "[]\" to give everything back";
                return false;
            }

            text = ReadText(_path);
            var end = text.TrimEnd(' ', '\t', '\r');
            if (end.Length == 0 || end[^1] is '\n' or '}')
                return true;
            problem = $"{_path} does not end with a line end: it seems to be cut off, and what was in force stays; finish the file";
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problem = $"{_path} cannot be read ({e.Message}): what was in force stays";
            return false;
        }
    }

    private async Task SettledAsync(CancellationToken cancellationToken)
    {
        var before = Stamp();
        while (true)
        {
            await Task.Delay(Settle, time, cancellationToken).ConfigureAwait(false);
            var now = Stamp();
            if (now == before)
                return;
            before = now;
        }
    }

    private (DateTime Written, long Length) Stamp()
    {
        var file = new FileInfo(_path);
        return file.Exists ? (file.LastWriteTimeUtc, file.Length) : (default, -1);
    }

    private void Watch()
    {
        var directory = Path.GetDirectoryName(_path)!;
        if (_watcher is not null || !Directory.Exists(directory))
            return;
        _watcher = new FileSystemWatcher(directory)
        {
            NotifyFilter = NotifyFilters.FileName | NotifyFilters.LastWrite | NotifyFilters.Size | NotifyFilters.DirectoryName,
        };
        _watcher.Changed += Wake;
        _watcher.Created += Wake;
        _watcher.Deleted += Wake;
        _watcher.Renamed += Wake;
        _watcher.EnableRaisingEvents = true;
    }

    // Any change in the directory counts: a ConfigMap volume replaces a symbolic link beside the file, never the file.
    private void Wake(object sender, FileSystemEventArgs e)
    {
        try
        {
            _changed.Release();
        }
        catch (Exception x) when (x is SemaphoreFullException or ObjectDisposedException)
        {
            // A wake-up is pending already, or nobody waits any more.
        }
    }

    [LoggerMessage(EventId = 1101, Level = LogLevel.Warning, Message = "the desired state is not followed: {Problem}")]
    private static partial void NotFollowed(ILogger logger, string problem);

    [LoggerMessage(
        EventId = 1102,
        Level = LogLevel.Warning,
        Message = "a policy of {File} is not understood, and nothing of it is changed: {Problem}"
    )]
    private static partial void NotUnderstood(ILogger logger, string file, string problem);
}
