using System.Collections.Immutable;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Planning;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>Whether a unit can be given to a VM as the machine is: every function on its driver, and nothing else in the group that would make VFIO refuse it.</summary>
public static class UnitReadiness
{
    /// <returns>Null when it is ready; else what is wrong, as a sentence.</returns>
    public static string? Problem(Unit unit, UnitState state)
    {
        if (state.Group is null) return $"{unit.Primary} has no IOMMU group any more";
        foreach (var member in unit.Assigned)
        {
            if (!state.Members.TryGetValue(member.Address, out var driver)) return $"{member.Address} is gone";
            if (driver != member.Driver) return $"{member.Address} is {Bound(driver)} instead of {member.Driver}";
        }

        foreach (var (address, driver) in state.Members)
        {
            if (unit.Assigned.Any(m => m.Address == address)) continue;
            if (GroupViability.Accepts(driver, state.OwnDmaDrivers)) continue;
            return $"{address} shares group {state.Group} and is {Bound(driver)}, with which VFIO refuses the group";
        }

        return state.Silent is { } silent ? $"{silent} does not answer: its configuration space reads all ones" : state.UnsafeBridge;
    }

    /// <summary>The state of a unit's group as an inventory shows it.</summary>
    public static UnitState StateOf(Unit unit, HostInventory inventory)
    {
        var group = inventory.Functions.TryGetValue(unit.Primary, out var primary) ? inventory.GroupOf(primary) : null;
        var members = (group?.Members ?? []).Where(inventory.Functions.ContainsKey).Select(a => inventory.Functions[a]).ToList();
        var functions = members.Where(f => !f.IsBridge).ToList();
        var vfio = members.Where(f => f is { VfioCdev: not null, Driver: not null }).Select(f => f.Driver!);
        ImmutableArray<string> ownDma = [.. inventory.Facts.OwnDmaDrivers, .. vfio];
        return new UnitState(
            group?.Number,
            functions.ToImmutableSortedDictionary(f => f.Address, f => f.Driver),
            functions.Where(f => f is { HasVfioCdevNode: true, VfioCdev: not null }).ToImmutableSortedDictionary(f => f.Address, f => f.VfioCdev!),
            members.Where(f => f.IsBridge).Select(f => GroupViability.BridgeProblem(f.Address, f.Driver, ownDma))
                .FirstOrDefault(p => p is not null),
            functions.FirstOrDefault(f => f.Health is { Answers: false })?.Address)
        {
            OwnDmaDrivers = ownDma,
        };
    }

    private static string Bound(string? driver) => driver is null ? "without a driver" : $"on the driver {driver}";
}
