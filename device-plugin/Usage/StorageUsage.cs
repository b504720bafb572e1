using System.Globalization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
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
    private readonly ILookup<string, OpenFile> _open;
    private readonly HashSet<string> _swaps;
    private readonly Dictionary<string, string> _btrfs;

    public StorageUsage(BlockDevices blocks, ProcessSnapshot processes, HostFileReader files, IHostCalls calls)
    {
        _blocks = blocks;
        _open = processes.Open.Where(o => o.Number is { IsBlock: true }).ToLookup(o => o.Number!.Value.ToString(), StringComparer.Ordinal);
        _mounts = processes.Mounts.ToLookup(m => NumberOf(m, calls), StringComparer.Ordinal);
        _swaps =
        [
            .. files
                .ReadLines("/proc/swaps")
                .Skip(1)
                .Select(l => calls.ReadDeviceNumber(ProcessReader.Unescape(l.Split([' ', '\t'], 2)[0])))
                .OfType<DeviceNumber>()
                .Select(n => n.ToString()),
        ];
        _btrfs = files
            .List("/sys/fs/btrfs")
            .SelectMany(uuid => files.List($"/sys/fs/btrfs/{uuid}/devices").Select(disk => (Disk: disk, Uuid: uuid)))
            .DistinctBy(d => d.Disk)
            .ToDictionary(d => d.Disk, d => d.Uuid, StringComparer.Ordinal);
    }

    public IEnumerable<DeviceUser> UsersOf(DeviceId device) => UsersByDisk(device).Select(u => u.User);

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
        var places = MountedFilesystem.Places(_mounts[block.Number]).ToList();
        foreach (var place in places)
            yield return new DeviceUser(UserKind.Mount, $"{label} is mounted at {place}");
        // Of several devices in one btrfs mountinfo names only one, and none by its number.
        if (places.Count == 0 && _btrfs.TryGetValue(block.Name, out var uuid))
        {
            yield return new DeviceUser(UserKind.Mount, $"{label} is part of the mounted btrfs {uuid}");
        }
    }

    /// <summary>
    /// The number of the mounted device. File systems with an anonymous number (major 0) tell their device by name alone, as the mounting
    /// process saw it.
    /// </summary>
    private static string NumberOf(MountedFilesystem mount, IHostCalls calls)
    {
        if (!mount.DeviceNumber.StartsWith("0:", StringComparison.Ordinal) || mount.Source is not ['/', ..])
            return mount.DeviceNumber;
        var number =
            calls.ReadDeviceNumber(mount.Source)
            ?? calls.ReadDeviceNumber(string.Create(CultureInfo.InvariantCulture, $"/proc/{mount.Pid}/root{mount.Source}"));
        return number?.ToString() ?? mount.DeviceNumber;
    }
}
