using System.Collections.Immutable;
using Hostdev.Crds;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>
/// Which IDs this agent has shown the kubelet under which name, in this life or one before: by them what the kubelet's checkpoint has under
/// a name is told from what is another plugin's. Thread-safe.
/// </summary>
/// <param name="kept">What was kept on disk; null where nothing was, or it cannot be read, though an agent ran here before.</param>
/// <param name="keep">Writes it to where it outlives a crash.</param>
/// <param name="isTaken">Whether the device of an ID was taken by an agent of any version.</param>
public sealed class ListedDevices(ListedIds? kept = null, Action<ListedIds>? keep = null, Func<string, bool>? isTaken = null)
{
    private readonly Lock _gate = new();
    private readonly Func<string, bool> _isTaken = isTaken ?? (_ => false);
    private volatile ListedIds? _listed = kept;
    private bool _begun;

    /// <summary>
    /// False while it cannot be said what is ours, since what was kept is not there and what is wanted is not known yet.
    /// </summary>
    public bool IsKnown => _listed is not null;

    /// <summary>Whether it is on disk that an ID was listed under a name.</summary>
    public bool IsKept(ResourceName resource, string id) => _listed?.Has(resource.Value, id) == true;

    /// <summary>
    /// Whether an ID was listed under a name. What was taken counts too: a version that keeps nothing may have listed it meanwhile.
    /// </summary>
    public bool Has(ResourceName resource, string id) => IsKept(resource, id) || _isTaken(id);

    /// <summary>
    /// What is wanted is known for the first time. What the kubelet shows no more is forgotten; where nothing was kept, a version before
    /// may have listed what the kubelet shows and we want or have taken.
    /// </summary>
    /// <param name="readShown">What the kubelet's checkpoint names, as resource and ID; null when it cannot be read.</param>
    public void Begin(Func<ImmutableHashSet<(string Resource, string Id)>?> readShown, ImmutableArray<AdvertisedResource> wanted)
    {
        lock (_gate)
        {
            if (_begun)
                return;
            var shown = readShown();
            var wants = wanted.SelectMany(r => r.Devices.Select(d => (Resource: r.Name.Value, d.Id))).ToHashSet();
            Keep(
                _listed switch
                {
                    null => ListedIds.Of((shown ?? []).Where(s => wants.Contains(s) || _isTaken(s.Id))),
                    { } listed when shown is not null => ListedIds.Of(listed.All.Where(l => shown.Contains(l) || wants.Contains(l))),
                    { } listed => listed,
                }
            );
            _begun = true;
        }
    }

    /// <summary>These are about to be shown. On disk when it returns; IDs that are there already write nothing.</summary>
    public void Add(ResourceName resource, IEnumerable<string> ids)
    {
        lock (_gate)
        {
            var before = _listed ?? ListedIds.None;
            if (ids.Where(id => !before.Has(resource.Value, id)).ToList() is { Count: > 0 } news)
                Keep(before.With(resource.Value, news));
        }
    }

    private void Keep(ListedIds next)
    {
        if (_listed is { } before && before.HasSame(next))
            return;
        keep?.Invoke(next);
        _listed = next;
    }
}

/// <summary>IDs by the resource names under which they were listed.</summary>
public sealed record ListedIds(ImmutableSortedDictionary<string, ImmutableSortedSet<string>> ByResource)
{
    public static ListedIds None { get; } = Of([]);

    public IEnumerable<(string Resource, string Id)> All => ByResource.SelectMany(r => r.Value.Select(id => (r.Key, id)));

    public static ListedIds Of(IEnumerable<(string Resource, string Id)> ids) =>
        new(
            ids.GroupBy(i => i.Resource, StringComparer.Ordinal)
                .ToImmutableSortedDictionary(
                    g => g.Key,
                    g => g.Select(i => i.Id).ToImmutableSortedSet(StringComparer.Ordinal),
                    StringComparer.Ordinal
                )
        );

    public bool Has(string resource, string id) => ByResource.TryGetValue(resource, out var ids) && ids.Contains(id);

    public bool HasSame(ListedIds other) => All.SequenceEqual(other.All);

    public ListedIds With(string resource, IEnumerable<string> ids) => Of(All.Concat(ids.Select(id => (resource, id))));
}
