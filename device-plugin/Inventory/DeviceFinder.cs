using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// Finds at this moment what has an ID that is no name in sysfs: it asks what is there who it is, until one is it. A device that is called
/// otherwise than at the last look is found all the same.
/// </summary>
internal sealed class DeviceFinder(HostFileReader files)
{
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

    /// <summary>Where sysfs has a SCSI device, and after it where it has others that call themselves the same; none when it is not there.</summary>
    public ImmutableArray<string> Scsi(ScsiDisk disk)
    {
        var names = new DeviceNames(files);
        var all = files
            .List(ScsiReader.Devices)
            .Where(SysfsPath.IsScsiAddress)
            .Select(n => files.ResolveLink($"{ScsiReader.Devices}/{n}"))
            .OfType<string>()
            .Select(p => (Path: p, Naming: names.ScsiAt(p)))
            .Where(d => d.Naming is not null)
            .ToList();
        return all.Find(d => d.Naming!.Id == disk) is { Naming: { } naming } found
            ? [found.Path, .. all.Where(d => d.Path != found.Path && d.Naming!.IsAlso(naming)).Select(d => d.Path)]
            : [];
    }
}
