using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;

namespace Hostdev.Planning.DeviceGroups;

/// <summary>What a device group comes to: one wish, and one unit, of what its pieces would be by themselves.</summary>
internal static class GroupUnit
{
    /// <param name="pieces">In the order of members and addresses; each can be had.</param>
    public static Wish WishFor(DeviceGroup group, ImmutableArray<Piece> pieces)
    {
        var wishes = pieces.Select(p => p.Wish).ToList();
        var granted = wishes.Select(w => w.Granted).ToList();
        return wishes[0] with
        {
            Ruling = new Ruling([.. wishes.SelectMany(w => w.Ruling.Findings)], null, wishes.Exists(w => w.Ruling.AsksWhoUses)),
            Named = Union(wishes.Select(w => w.Named)),
            Claims = [.. wishes.SelectMany(w => w.Claims)],
            StandsOn = [.. wishes.SelectMany(w => w.StandsOn)],
            Findings = [.. wishes.SelectMany(w => w.Findings)],
            Behind = () => [.. wishes.SelectMany(w => w.Behind())],
            Matched = 1,
            Granted = new Targets
            {
                Units = [Of(group, pieces)],
                // Each step is for the IOMMU group that it belongs to: what failed with one of them is remembered of that one.
                Functions = Union(granted.Select(t => t.Functions)),
                OnAllocate = [.. granted.SelectMany(t => t.OnAllocate)],
                Awaited = [.. granted.SelectMany(t => t.Awaited)],
            },
        };
    }

    private static Unit Of(DeviceGroup group, ImmutableArray<Piece> pieces)
    {
        var units = pieces.Select(p => p.Unit!).ToList();
        var handouts = units.ConvertAll(u => (Handout.VfioGroup)u.Handout);
        ImmutableArray<OnAllocate> late = [.. units.Select(u => u.OnAllocate).OfType<OnAllocate>()];
        return units[0] with
        {
            Handout = handouts[0] with
            {
                Primary = pieces[0].Devices[0].Function,
                Assigned = [.. handouts.SelectMany(h => h.Assigned)],
                Held = [.. handouts.SelectMany(h => h.Held).OrderBy(m => m.Address)],
                IommuBackend = handouts.Max(h => h.IommuBackend), // half of it cannot be opened by nodes of functions
            },
            HostLoses = units.Select(u => u.HostLoses).OfType<string>().ToList() is { Count: > 0 } losses
                ? string.Join("; ", losses)
                : null,
            Cordoned = units.Exists(u => u.Cordoned),
            Reset = units.Max(u => u.Reset),
            OnAllocate = late.IsEmpty ? null : Of(late),
            Companions = [.. CompanionsOf(group, pieces)],
        };
    }

    /// <summary>Of all but the device that the group's own resource stands for.</summary>
    private static IEnumerable<Companion> CompanionsOf(DeviceGroup group, ImmutableArray<Piece> pieces)
    {
        foreach (var (member, function) in pieces.SelectMany(p => p.Devices).Skip(1))
        {
            if (group.Members[member].Companion is { } name)
                yield return new Companion(name, function);
        }

        foreach (var companion in pieces.SelectMany(p => p.Unit!.Companions))
            yield return companion;
    }

    /// <summary>All of it, or nothing: what is in the way of one of them is in the way of all.</summary>
    private static OnAllocate Of(ImmutableArray<OnAllocate> late)
    {
        var obstacle = late.Select(l => l.Obstacle).FirstOrDefault(o => o is not null);
        return new OnAllocate([.. late.SelectMany(l => l.Brings)], obstacle is null ? [.. late.SelectMany(l => l.Steps)] : [], obstacle);
    }

    private static ImmutableDictionary<DeviceId, T> Union<T>(IEnumerable<ImmutableDictionary<DeviceId, T>> parts) =>
        parts.SelectMany(p => p).ToImmutableDictionary();
}
