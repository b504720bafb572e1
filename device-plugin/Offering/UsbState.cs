using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>What is in a USB socket, as it really is: from an inventory, or read just now.</summary>
/// <param name="Identity">Null when nothing is in it.</param>
/// <param name="PortPath">As sysfs names it now: <c>1-4.2</c>.</param>
public sealed record UsbState(UsbIdentity? Identity, int Bus, int Device, string PortPath)
{
    public static UsbState Nothing { get; } = new(null, 0, 0, "");

    public static UsbState Of(UsbPort port, HostInventory inventory) =>
        inventory.Usb(port) is { } usb ? new UsbState(usb.Identity, usb.BusNumber, usb.DeviceNumber, usb.PortPath) : Nothing;

    /// <summary>How a unit of it stands.</summary>
    public UnitState Stand(Handout.UsbNode handout)
    {
        var drivers = ImmutableSortedDictionary<DeviceId, string?>.Empty;
        if (Identity is null)
            return new UnitState($"nothing is in the USB port {handout.Port}", [], drivers);
        var problem =
            Identity == handout.Identity ? null : $"in the USB port {handout.Port} is {Identity} now instead of {handout.Identity}";
        return new UnitState(
            problem,
            [string.Create(CultureInfo.InvariantCulture, $"/dev/bus/usb/{Bus:D3}/{Device:D3}")],
            drivers.Add(handout.Port, Identity.ToString())
        )
        {
            Address = string.Create(CultureInfo.InvariantCulture, $"{Bus}:{Device}"),
            SysfsPath = $"/sys/bus/usb/devices/{PortPath}",
        };
    }
}
