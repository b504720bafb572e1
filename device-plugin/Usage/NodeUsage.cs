using Hostdev.Crds;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>
/// Processes that have something of a device open or mapped: character devices below it (drm, sound, NVMe and SCSI controllers, infiniband,
/// uio, USB devices and all they make), and its memory (<c>resourceN</c>). VFIO's own nodes are <see cref="VfioUsage"/>'s, disks
/// <see cref="StorageUsage"/>'s.
/// </summary>
internal sealed class NodeUsage
{
    private readonly ILookup<DeviceId, DeviceUser> _users;

    public NodeUsage(DeviceTree tree, ProcessSnapshot processes) =>
        _users = processes
            .Open.Where(o => o.Number is not { IsBlock: true })
            .SelectMany(o => Uses(tree, o))
            .Distinct()
            .ToLookup(u => u.Device, u => u.User);

    public IEnumerable<DeviceUser> UsersOf(DeviceId device) => _users[device];

    private static IEnumerable<(DeviceId Device, DeviceUser User)> Uses(DeviceTree tree, OpenFile open)
    {
        var path = open.Number is { } number ? tree.PathOf(number) : open.Memory;
        if (path is not null && VfioUsage.IsCdev(path))
            return [];
        var devices =
            open.Number is { } node ? tree.DevicesOf(node)
            : path is not null ? tree.DevicesOn(path)
            : [];
        var name =
            path is null || open.Target.StartsWith("/dev/", StringComparison.Ordinal)
                ? open.Target
                : open.Named(open.Memory ?? NameOf(path));
        return devices.Select(f => (f, new DeviceUser(UserKind.OpenNode, $"{name} is {open.InProcess}")));
    }

    /// <summary>A USB device's node has its bus and number for a name (<c>/dev/bus/usb/001/002</c>), sysfs has its port.</summary>
    private static string NameOf(string path) =>
        SysfsPath.LastName(path) is var name && SysfsPath.IsUsbPortPath(name) ? $"USB device {name}" : name;
}
