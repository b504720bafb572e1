using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Inventory;

namespace Hostdev.DevicePlugin.Planning;

/// <summary>
/// Which functions another one carries: those below it that are there by its driver's doing (a VMD makes a domain of its own for its
/// disks), and those that the driver core takes from their
/// drivers before it lets that one go (what tunnels through a Thunderbolt controller). Bridges carry nothing in this sense: nobody takes
/// them.
/// </summary>
internal sealed class Family
{
    private readonly ILookup<PciAddress, PciFunction> _carried;

    public Family(HostInventory inventory)
    {
        _carried = inventory.Functions.Values.Where(f => !f.IsBridge)
            .SelectMany(f => CarriersOf(inventory, f).Distinct().Select(c => (Carrier: c, Function: f)))
            .ToLookup(p => p.Carrier, p => p.Function);
    }

    /// <summary>What goes when this function loses its driver, ordered by address; empty for nearly all.</summary>
    public ImmutableArray<PciFunction> CarriedBy(PciAddress address) => [.. _carried[address]];

    private static IEnumerable<PciAddress> CarriersOf(HostInventory inventory, PciFunction function)
    {
        foreach (var address in function.Path)
        {
            if (inventory.Functions.TryGetValue(address, out var above) && !above.IsBridge) yield return address;
        }

        foreach (var address in function.Path.Append(function.Address))
        {
            if (!inventory.Functions.TryGetValue(address, out var consumer)) continue;
            foreach (var supplier in consumer.Suppliers.Where(s => s != function.Address && IsAtWork(inventory, s))) yield return supplier;
        }
    }

    /// <summary>Links bind drivers: a supplier without one, or on ours, carries nobody any more.</summary>
    private static bool IsAtWork(HostInventory inventory, PciAddress supplier) =>
        inventory.Functions.TryGetValue(supplier, out var function) && !function.IsBridge && function.Driver is { } driver
            && !inventory.Facts.PassthroughDrivers.Contains(driver);
}
