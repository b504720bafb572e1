using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace Hostdev.Sandbox.ApiServer.Storage;

/// <summary>
/// What etcd and the watch cache are to the real server: one revision counter over all resources, every object immutable at its revision, a
/// window of history from which watches resume and old lists are read. Everything before the window is gone
/// (<see cref="CompactedRevision"/>). Reads take no copy; a change costs the logarithm of its resource's size and one queue entry for each
/// watch that may want it.
/// </summary>
/// <param name="window">How many changes, over all resources, the history keeps.</param>
internal sealed class ObjectStore(int window)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<StorageKey, ResourceHistory> _resources = [];
    private readonly Queue<ResourceHistory> _order = [];
    private long _revision = 1;

    /// <summary>Called for every change in order, and under the store's lock: note it down and return.</summary>
    public Action<StorageKey, StoreEvent>? OnChanged { get; set; }

    public long Revision
    {
        get
        {
            lock (_gate)
                return _revision;
        }
    }

    /// <summary>Changes up to this revision can no longer be told one by one.</summary>
    public long CompactedRevision { get; private set; }

    public StoredObject? Get(StorageKey resource, string ns, string name) =>
        Current(resource).Objects.GetValueOrDefault(StoredObject.KeyOf(ns, name));

    /// <summary>The newest state, with the store's revision and not that of the resource's last change.</summary>
    public Snapshot Current(StorageKey resource)
    {
        lock (_gate)
            return _resources.TryGetValue(resource, out var history)
                ? history.Current with
                {
                    Revision = _revision,
                }
                : Snapshot.Empty with
                {
                    Revision = _revision,
                };
    }

    /// <summary>Null when the revision was compacted.</summary>
    public Snapshot? At(StorageKey resource, long revision)
    {
        lock (_gate)
        {
            if (revision < CompactedRevision)
                return null;
            return _resources.TryGetValue(resource, out var history)
                ? history.At(revision) with
                {
                    Revision = revision,
                }
                : Snapshot.Empty with
                {
                    Revision = revision,
                };
        }
    }

    /// <summary>The revision of the last change to a resource: what is computed from its objects holds until it moves.</summary>
    public long LastChange(StorageKey resource)
    {
        lock (_gate)
            return _resources.TryGetValue(resource, out var history) ? history.Current.Revision : 0;
    }

    /// <summary>Writes an object if it still is what the caller read.</summary>
    /// <param name="expected">What the caller read; null when nothing may be there.</param>
    /// <returns>Null when somebody else was faster.</returns>
    public StoredObject? Put(StorageKey resource, JsonObject json, StoredObject? expected)
    {
        lock (_gate)
        {
            var history = History(resource);
            var metadata = json["metadata"];
            var key = StoredObject.KeyOf(metadata.Text("namespace"), metadata.Text("name"));
            if (!ReferenceEquals(history.Current.Objects.GetValueOrDefault(key), expected))
                return null;
            var stored = StoredObject.Create(json, _revision + 1);
            var change = new StoreEvent(expected is null ? StoreEventType.Added : StoreEventType.Modified, ++_revision, stored, expected);
            Record(history, change, history.Current.Objects.SetItem(key, stored));
            OnChanged?.Invoke(resource, change);
            return stored;
        }
    }

    /// <summary>Takes an object away if it still is what the caller read.</summary>
    /// <param name="last">As watches are to see it for the last time; null for as it is.</param>
    /// <returns>The object at the revision of its end; null when somebody else was faster.</returns>
    public StoredObject? Remove(StorageKey resource, StoredObject expected, JsonObject? last = null)
    {
        lock (_gate)
        {
            var history = History(resource);
            if (!ReferenceEquals(history.Current.Objects.GetValueOrDefault(expected.Key), expected))
                return null;
            var stored = StoredObject.Create(last ?? expected.Parse(), _revision + 1);
            var change = new StoreEvent(StoreEventType.Deleted, ++_revision, stored, expected);
            Record(history, change, history.Current.Objects.Remove(expected.Key));
            OnChanged?.Invoke(resource, change);
            return stored;
        }
    }

    /// <summary>
    /// Everything after a revision, in order and without a gap, then what comes. Null when the revision was compacted. Dispose ends it.
    /// </summary>
    /// <param name="name">Of the one object that is watched; null for all. Watches of one object cost nothing for the others'
    /// changes.</param>
    public StoreWatch? Watch(StorageKey resource, long after, string? name)
    {
        lock (_gate)
        {
            if (after < CompactedRevision)
                return null;
            var history = History(resource);
            var channel = Channel.CreateUnbounded<StoreEvent>(new UnboundedChannelOptions { SingleReader = true });
            foreach (var change in history.After(after))
            {
                if (name is null || change.Object!.Name == name)
                    channel.Writer.TryWrite(change);
            }

            var watchers = history.Watchers(name);
            watchers.Add(channel.Writer);
            return new StoreWatch(
                channel,
                () =>
                {
                    lock (_gate)
                        watchers.Remove(channel.Writer);
                    channel.Writer.TryComplete();
                },
                () => Bookmark(channel.Writer)
            );
        }
    }

    /// <summary>
    /// Forgets the history up to now: watches that resume from before, and lists that are being paged, have to begin anew.
    /// </summary>
    public void Compact()
    {
        lock (_gate)
        {
            while (_order.TryDequeue(out var history))
                history.Forget();
            CompactedRevision = _revision;
        }
    }

    private void Bookmark(ChannelWriter<StoreEvent> writer)
    {
        lock (_gate)
            writer.TryWrite(new StoreEvent(StoreEventType.Bookmark, _revision, null, null));
    }

    private void Record(ResourceHistory history, StoreEvent change, ImmutableSortedDictionary<string, StoredObject> objects)
    {
        history.Record(change, objects);
        _order.Enqueue(history);
        if (_order.Count > window)
            CompactedRevision = _order.Dequeue().Forget();
    }

    private ResourceHistory History(StorageKey resource)
    {
        if (!_resources.TryGetValue(resource, out var history))
            _resources[resource] = history = new ResourceHistory();
        return history;
    }
}
