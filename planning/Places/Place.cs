using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Places;

/// <summary>Where a unit lies, for who wants several that are close together.</summary>
/// <param name="Path">What it hangs below, from the processor on.</param>
public sealed record Place(int? NumaNode, ImmutableArray<DeviceId> Path)
{
    public static Place Of(Unit unit, HostInventory inventory) =>
        unit.Handout switch
        {
            Handout.VfioGroup or Handout.TypedFunction => OfFunction(unit.Device.AsPci!.Value, inventory),
            Handout.UsbNode usb => Below(inventory.Usb(usb.Port)?.Controller, inventory),
            Handout.ScsiNode scsi => Below(inventory.Scsi(scsi.Disk)?.Controller, inventory),
            Handout.MediatedDevice mdev => OfMdev(mdev.Uuid, inventory),
            _ => throw new System.Diagnostics.UnreachableException(),
        };

    public static Place Of(PciFunction function) => new(function.NumaNode, [.. function.Path.Select(a => (DeviceId)a)]);

    private static Place OfFunction(PciAddress address, HostInventory inventory) =>
        inventory.Functions.TryGetValue(address, out var function) ? Of(function) : new Place(null, []);

    private static Place OfMdev(MdevUuid uuid, HostInventory inventory)
    {
        var parent = inventory.MdevParents.FirstOrDefault(p => p.Name == inventory.Mdev(uuid)?.Parent);
        return parent?.PciAddress is { } address && inventory.Functions.ContainsKey(address)
            ? Below(address, inventory)
            : new Place(parent?.NumaNode, []);
    }

    /// <summary>What hangs below a function.</summary>
    private static Place Below(PciAddress? carrier, HostInventory inventory) =>
        carrier is { } address && inventory.Functions.TryGetValue(address, out var function)
            ? new Place(function.NumaNode, [.. function.Path.Append(address).Select(a => (DeviceId)a)])
            : new Place(null, []);
}
