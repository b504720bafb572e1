using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;
using Hostdev.Planning.Places;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>
/// Tells of units of one answer what a VMM, or who starts it, wants to know. What may have changed since the inventory (drivers, nodes,
/// groups, addresses) is from their states, all else from the inventory.
/// </summary>
internal static class DeviceInfos
{
    /// <param name="units">In the order of the answer.</param>
    /// <param name="inventory">Null where there is none: less is told then.</param>
    public static DeviceInfo Of(ResourceName resource, IReadOnlyList<(Unit Unit, UnitState State)> units, HostInventory? inventory)
    {
        var cliques = inventory is null
            ? ImmutableDictionary<DeviceId, int>.Empty
            : GpuDirect.Cliques([.. units.Select(u => u.Unit)], inventory);
        return new DeviceInfo { Resource = resource.ToString(), Devices = [.. units.Select(u => Of(u.Unit, u.State, inventory, cliques))] };
    }

    private static int? CliqueOf(DeviceId device, ImmutableDictionary<DeviceId, int> cliques) =>
        cliques.TryGetValue(device, out var clique) ? clique : null;

    private static InfoOfDevice Of(Unit unit, UnitState state, HostInventory? inventory, ImmutableDictionary<DeviceId, int> cliques)
    {
        var place = inventory is null ? null : Place.Of(unit, inventory);
        var info = new InfoOfDevice
        {
            Id = unit.Id.ToString(),
            Class = unit.Device.Class.Word(),
            Address = state.Address ?? unit.Device.ToString(),
            SysfsPath = state.SysfsPath ?? SysfsPathOf(unit.Device),
            Nodes = state.Nodes,
            IommuGroup = state.Group is { } group ? GroupInfo.Of(group) : null,
            NumaNode = place?.NumaNode,
            P2pClique = CliqueOf(unit.Device, cliques),
            PciePath = place is null ? null : [.. place.Path.Select(d => d.ToString())],
        };
        return unit.Handout switch
        {
            Handout.VfioGroup vfio => WithFunctions(info, vfio, state, inventory, cliques),
            Handout.TypedFunction typed => WithFunctions(info, typed.Group, state, inventory, cliques),
            Handout.MediatedDevice mdev => info with { Mdev = Mdev(mdev, inventory) },
            Handout.UsbNode usb => info with { Usb = Usb(usb, state, inventory) },
            Handout.ScsiNode scsi => info with { Scsi = Scsi(scsi, state, inventory) },
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    // Classes are named as their buses.
    private static string SysfsPathOf(DeviceId device) => $"/sys/bus/{device.Class.Word()}/devices/{device}";

    private static InfoOfDevice WithFunctions(
        InfoOfDevice info,
        Handout.VfioGroup group,
        UnitState state,
        HostInventory? inventory,
        ImmutableDictionary<DeviceId, int> cliques
    ) =>
        info with
        {
            Assigned =
            [
                .. group.Assigned.Select(m =>
                    Function(m, state, inventory) with
                    {
                        P2pClique = m.Address == group.Primary ? null : CliqueOf(m.Address, cliques),
                    }
                ),
            ],
            Held = group.Held.IsEmpty ? null : [.. group.Held.Select(m => m.Address.ToString())],
        };

    private static FunctionInfo Function(UnitMember member, UnitState state, HostInventory? inventory)
    {
        var address = member.Address;
        var told = new FunctionInfo
        {
            Address = address.ToString(),
            SysfsPath = $"/sys/bus/pci/devices/{address}",
            Driver = state.Drivers.GetValueOrDefault(address) is { } driver ? TypedDriver.TryParse(driver)?.Driver ?? driver : null,
            CdevNode = state.Cdevs.GetValueOrDefault(address),
            IommuGroup = state.Groups.TryGetValue(address, out var group) ? GroupInfo.Of(group) : null,
        };
        if (inventory?.Functions.GetValueOrDefault(address) is not { } function)
            return told;
        return told with
        {
            VendorId = function.Vendor.ToString(),
            DeviceId = function.Device.ToString(),
            SubsystemVendorId = function.SubsystemVendor.ToString(),
            SubsystemDeviceId = function.SubsystemDevice.ToString(),
            ClassCode = function.ClassCode.ToString("x6", CultureInfo.InvariantCulture),
            VendorName = function.VendorName,
            DeviceName = function.DeviceName,
            PhysicalFunction = function.PhysicalFunction?.ToString(),
            Bars = new BarInfo(function.Bars.Bits32, function.Bars.Bits64),
            ResetMethods = function.ResetsUntold ? null : function.ResetMethods,
        };
    }

    private static MdevInfo Mdev(Handout.MediatedDevice handout, HostInventory? inventory)
    {
        var parent = inventory?.Mdev(handout.Uuid)?.Parent;
        var types = inventory?.MdevParents.Where(p => parent is null || p.Name == parent).SelectMany(p => p.Types) ?? [];
        var type = types.FirstOrDefault(t => t.Id == handout.TypeId);
        return new MdevInfo(handout.Uuid.ToString(), handout.TypeId, type?.Name, parent, type?.DeviceApi);
    }

    private static UsbInfo Usb(Handout.UsbNode handout, UnitState state, HostInventory? inventory)
    {
        var usb = inventory?.Usb(handout.Port);
        var numbers = (state.Address ?? "0:0").Split(':').Select(n => int.Parse(n, CultureInfo.InvariantCulture)).ToList();
        return new UsbInfo(
            handout.Port.ToString(),
            numbers[0],
            numbers[1],
            handout.Identity.Vendor.ToString(),
            handout.Identity.Product.ToString(),
            handout.Identity.Serial,
            usb?.Manufacturer,
            usb?.ProductName
        );
    }

    private static ScsiInfo Scsi(Handout.ScsiNode handout, UnitState state, HostInventory? inventory)
    {
        var scsi = inventory?.Scsi(handout.Disk);
        return new ScsiInfo(
            state.Address ?? "",
            state.Nodes.FirstOrDefault() ?? "",
            state.Nodes.ElementAtOrDefault(1),
            scsi?.Type,
            scsi?.Vendor,
            scsi?.Model,
            scsi?.Serial,
            scsi?.Wwid
        );
    }
}
