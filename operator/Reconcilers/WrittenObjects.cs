using System.Collections.Concurrent;
using Hostdev.Kube.Meta;

namespace Hostdev.Operator.Reconcilers;

/// <summary>
/// What we wrote and have not heard of yet: until the watch brings something newer than what stood there when we wrote, our own answer counts. Otherwise the same write would be made
/// again, and a rollout would take a node that was just written for one that was not.
/// </summary>
internal sealed class WrittenObjects<T>
    where T : class, IKubeObject
{
    private readonly ConcurrentDictionary<ObjectKey, (string? Before, T Written)> _written = new();

    /// <param name="before">The resourceVersion that the store had when the write was made; null when it had nothing.</param>
    public void Add(T written, string? before) => _written[ObjectKey.Of(written)] = (before, written);

    /// <summary>The newest that is known: our write, or what the store has.</summary>
    public T? Newest(ObjectKey key, T? stored)
    {
        if (!_written.TryGetValue(key, out var ours)) return stored;
        if (stored?.Metadata.ResourceVersion == ours.Before) return ours.Written;
        _written.TryRemove(key, out _);
        return stored;
    }

    public void Clear() => _written.Clear();

    /// <summary>Keys of objects that the store has not shown yet.</summary>
    public IEnumerable<ObjectKey> Keys => _written.Keys;
}
