using System.Collections.Immutable;
using System.Threading.Channels;

namespace Hostdev.Sandbox.ApiServer.Storage;

/// <summary>
/// One resource's changes within the window, each with the state it led to, and who watches. Not thread-safe: the store's lock covers it.
/// </summary>
internal sealed class ResourceHistory
{
    private readonly Dictionary<string, HashSet<ChannelWriter<StoreEvent>>> _byName = [];
    private readonly HashSet<ChannelWriter<StoreEvent>> _all = [];
    private readonly Queue<(StoreEvent Change, Snapshot After)> _changes = [];
    private Snapshot _base = Snapshot.Empty;

    public Snapshot Current { get; private set; } = Snapshot.Empty;

    public void Record(StoreEvent change, ImmutableSortedDictionary<string, StoredObject> objects)
    {
        Current = new Snapshot(change.Revision, objects);
        _changes.Enqueue((change, Current));
        foreach (var writer in _all)
            writer.TryWrite(change);
        if (!_byName.TryGetValue(change.Object!.Name, out var watchers))
            return;
        foreach (var writer in watchers)
            writer.TryWrite(change);
        if (watchers.Count == 0)
            _byName.Remove(change.Object.Name);
    }

    /// <summary>The oldest change goes out of the window; its revision.</summary>
    public long Forget()
    {
        var (change, after) = _changes.Dequeue();
        _base = after;
        return change.Revision;
    }

    /// <summary>The state at a revision that is not compacted.</summary>
    public Snapshot At(long revision)
    {
        var at = _base;
        foreach (var (change, after) in _changes)
        {
            if (change.Revision > revision)
                break;
            at = after;
        }

        return at;
    }

    public IEnumerable<StoreEvent> After(long revision) =>
        Current.Revision <= revision ? [] : _changes.Select(c => c.Change).SkipWhile(c => c.Revision <= revision);

    public HashSet<ChannelWriter<StoreEvent>> Watchers(string? name)
    {
        if (name is null)
            return _all;
        if (!_byName.TryGetValue(name, out var watchers))
            _byName[name] = watchers = [];
        return watchers;
    }
}
