using Hostdev.Crds;
using Hostdev.Kube.Meta;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Commands;

/// <summary>USB and SCSI devices in lines, and by the names that the host has for them now.</summary>
internal static class LentText
{
    /// <summary>
    /// What the host calls so at this moment: a USB device's name or node (<c>1-4.2</c>, <c>/dev/bus/usb/001/004</c>), a SCSI device's
    /// address or one of its nodes (<c>0:0:1:0</c>, <c>sda</c>, <c>/dev/sg1</c>). Null when nothing is.
    /// </summary>
    public static DeviceId? Find(string name, HostInventory inventory)
    {
        var node = name.StartsWith("/dev/", StringComparison.Ordinal) ? name : "/dev/" + name;
        if (inventory.UsbDevices.FirstOrDefault(u => !u.IsHub && (u.PortPath == name || u.Node == node)) is { } usb)
            return usb.Port;
        return inventory.ScsiDevices.FirstOrDefault(s => s.Address == name || s.Node == node || s.BlockNode == node)?.Id;
    }

    /// <returns>Null where nothing is in the socket.</returns>
    public static IEnumerable<string>? Describe(UsbPort port, HostInventory inventory) =>
        inventory.Usb(port) is { } usb
            ?
            [
                Line(port.ToString(), $"{usb.Vendor}:{usb.Product}", usb.Manufacturer, usb.ProductName),
                $"now: {usb.PortPath}, {usb.Node}",
                $"serial: {PrintableText.Of(usb.Serial ?? "none")}",
                $"drivers: {string.Join(", ", usb.Interfaces.Select(i => $"{i.Name} {i.Driver ?? "none"}"))}",
            ]
            : null;

    /// <returns>Null where it is not there.</returns>
    public static IEnumerable<string>? Describe(ScsiDisk disk, HostInventory inventory) =>
        inventory.Scsi(disk) is { } scsi
            ?
            [
                Line(disk.ToString(), scsi.Vendor, scsi.Model),
                $"now: {scsi.Address}, {scsi.Node}{(scsi.BlockNode is { } block ? $", {block}" : "")}",
                $"wwid: {PrintableText.Of(scsi.Wwid ?? "none")}",
                $"serial: {PrintableText.Of(scsi.Serial ?? "none")}",
            ]
            : null;

    private static string Line(params string?[] words) => PrintableText.Of(string.Join(' ', words.Where(w => !string.IsNullOrEmpty(w))));
}
