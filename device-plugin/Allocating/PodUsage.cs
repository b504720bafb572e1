using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Offering;
using Hostdev.DevicePlugin.Usage;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Allocating;

/// <summary>
/// What pods have: by our own answers, and by what the kubelet lists for other plugins, whose containers need not have anything open. Of
/// those only what is taken for an answer alone is asked about: all else was ours before any pod could have it.
/// </summary>
public sealed class PodUsage(Holdings holdings) : IPodUsage
{
    private volatile ImmutableDictionary<DeviceId, ImmutableArray<DeviceUser>> _others = ImmutableDictionary<
        DeviceId,
        ImmutableArray<DeviceUser>
    >.Empty;

    /// <summary>Whether a pod has something by another plugin that we offer: no event tells when it is gone.</summary>
    public bool HasOthers => !_others.IsEmpty;

    public ImmutableArray<DeviceUser> UsersOf(DeviceId device) => [.. holdings.HoldersOf(device), .. _others.GetValueOrDefault(device, [])];

    /// <summary>Called, from any thread, when a pod has something now by another plugin, or has it no more. Must not block.</summary>
    public Action Changed { get; set; } = () => { };

    /// <summary>Takes in a look at the kubelet; a list that could not be read changes nothing.</summary>
    public void Look(PodUseReading reading, Catalog catalog)
    {
        if (reading is not PodUseReading.Listed listed)
            return;
        var late = catalog.Units.Values.Where(u => u.Unit.OnAllocate is not null).SelectMany(u => u.Unit.Claims).ToHashSet();
        var ours = catalog.Resources.Select(r => r.Name).Concat(holdings.Resources).Select(r => r.Value).ToHashSet(StringComparer.Ordinal);
        var before = _others;
        _others =
            late.Count == 0
                ? ImmutableDictionary<DeviceId, ImmutableArray<DeviceUser>>.Empty
                : listed
                    .Devices.Where(d => !ours.Contains(d.Resource))
                    .Select(d => (Device: DeviceId.TryParse(d.Id, out var device) ? device : null, Use: d))
                    .Where(d => d.Device is not null && late.Contains(d.Device))
                    .GroupBy(d => d.Device!, d => new DeviceUser(UserKind.Pod, $"pod {d.Use.Pod} has it as {d.Use.Resource}"))
                    .ToImmutableDictionary(g => g.Key, g => g.Distinct().ToImmutableArray());
        if (!before.Keys.ToHashSet().SetEquals(_others.Keys))
            Changed();
    }
}
