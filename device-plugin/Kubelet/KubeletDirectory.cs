namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>One making of a socket file: a socket that was deleted and made again is another one.</summary>
internal readonly record struct SocketFile(long MadeAtTicks)
{
    /// <summary>By the host's clock.</summary>
    public DateTimeOffset MadeAt => new(MadeAtTicks, TimeSpan.Zero);

    /// <summary>The file at <paramref name="path"/>, or null when there is none.</summary>
    public static SocketFile? Read(string path)
    {
        // A socket's modification time is that of its bind(2); nothing writes to the file afterwards.
        // The year 1601 is how the runtime says that the file went away in between.
        return File.Exists(path) && File.GetLastWriteTimeUtc(path) is { Year: > 1601 } madeAt ? new SocketFile(madeAt.Ticks) : null;
    }
}

/// <summary>
/// The kubelet's device plugin directory: says when something in it may have changed. Watches the directory, and its parent for the case
/// that the directory itself is deleted and made again; looks at it every few seconds besides, since a watch can be lost.
/// </summary>
internal sealed class KubeletDirectory : IAsyncDisposable
{
    private readonly TimeProvider _time;
    private readonly TimeSpan _poll;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private FileSystemWatcher? _inside;
    private FileSystemWatcher? _parent;
    private Task _polling = Task.CompletedTask;

    public KubeletDirectory(string path, TimeSpan poll, TimeProvider time)
    {
        Path = System.IO.Path.TrimEndingDirectorySeparator(path);
        KubeletSocketPath = System.IO.Path.Combine(Path, KubeletApi.KubeletSocketName);
        (_poll, _time) = (poll, time);
    }

    public string Path { get; }

    public string KubeletSocketPath { get; }

    /// <summary>Called, from any thread, when a file may have come or gone. Must not block.</summary>
    public Action? Changed { get; set; }

    /// <summary>The kubelet's socket as it is now; null while there is none.</summary>
    public SocketFile? Kubelet => SocketFile.Read(KubeletSocketPath);

    public void Start()
    {
        Watch();
        _polling = PollAsync(_stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _polling;
        lock (_gate)
        {
            _inside?.Dispose();
            _parent?.Dispose();
            (_inside, _parent) = (null, null);
        }

        _stop.Dispose();
    }

    private async Task PollAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(_poll, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                lock (_gate)
                {
                    if (_inside is null || _parent is null)
                        Watch();
                }

                Changed?.Invoke();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    private void Watch()
    {
        lock (_gate)
        {
            if (_stop.IsCancellationRequested)
                return;
            _parent ??= TryWatch(System.IO.Path.GetDirectoryName(Path), System.IO.Path.GetFileName(Path), OnDirectoryItself, LoseParent);
            _inside?.Dispose();
            _inside = TryWatch(Path, "*", () => Changed?.Invoke(), OnDirectoryItself);
        }
    }

    private void OnDirectoryItself()
    {
        Watch();
        Changed?.Invoke();
    }

    private void LoseParent()
    {
        lock (_gate)
            _parent = null;
    }

    /// <summary>A running watcher, or null when the directory is not there (yet): the poll tries again.</summary>
    private static FileSystemWatcher? TryWatch(string? directory, string filter, Action changed, Action lost)
    {
        if (directory is null || !Directory.Exists(directory))
            return null;
        try
        {
            var watcher = new FileSystemWatcher(directory, filter) { NotifyFilter = NotifyFilters.FileName | NotifyFilters.DirectoryName };
            watcher.Created += (_, _) => changed();
            watcher.Deleted += (_, _) => changed();
            watcher.Renamed += (_, _) => changed();
            watcher.Error += (_, _) => lost();
            watcher.EnableRaisingEvents = true;
            return watcher;
        }
        catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
