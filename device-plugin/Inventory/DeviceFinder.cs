using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// Finds at this moment what has an ID that is no name in sysfs: it asks what is there who it is, until one is it. A device that is called
/// otherwise than at the last look is found all the same.
/// </summary>
internal sealed class DeviceFinder(HostFileReader files)
{
    private const string ScsiDevices = "/sys/bus/scsi/devices";

    /// <summary>Where sysfs has what is in a socket, hubs aside; null when nothing is.</summary>
    public string? Usb(UsbPort port)
    {
        var names = new DeviceNames(files);
        return files
            .List(UsbReader.Devices)
            .Where(SysfsPath.IsUsbPortPath)
            .Select(n => files.ResolveLink($"{UsbReader.Devices}/{n}"))
            .OfType<string>()
            .FirstOrDefault(p => names.PortOf(p) == port && files.ReadText(p + "/bDeviceClass").Text != UsbReader.HubClassText);
    }

    /// <summary>Where sysfs has a SCSI device; null when it is not there.</summary>
    public string? Scsi(ScsiDisk disk)
    {
        var names = new DeviceNames(files);
        return files
            .List(ScsiDevices)
            .Where(SysfsPath.IsScsiAddress)
            .Select(n => files.ResolveLink($"{ScsiDevices}/{n}"))
            .OfType<string>()
            .FirstOrDefault(p => names.ScsiAt(p)?.Id == disk);
    }
}
