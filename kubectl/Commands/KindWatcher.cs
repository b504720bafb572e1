using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;

namespace Hostdev.Kubectl.Commands;

/// <summary>
/// Follows all objects of one kind, and keeps of each its key alone. A watch that ends is begun anew where it was; when the server does not
/// know what happened since, everything is listed again.
/// </summary>
/// <param name="see">Takes an object that is there, when it is listed and when it has changed; from one thread at a time.</param>
/// <param name="lose">Takes the key of one that is there no more; as <paramref name="see"/>.</param>
/// <param name="trouble">Takes a sentence when the server is away, each once, and null when it is there (again).</param>
internal sealed class KindWatcher<T>(
    KubeClient client,
    KubeKind<T> kind,
    Selection selection,
    Action<T> see,
    Action<ObjectKey> lose,
    Action<string?> trouble,
    TimeProvider time
)
    where T : class, IKubeObject
{
    private static readonly TimeSpan s_watch = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(2);

    private readonly HashSet<ObjectKey> _there = [];
    private string? _version;
    private string? _said;

    /// <summary>How many there are.</summary>
    public async Task<int> ListAsync(CancellationToken cancellationToken)
    {
        var there = new HashSet<ObjectKey>();
        string? version = null;
        await foreach (var page in client.ListPagesAsync(kind, selection, cancellationToken).ConfigureAwait(false))
        {
            foreach (var item in page.Items)
            {
                there.Add(ObjectKey.Of(item));
                See(item);
            }

            there.UnionWith(page.Unreadable.Select(u => u.Key)); // not seen is not gone
            version = page.ResourceVersion;
        }

        foreach (var gone in _there.Except(there).ToList())
            Lose(gone);
        _version = version;
        return _there.Count;
    }

    /// <summary>Until it is cancelled.</summary>
    /// <exception cref="KubeApiException">What waiting does not mend: no right to do it, or a kind that is not there any more. Begun again,
    /// it lists everything first.</exception>
    public async Task FollowAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                if (_version is null)
                    await ListAsync(cancellationToken).ConfigureAwait(false);
                var events = client.WatchAsync(kind, selection, _version!, s_watch, () => Say(null), cancellationToken);
                await foreach (var heard in events.ConfigureAwait(false))
                    Hear(heard);
            }
            catch (Exception e) when (e is KubeTransportException or KubeProtocolException or KubeApiException { IsServerError: true })
            {
                Say(e.Message);
                await Task.Delay(s_pause, time, cancellationToken).ConfigureAwait(false);
            }
            catch (KubeApiException)
            {
                _version = null;
                throw;
            }
        }
    }

    private void Hear(WatchEvent<T> heard)
    {
        switch (heard)
        {
            case WatchEvent<T>.Added(var it):
                See(it);
                _version = it.Metadata.ResourceVersion ?? _version;
                break;
            case WatchEvent<T>.Modified(var it):
                See(it);
                _version = it.Metadata.ResourceVersion ?? _version;
                break;
            case WatchEvent<T>.Deleted(var it):
                _version = it.Metadata.ResourceVersion;
                Lose(ObjectKey.Of(it));
                break;
            case WatchEvent<T>.Bookmark(var version):
                _version = version;
                break;
            case WatchEvent<T>.Unreadable(_, _, var version):
                _version = version;
                break;
            case WatchEvent<T>.Expired:
                _version = null;
                break;
        }
    }

    private void See(T it)
    {
        _there.Add(ObjectKey.Of(it));
        see(it);
    }

    private void Lose(ObjectKey key)
    {
        if (_there.Remove(key))
            lose(key);
    }

    private void Say(string? sentence)
    {
        if (sentence is not null && sentence == _said)
            return;
        trouble(_said = sentence);
    }
}
