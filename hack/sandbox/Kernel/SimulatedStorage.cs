using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// Disks and who uses them: mounts (in any mount namespace), swap, dm and md, exclusive opens (contracts/kernel.md, "Proof that it is free": block devices). Nothing here stops a driver
/// from being unbound under a mounted file system: the kernel does not either.
/// </summary>
public sealed class SimulatedStorage
{
    private readonly KernelCore _core;
    private readonly Action _mountsChanged;
    private readonly SortedDictionary<string, Disk> _disks = new(StringComparer.Ordinal);
    private readonly List<Mount> _mounts = [];
    private readonly List<string> _swaps = [];

    internal SimulatedStorage(KernelCore core, Action mountsChanged)
    {
        _core = core;
        _mountsChanged = mountsChanged;
    }

    internal IReadOnlyList<Mount> Mounts => _mounts;

    /// <summary>Disks by kernel name, partitions included: <c>nvme0n1</c>, <c>sda</c>, <c>sda1</c>.</summary>
    public IReadOnlyCollection<string> Disks => _core.Locked(() => _disks.Keys.ToArray());

    /// <summary>mount(2). EBUSY while somebody has the disk open exclusively, ENOENT without the disk.</summary>
    public Errno MountDisk(string disk, string target, string type = "ext4", string mountNamespace = SimulatedProcess.HostNamespace) => _core.Locked(() =>
    {
        if (!_disks.TryGetValue(disk, out var found)) return Errno.ENOENT;
        if (HasExclusiveOpen(found) || found.Holders.Count > 0) return Errno.EBUSY;
        _mounts.Add(new Mount(disk, found.Numbers, target, type, mountNamespace));
        _mountsChanged();
        return Errno.None;
    });

    public void Unmount(string target) => _core.Locked(() =>
    {
        _mounts.RemoveAll(mount => mount.Target == target);
        _mountsChanged();
    });

    public Errno SwapOn(string disk) => _core.Locked(() =>
    {
        if (!_disks.TryGetValue(disk, out var found)) return Errno.ENOENT;
        if (IsUsed(found) || HasExclusiveOpen(found)) return Errno.EBUSY;
        _swaps.Add(disk);
        WriteSwaps();
        return Errno.None;
    });

    public void SwapOff(string disk) => _core.Locked(() =>
    {
        _swaps.Remove(disk);
        WriteSwaps();
    });

    /// <summary>A device-mapper or md device takes a disk or partition: <c>holders/</c> of that one shows it, the whole disk's does not.</summary>
    public Errno AddHolder(string disk, string holder) => _core.Locked(() =>
    {
        if (!_disks.TryGetValue(disk, out var found)) return Errno.ENOENT;
        if (IsUsed(found) || HasExclusiveOpen(found)) return Errno.EBUSY;
        found.Holders.Add(holder);
        var path = "/sys/devices/virtual/block/" + holder;
        _core.Tree.MakeDirectory(path + "/slaves");
        _core.Tree.WriteLink($"{path}/slaves/{disk}", found.Path);
        _core.Tree.WriteLink($"{found.Path}/holders/{holder}", path);
        _core.Tree.WriteLink("/sys/class/block/" + holder, path);
        return Errno.None;
    });

    public void RemoveHolder(string disk, string holder) => _core.Locked(() =>
    {
        if (!_disks.TryGetValue(disk, out var found) || !found.Holders.Remove(holder)) return;
        _core.Tree.Remove($"{found.Path}/holders/{holder}");
        _core.Tree.Remove("/sys/class/block/" + holder);
        _core.Tree.Remove("/sys/devices/virtual/block/" + holder);
    });

    /// <summary>Gives a disk a partition; returns its name.</summary>
    public string AddPartition(string disk, int number) => _core.Locked(() =>
    {
        var whole = _disks[disk];
        var name = string.Create(CultureInfo.InvariantCulture, $"{disk}{(char.IsAsciiDigit(disk[^1]) ? "p" : "")}{number}");
        var partition = new Disk(name, $"{whole.Path}/{name}", string.Create(CultureInfo.InvariantCulture, $"{whole.Major}:{whole.Minor + number}"), whole.Major, whole.Minor + number, disk);
        _core.Tree.AddDirectory(partition.Path, directory =>
        {
            directory.Attribute("partition", number.ToString(CultureInfo.InvariantCulture));
            directory.Attribute("dev", partition.Numbers);
            directory.AddDirectory("holders");
            directory.WriteLink("subsystem", "/sys/class/block");
        });
        Show(partition);
        return name;
    });

    /// <summary>open(O_RDONLY|O_EXCL) on a whole disk: EBUSY for mounts, partitions in use, dm, md, swap and another exclusive open.</summary>
    internal (Errno Error, Action? Close) OpenExclusive(string node)
    {
        if (!node.StartsWith("/dev/", StringComparison.Ordinal) || !_disks.TryGetValue(node["/dev/".Length..], out var disk)) return (Errno.ENOENT, null);
        if (HasExclusiveOpen(disk) || _disks.Values.Any(part => (part == disk || part.Whole == disk.Name) && IsUsed(part))) return (Errno.EBUSY, null);
        disk.ExclusiveOpens++;
        return (Errno.None, () => disk.ExclusiveOpens--);
    }

    internal Action AddDisk(string name, string parentPath, string devicePath, int major, int? minor = null)
    {
        var number = minor ?? (_core.Indices.Take("disk") * 16);
        var disk = new Disk(name, $"{parentPath}/{name}", string.Create(CultureInfo.InvariantCulture, $"{major}:{number}"), major, number, Whole: null);
        _core.Tree.AddDirectory(disk.Path, directory =>
        {
            directory.Attribute("dev", disk.Numbers);
            directory.Attribute("size", "131072");
            directory.Attribute("hidden", "0");
            directory.Attribute("removable", "0");
            directory.AddDirectory("holders");
            directory.AddDirectory("slaves");
            directory.WriteLink("device", devicePath);
            directory.WriteLink("subsystem", "/sys/class/block");
        });
        Show(disk);
        _core.Uevents.Emit("add", disk.Path, "block", ("MAJOR", $"{major}"), ("MINOR", $"{number}"), ("DEVNAME", name), ("DEVTYPE", "disk"));
        return () =>
        {
            foreach (var part in _disks.Values.Where(part => part == disk || part.Whole == name).ToArray()) Hide(part);
            if (minor is null) _core.Indices.Free("disk", number / 16);
            _core.Uevents.Emit("remove", disk.Path, "block", ("MAJOR", $"{major}"), ("MINOR", $"{number}"), ("DEVNAME", name), ("DEVTYPE", "disk"));
        };
    }

    internal void WriteSwaps() => _core.Tree.WriteFile("/proc/swaps",
        "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n" + string.Concat(_swaps.Select(disk => $"/dev/{disk}".PadRight(40) + "partition\t65532\t\t0\t\t-2\n")));

    private static bool HasExclusiveOpen(IEnumerable<Disk> disks) => disks.Any(disk => disk.ExclusiveOpens > 0);

    /// <summary>An exclusive open of the whole disk also keeps its partitions from being claimed, and the other way round.</summary>
    private bool HasExclusiveOpen(Disk disk) => HasExclusiveOpen(_disks.Values.Where(other => other == disk || other.Whole == disk.Name || other.Name == disk.Whole));

    private bool IsUsed(Disk disk) => disk.Holders.Count > 0 || _swaps.Contains(disk.Name) || _mounts.Exists(mount => mount.Disk == disk.Name);

    private void Show(Disk disk)
    {
        _disks.Add(disk.Name, disk);
        _core.Tree.WriteLink("/sys/class/block/" + disk.Name, disk.Path);
        if (disk.Whole is null) _core.Tree.WriteLink("/sys/block/" + disk.Name, disk.Path);
        _core.Tree.WriteLink("/sys/dev/block/" + disk.Numbers, disk.Path);
        _core.Tree.WriteFile("/dev/" + disk.Name, "", 0x180);
    }

    private void Hide(Disk disk)
    {
        _disks.Remove(disk.Name);
        foreach (var path in (string[])["/sys/class/block/" + disk.Name, "/sys/block/" + disk.Name, "/sys/dev/block/" + disk.Numbers, "/dev/" + disk.Name, disk.Path]) _core.Tree.Remove(path);
    }

    internal sealed record Mount(string Disk, string Numbers, string Target, string Type, string Namespace);

    private sealed record Disk(string Name, string Path, string Numbers, int Major, int Minor, string? Whole)
    {
        public List<string> Holders { get; } = [];

        public int ExclusiveOpens { get; set; }

        public bool Equals(Disk? other) => ReferenceEquals(this, other);

        public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);
    }
}
