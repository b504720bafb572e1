using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>
/// Who uses the disks below a device: mounts of any namespace, swap, what is stacked on a disk or on its partitions, followed to its own
/// users, and processes that have any of it open. By device number throughout, because a name may be a node of somebody's own.
/// </summary>
internal sealed class StorageUsage
{
    private readonly BlockDevices _blocks;
    private readonly ILookup<string, MountedFilesystem> _mounts;
    private readonly ILookup<string, MountedFilesystem> _btrfsMounts;
    private readonly ILookup<string, OpenFile> _open;
    private readonly HashSet<string> _swaps;
    private readonly Dictionary<string, string> _btrfs;
    private readonly Lazy<ILookup<DeviceId, DeviceUser>> _targets;

    public StorageUsage(BlockDevices blocks, DeviceTree tree, ProcessSnapshot processes, HostFileReader files, IHostCalls calls)
    {
        _blocks = blocks;
        _open = processes.Open.Where(o => o.Number is { IsBlock: true }).ToLookup(o => o.Number!.Value.ToString(), StringComparer.Ordinal);
        _mounts = processes.Mounts.Where(m => !m.IsAnonymous).ToLookup(m => m.DeviceNumber, StringComparer.Ordinal);
        _btrfsMounts = processes.Mounts.Where(m => m.Type == "btrfs").ToLookup(m => NumberOf(m, calls), StringComparer.Ordinal);
        _swaps =
        [
            .. files
                .ReadLines("/proc/swaps")
                .Skip(1)
                .Select(l => l.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
                .Where(f => f is [_, "partition", ..]) // a file lies on what is mounted
                .Select(f => calls.ReadDeviceNumber(MountedFilesystem.Unescape(f[0])))
                .OfType<DeviceNumber>()
                .Select(n => n.ToString()),
        ];
        _btrfs = files
            .List("/sys/fs/btrfs")
            .SelectMany(uuid => files.List($"/sys/fs/btrfs/{uuid}/devices").Select(disk => (Disk: disk, Uuid: uuid)))
            .DistinctBy(d => d.Disk)
            .ToDictionary(d => d.Disk, d => d.Uuid, StringComparer.Ordinal);
        _targets = new(() => TargetsOver(tree, files));
    }

    public IEnumerable<DeviceUser> UsersOf(DeviceId device) => UsersByDisk(device).Select(u => u.User).Concat(_targets.Value[device]);

    /// <summary>What the kernel's SCSI target passes on, by what that is or comes over.</summary>
    private static ILookup<DeviceId, DeviceUser> TargetsOver(DeviceTree tree, HostFileReader files) =>
        ScsiBackstore
            .All(files)
            .SelectMany(s => s.DevicesOf(files).Select(path => (Store: s, Address: SysfsPath.LastName(path), Path: path)))
            .SelectMany(d =>
                tree.RoadsOn(d.Path).Select(r => (r.Device, Words: r.Words($"{d.Address} is exported by the SCSI target {d.Store.Name}")))
            )
            .ToLookup(u => u.Device, u => new DeviceUser(UserKind.StackedDevice, u.Words));

    /// <summary>The users of each disk below a device, with the disk's name. What stands on several is named with the first.</summary>
    public IEnumerable<(string Disk, DeviceUser User)> UsersByDisk(DeviceId device)
    {
        // a stack is a tree as a rule, but md on two partitions of one disk meets itself
        var seen = new HashSet<string>(StringComparer.Ordinal);
        return _blocks
            .DisksOver(device)
            .SelectMany(d =>
                UsersOf(d.Disk, d.Disk.Name, seen).Select(u => (d.Disk.Name, u with { Description = d.Road.Words(u.Description) }))
            );
    }

    private IEnumerable<DeviceUser> UsersOf(BlockDevice block, string label, HashSet<string> seen)
    {
        if (!seen.Add(block.Name))
            yield break;
        foreach (var user in Mounts(block, label))
            yield return user;
        if (_swaps.Contains(block.Number))
            yield return new DeviceUser(UserKind.Swap, $"{label} is swap space");
        foreach (var open in _open[block.Number])
            yield return new DeviceUser(UserKind.OpenNode, $"{open.Named(block.Name)} is {open.InProcess}");
        foreach (var stack in _blocks.StacksOn(block))
        {
            yield return new DeviceUser(UserKind.StackedDevice, $"{label} is {stack.Description}");
            if (stack.Device is not { } device)
                continue;
            foreach (var user in UsersOf(device, _blocks.Label(device.Name), seen))
                yield return user;
        }

        foreach (var user in _blocks.PartitionsOf(block).SelectMany(p => UsersOf(p, p.Name, seen)))
            yield return user;
    }

    private IEnumerable<DeviceUser> Mounts(BlockDevice block, string label)
    {
        var isBtrfs = _btrfs.TryGetValue(block.Name, out var uuid);
        var mounts = _mounts[block.Number].Concat(isBtrfs || _btrfs.Count == 0 ? _btrfsMounts[block.Number] : []);
        var places = MountedFilesystem.Places(mounts).ToList();
        foreach (var place in places)
            yield return new DeviceUser(UserKind.Mount, $"{label} is mounted at {place}");
        // Of several devices in one btrfs mountinfo names only one, and none by its number.
        if (places.Count == 0 && isBtrfs)
        {
            yield return new DeviceUser(UserKind.Mount, $"{label} is part of the mounted btrfs {uuid}");
        }
    }

    /// <summary>
    /// The number of the device that a btrfs names: it has an anonymous number itself. Its name is the kernel's (btrfs_show_devname), as
    /// whoever found the disk called it, so it is looked up in the host's own /dev alone, where no file server can make it wait; under
    /// another name the disk is "part of the mounted btrfs" by sysfs all the same.
    /// </summary>
    private static string NumberOf(MountedFilesystem mount, IHostCalls calls) =>
        mount.Source.StartsWith("/dev/", StringComparison.Ordinal)
        && !mount.Source.Contains("/../", StringComparison.Ordinal)
        && calls.ReadDeviceNumber(mount.Source) is { IsBlock: true } number
            ? number.ToString()
            : "";
}
