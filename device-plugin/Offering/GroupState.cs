using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>One IOMMU group as it really is: from an inventory, or read just now.</summary>
/// <param name="Group">The IOMMU group's number; null when the primary has none or is gone.</param>
/// <param name="Members">The group's functions that are no bridges, with their drivers (null: none).</param>
/// <param name="Cdevs">Cdev names (<c>vfioN</c>) by function, only where the host has a node for it.</param>
/// <param name="Silent">A function of the group that does not answer reads of its configuration space; null when all do.</param>
/// <param name="UnsafeBridge">A bridge of the group on a driver that VFIO does not accept, in words; null when all are fine.</param>
public sealed record GroupState(
    int? Group,
    ImmutableSortedDictionary<PciAddress, string?> Members,
    ImmutableSortedDictionary<PciAddress, string> Cdevs,
    string? UnsafeBridge = null,
    PciAddress? Silent = null
)
{
    /// <summary>
    /// Drivers beside the passthrough ones that VFIO accepts on the rest of a group, because they manage the DMA of their devices
    /// themselves.
    /// </summary>
    public ImmutableArray<string> OwnDmaDrivers { get; init; } = [];

    /// <summary>The group of one function as an inventory shows it.</summary>
    public static GroupState Of(PciAddress address, HostInventory inventory)
    {
        var group = inventory.Functions.TryGetValue(address, out var function) ? inventory.GroupOf(function) : null;
        var members = (group?.Members ?? []).Where(inventory.Functions.ContainsKey).Select(a => inventory.Functions[a]).ToList();
        var functions = members.Where(f => !f.IsBridge).ToList();
        var vfio = members.Where(f => f is { VfioCdev: not null, Driver: not null }).Select(f => f.Driver!);
        ImmutableArray<string> ownDma = [.. inventory.Facts.OwnDmaDrivers, .. vfio];
        return new GroupState(
            group?.Number,
            functions.ToImmutableSortedDictionary(f => f.Address, f => f.Driver),
            functions
                .Where(f => f is { HasVfioCdevNode: true, VfioCdev: not null })
                .ToImmutableSortedDictionary(f => f.Address, f => f.VfioCdev!),
            members
                .Where(f => f.IsBridge)
                .Select(f => GroupViability.BridgeProblem(f.Address, f.Driver, ownDma))
                .FirstOrDefault(p => p is not null),
            functions.FirstOrDefault(f => f.Health is { Answers: false })?.Address
        )
        {
            OwnDmaDrivers = ownDma,
        };
    }

    /// <summary>How a unit of this group alone stands.</summary>
    public UnitState Stand(Handout.VfioGroup handout) => Stand(handout, _ => this);

    /// <summary>How a unit stands: each of its groups.</summary>
    /// <param name="groupOf">The group of a function.</param>
    public static UnitState Stand(Handout.VfioGroup handout, Func<PciAddress, GroupState> groupOf)
    {
        var first = groupOf(handout.Primary);
        List<GroupState> groups = [first];
        foreach (var member in handout.Assigned)
        {
            if (groups.Exists(g => g.Members.ContainsKey(member.Address)))
                continue;
            if (groupOf(member.Address) is { Group: not null } other && other.Members.ContainsKey(member.Address))
                groups.Add(other);
        }

        var cdevs = groups.SelectMany(g => g.CdevNodes(handout)).ToList();
        return new UnitState(
            Problem(handout, groups),
            [.. groups.Where(g => g.Group is not null).SelectMany(g => g.CdevNodes(handout).Select(c => c.Node).Prepend(g.Node))],
            groups.SelectMany(g => g.Members).ToImmutableSortedDictionary(m => (DeviceId)m.Key, m => m.Value)
        )
        {
            Group = first.Group,
            Groups = groups
                .Skip(1)
                .SelectMany(g => g.Members.Keys.Select(m => (m, g.Group!.Value)))
                .ToImmutableSortedDictionary(m => (DeviceId)m.m, m => m.Value),
            Cdevs = cdevs.ToImmutableSortedDictionary(c => c.Function, c => c.Node),
        };
    }

    private string Node => $"/dev/vfio/{Group}";

    /// <summary>
    /// Every function on its driver, and nothing else in the groups that would make VFIO refuse one; null when that is so.
    /// </summary>
    private static string? Problem(Handout.VfioGroup handout, List<GroupState> groups)
    {
        if (groups[0].Group is null)
            return $"{handout.Primary} has no IOMMU group any more";
        foreach (var member in handout.Assigned)
        {
            if (groups.Find(g => g.Members.ContainsKey(member.Address)) is not { } group)
                return $"{member.Address} is gone";
            if (group.Members[member.Address] is var driver && driver != member.Driver)
                return $"{member.Address} is {Bound(driver)} instead of {member.Driver}";
        }

        return groups.Select(g => g.Problem(handout)).FirstOrDefault(p => p is not null);
    }

    private string? Problem(Handout.VfioGroup handout)
    {
        foreach (var (address, driver) in Members)
        {
            if (handout.Assigned.Any(m => m.Address == address))
                continue;
            if (GroupViability.Accepts(driver, OwnDmaDrivers))
                continue;
            return $"{address} shares group {Group} and is {Bound(driver)}, with which VFIO refuses the group";
        }

        return Silent is { } silent ? $"{silent} does not answer: its configuration space reads all ones" : UnsafeBridge;
    }

    /// <summary>The cdevs of assigned functions of this group, where the policy wants them and the host has them.</summary>
    private IEnumerable<(DeviceId Function, string Node)> CdevNodes(Handout.VfioGroup handout)
    {
        if (handout.IommuBackend != IommuBackend.LegacyAndCdev)
            yield break;
        foreach (var member in handout.Assigned)
        {
            if (Cdevs.TryGetValue(member.Address, out var cdev))
                yield return (member.Address, $"/dev/vfio/devices/{cdev}");
        }
    }

    private static string Bound(string? driver) => driver is null ? "without a driver" : $"on the driver {driver}";
}
