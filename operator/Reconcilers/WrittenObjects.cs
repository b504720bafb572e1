using System.Collections.Concurrent;
using Hostdev.Kube.Meta;

namespace Hostdev.Operator.Reconcilers;

/// <summary>
/// What we wrote and have not heard of yet: until the watch brings it or something newer, our own answer counts. Otherwise the same write
/// would be made again, and a rollout would take a node that was just written for one that was not.
/// </summary>
/// <remarks>
/// Not for ever: what we wrote may be deleted before the watch ever showed it, and then nothing tells of it. After <see cref="Lifetime"/>,
/// far longer than a watch takes, what the store has counts.
/// </remarks>
/// <param name="changed">Called when our answer has ceased to count without a word of the watch.</param>
internal sealed class WrittenObjects<T>(TimeProvider time, Action changed)
    where T : class, IKubeObject
{
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<ObjectKey, (string? Before, T Written)> _written = new();

    /// <summary>Keys of objects that the store has not shown yet.</summary>
    public IEnumerable<ObjectKey> Keys => _written.Keys;

    /// <param name="before">The resourceVersion that the store had when the write was made; null when it had nothing.</param>
    public void Add(T written, string? before)
    {
        var key = ObjectKey.Of(written);
        _written[key] = (before, written);
        _ = ExpireAsync(KeyValuePair.Create(key, (before, written)));
    }

    /// <summary>The newest that is known: our write, or what the store has.</summary>
    public T? Newest(ObjectKey key, T? stored)
    {
        if (!_written.TryGetValue(key, out var ours))
            return stored;
        // The store may have something from between our look and our write.
        if (
            stored?.Metadata.ResourceVersion == ours.Before
            || (stored is not null && ResourceVersions.IsOlder(stored.Metadata, ours.Written.Metadata))
        )
            return ours.Written;
        _written.TryRemove(KeyValuePair.Create(key, ours));
        return stored;
    }

    /// <summary>The watch told that it was deleted, perhaps before anybody looked.</summary>
    public void Forget(T deleted)
    {
        var key = ObjectKey.Of(deleted);
        if (_written.TryGetValue(key, out var ours) && ours.Written.Metadata.Uid == deleted.Metadata.Uid)
            _written.TryRemove(KeyValuePair.Create(key, ours));
    }

    private async Task ExpireAsync(KeyValuePair<ObjectKey, (string? Before, T Written)> entry)
    {
        await Task.Delay(Lifetime, time, CancellationToken.None).ConfigureAwait(false);
        if (_written.TryRemove(entry))
            changed();
    }
}
