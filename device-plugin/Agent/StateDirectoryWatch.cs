using Hostdev.DevicePlugin.Applying;

namespace Hostdev.DevicePlugin.Agent;

/// <summary>
/// Tells when an admin lays a hand on the state directory: the break-glass file comes, changes or goes, or the record of boots is removed.
/// </summary>
internal sealed class StateDirectoryWatch : IDisposable
{
    private readonly FileSystemWatcher _watcher;

    public StateDirectoryWatch(string directory, Action changed)
    {
        _watcher = new FileSystemWatcher(directory)
        {
            NotifyFilter = NotifyFilters.FileName | NotifyFilters.DirectoryName | NotifyFilters.LastWrite,
        };
        void Seen(string? name, bool gone)
        {
            // The record of boots is written by the agent itself; only its end is news.
            if (name == BreakGlassFile.FileName || (gone && name == BootRecord.FileName))
                changed();
        }

        _watcher.Created += (_, e) => Seen(e.Name, gone: false);
        _watcher.Changed += (_, e) => Seen(e.Name, gone: false);
        _watcher.Deleted += (_, e) => Seen(e.Name, gone: true);
        _watcher.Renamed += (_, e) =>
        {
            Seen(e.OldName, gone: true);
            Seen(e.Name, gone: false);
        };
        _watcher.EnableRaisingEvents = true;
    }

    public void Dispose() => _watcher.Dispose();
}
