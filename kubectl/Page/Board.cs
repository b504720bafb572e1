namespace Hostdev.Kubectl.Page;

/// <summary>What was put on a <see cref="Board"/> and taken from it since some moment.</summary>
/// <param name="IsWhole">It is all there is, whatever whoever asked had before.</param>
/// <param name="Changes">By key, JSON; null for what is gone.</param>
/// <param name="Revision">The moment after it.</param>
internal sealed record BoardChanges(bool IsWhole, IReadOnlyList<KeyValuePair<string, string?>> Changes, long Revision);

/// <summary>
/// All that the page shows, as JSON under keys (<c>node/gpu-1</c>). Each change has a number, so that whoever was away is given what has
/// changed since, once for each key, however often it did. Thread-safe.
/// </summary>
internal sealed class Board
{
    private const int MostGone = 1000; // whoever was away for longer than that is given everything

    private readonly Lock _gate = new();
    private readonly Dictionary<string, (long Revision, string Json)> _entries = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _gone = new(StringComparer.Ordinal);
    private long _revision = 1;
    private long _forgotten; // what went before this moment is not known any more
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Nothing happens where it is so already.</summary>
    public void Put(string key, string json)
    {
        lock (_gate)
        {
            if (_entries.TryGetValue(key, out var there) && there.Json == json)
                return;
            _entries[key] = (++_revision, json);
            _gone.Remove(key);
            Tell();
        }
    }

    public void Remove(string key)
    {
        lock (_gate)
        {
            if (!_entries.Remove(key))
                return;
            _gone[key] = ++_revision;
            if (_gone.Count > MostGone)
            {
                var oldest = _gone.MinBy(g => g.Value);
                _gone.Remove(oldest.Key);
                _forgotten = oldest.Value;
            }

            Tell();
        }
    }

    /// <param name="revision">0 for whoever has nothing.</param>
    public BoardChanges Since(long revision)
    {
        lock (_gate)
        {
            var isWhole = revision <= 0 || revision < _forgotten || revision > _revision;
            var there = _entries
                .Where(e => isWhole || e.Value.Revision > revision)
                .OrderBy(e => e.Value.Revision)
                .Select(e => KeyValuePair.Create<string, string?>(e.Key, e.Value.Json));
            var gone = _gone.Where(g => !isWhole && g.Value > revision).Select(g => KeyValuePair.Create<string, string?>(g.Key, null));
            return new BoardChanges(isWhole, [.. there, .. gone], _revision);
        }
    }

    /// <summary>Until something is not as it was at that moment.</summary>
    public Task WaitAsync(long revision, CancellationToken cancellationToken)
    {
        lock (_gate)
            return revision < _revision ? Task.CompletedTask : _changed.Task.WaitAsync(cancellationToken);
    }

    private void Tell()
    {
        var changed = _changed;
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        changed.SetResult();
    }
}
