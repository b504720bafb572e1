using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Planning;

namespace Hostdev.DevicePlugin.Advertising;

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
            // The drivers that vfio_dev_viable() accepts on the rest of a group (kernel drivers/vfio/group.c).
            if (driver is not (null or "vfio-pci" or "pci-stub")) return $"{address} shares group {state.Group} and is {Bound(driver)}, with which VFIO refuses the group";
        }

        return state.Silent is { } silent ? $"{silent} does not answer: its configuration space reads all ones" : state.UnsafeBridge;
    }

    /// <summary>The state of a unit's group as an inventory shows it.</summary>
    public static UnitState StateOf(Unit unit, HostInventory inventory)
    {
        var group = inventory.Functions.TryGetValue(unit.Primary, out var primary) ? inventory.GroupOf(primary) : null;
        var bridge = (group?.Members ?? []).Select(inventory.Functions.GetValueOrDefault).FirstOrDefault(f => f is { IsBridge: true } && BridgeProblem(f.Address, f.Driver) is not null);
        var functions = (group?.Members ?? []).Where(inventory.Functions.ContainsKey).Select(a => inventory.Functions[a]).Where(f => !f.IsBridge).ToList();
        return new UnitState(
            group?.Number,
            functions.ToImmutableSortedDictionary(f => f.Address, f => f.Driver),
            functions.Where(f => f is { HasVfioCdevNode: true, VfioCdev: not null }).ToImmutableSortedDictionary(f => f.Address, f => f.VfioCdev!),
            bridge is null ? null : BridgeProblem(bridge.Address, bridge.Driver),
            functions.FirstOrDefault(f => f.Health is { Answers: false })?.Address);
    }

    /// <summary>Why VFIO refuses a group because of one of its bridges; null when it does not.</summary>
    public static string? BridgeProblem(PciAddress bridge, string? driver) =>
        driver is null or "pcieport" or "pci-stub" or "vfio-pci" ? null : $"the bridge {bridge} is on the driver {driver}, with which VFIO refuses the group";

    private static string Bound(string? driver) => driver is null ? "without a driver" : $"on the driver {driver}";
}
