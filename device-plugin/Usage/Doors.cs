using System.Globalization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>
/// The opens that keep others out: a VFIO group while it is open, a whole disk while it is open exclusively (a mount, dm, md or swap on it
/// or on a partition of it then fails with EBUSY). An open that fails for any reason but that there is nothing to open leaves a doubt, and
/// a doubt protects.
/// </summary>
internal sealed class Doors(HostFileReader files, IHostCalls calls)
{
    private readonly List<IDisposable> _handles = [];

    public IReadOnlyList<IDisposable> Handles => _handles;

    /// <summary>What cannot be known, in words.</summary>
    public List<string> Doubts { get; } = [];

    /// <summary>Shuts a group; true when somebody has it. It has a node while a member is on a VFIO driver; pci-stub makes none.</summary>
    public bool IsBusy(IommuGroup group)
    {
        var number = group.Number.ToString(CultureInfo.InvariantCulture);
        return files.Exists("/sys/class/vfio/" + number)
            && IsBusy("/dev/vfio/" + number, OpenIntent.VfioGroup, "/sys/class/vfio/" + number);
    }

    /// <summary>Shuts the whole disks that devices carry; returns those that somebody has claimed.</summary>
    public List<(DeviceId Device, string Disk)> BusyDisksOver(IEnumerable<DeviceId> devices)
    {
        var blocks = new BlockDevices(files, new DeviceTree(files, new(calls.ReadNetwork)), calls);
        return
        [
            .. devices
                .SelectMany(o => blocks.DisksOver(o).Select(d => (Device: o, d.Disk)))
                .DistinctBy(d => d.Disk.Name)
                .Where(d => IsBusy(d.Disk))
                .Select(d => (d.Device, d.Disk.Name)),
        ];
    }

    private bool IsBusy(BlockDevice disk)
    {
        // A name in /dev proves nothing when another device is behind it.
        if (calls.ReadDeviceNumber(disk.Node) is not { } node || (node.IsBlock && node.ToString() == disk.Number))
            return IsBusy(disk.Node, OpenIntent.WholeDisk, disk.Path);
        Doubts.Add(
            $"{disk.Node} is another device than the disk {disk.Name} ({disk.Number}), so it cannot be proven that "
                + "nobody uses the disk: mount the host's /dev"
        );
        return false;
    }

    /// <summary>In words for an admin, who knows what the kernel does not tell.</summary>
    public static string Nameless(DeviceId device, string disk) =>
        $"{disk} is claimed in the kernel by somebody it does not name (a mount that no process sees, ZFS, DRBD, a "
        + $"storage target): free it, or list Storage in allowProtected together with {AllowProtected.NameOf(device)}";

    private bool IsBusy(string node, OpenIntent intent, string device)
    {
        var result = calls.Open(node, intent);
        if (result.Handle is { } handle)
            _handles.Add(handle);
        else if (result.Error == Errno.EBUSY)
            return true;
        else if (files.Exists(device))
            Doubts.Add($"{node} cannot be opened to prove that nobody uses it: {result.Error}");
        return false;
    }
}
