using System.Collections.Immutable;
using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using Hostdev.Kubectl.Answers;

namespace Hostdev.Kubectl.Commands;

/// <summary>
/// Follows all objects of one kind, and keeps of each its <see cref="Sights"/> alone. A watch that ends is begun anew where it was; when
/// the server does not know what happened since, everything is listed again and compared.
/// </summary>
/// <param name="prefix">What the objects are called before their name.</param>
/// <param name="sightsOf">What of an object somebody watches.</param>
/// <param name="tell">Takes transitions, from one thread at a time of each watcher.</param>
internal sealed class KindWatcher<T>(
    ClusterReader reader,
    KubeKind<T> kind,
    string prefix,
    Func<T, ImmutableSortedDictionary<string, string>> sightsOf,
    Action<ImmutableArray<Transition>> tell,
    TimeProvider time
)
    where T : class, IKubeObject
{
    private static readonly TimeSpan s_watch = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, ImmutableSortedDictionary<string, string>> _seen = new(StringComparer.Ordinal);
    private bool _isListed;
    private string? _version;
    private string _said = "";

    /// <summary>How many there were at the beginning.</summary>
    public async Task<int> ListAsync(CancellationToken cancellationToken)
    {
        var there = new HashSet<string>(StringComparer.Ordinal);
        var pages = reader.Client.ListPagesAsync(kind, Selection.Everything, cancellationToken).ConfigureAwait(false);
        await foreach (var page in pages)
        {
            foreach (var item in page.Items)
            {
                there.Add(item.Metadata.Name);
                See(item);
            }

            there.UnionWith(page.Unreadable.Select(u => u.Key.Name)); // not seen is not gone
            _version = page.ResourceVersion;
        }

        foreach (var gone in _seen.Keys.Except(there, StringComparer.Ordinal).ToList())
            Lose(gone);
        _isListed = true;
        return _seen.Count;
    }

    /// <summary>Until it is cancelled. What a server that is away answers is noted once.</summary>
    /// <exception cref="KubeApiException">What waiting does not mend: no right to do it, or a kind that is not there any more.</exception>
    public async Task FollowAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                if (_version is null)
                    await ListAsync(cancellationToken).ConfigureAwait(false);
                var events = reader.Client.WatchAsync(kind, Selection.Everything, _version!, s_watch, null, cancellationToken);
                await foreach (var heard in events.ConfigureAwait(false))
                    Hear(heard);
                _said = "";
            }
            catch (Exception e) when (e is KubeTransportException or KubeProtocolException or KubeApiException { IsServerError: true })
            {
                if (_said != e.Message)
                    reader.Note($"{_said = e.Message}: tried again");
                await Task.Delay(s_pause, time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private void Hear(WatchEvent<T> heard)
    {
        switch (heard)
        {
            case WatchEvent<T>.Added(var it):
                See(it);
                break;
            case WatchEvent<T>.Modified(var it):
                See(it);
                break;
            case WatchEvent<T>.Deleted(var it):
                _version = it.Metadata.ResourceVersion;
                Lose(it.Metadata.Name);
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
        var (name, now) = (it.Metadata.Name, sightsOf(it));
        if (_isListed)
        {
            _version = it.Metadata.ResourceVersion ?? _version;
            Tell(name, _seen.GetValueOrDefault(name), now);
        }

        _seen[name] = now;
    }

    private void Lose(string name)
    {
        if (_seen.Remove(name, out var before))
            Tell(name, before, null);
    }

    private void Tell(string name, ImmutableSortedDictionary<string, string>? before, ImmutableSortedDictionary<string, string>? after)
    {
        var transitions = Transition.Between($"{prefix}/{name}", before, after, time.GetUtcNow());
        if (!transitions.IsEmpty)
            tell(transitions);
    }
}
