using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// Disks and who uses them: mounts (in any mount namespace), swap, dm and md, loop devices, claims, exclusive opens (contracts/kernel.md,
/// "Proof that it is free": block devices). Nothing here stops a driver from being unbound under a mounted file system: the kernel does not
/// either.
/// </summary>
public sealed class SimulatedStorage
{
    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    private const string ScsiTarget = "/sys/kernel/config/target/core/pscsi_0";

    private readonly KernelCore _core;
    private readonly Action _mountsChanged;
    private readonly SortedDictionary<string, SimulatedDisk> _disks = new(StringComparer.Ordinal);
    private readonly List<Mount> _mounts = [];
    private readonly List<string> _swaps = [];
    private int _nextMount = 41;

    internal SimulatedStorage(KernelCore core, Action mountsChanged)
    {
        _core = core;
        _mountsChanged = mountsChanged;
    }

    internal IReadOnlyList<Mount> Mounts => _mounts;

    /// <summary>
    /// Block devices by kernel name, partitions and stacked ones included: <c>nvme0n1</c>, <c>sda</c>, <c>sda1</c>, <c>dm-0</c>.
    /// </summary>
    public IReadOnlyCollection<string> Disks => _core.Locked(() => _disks.Keys.ToArray());

    /// <summary>mount(2). EBUSY while somebody has the disk claimed, ENOENT without the disk.</summary>
    public Errno MountDisk(string disk, string target, string type = "ext4", string mountNamespace = SimulatedProcess.HostNamespace) =>
        Claimed(
            disk,
            found =>
            {
                // A file system may be mounted twice; btrfs shows a number of its own.
                var number = type == "btrfs" ? "0:51" : found.Number.ToString();
                _mounts.Add(new Mount(_nextMount++, found.Node, number, target, type, mountNamespace) { Disk = disk });
                _mountsChanged();
            },
            alreadyMounted: true
        );

    /// <summary>mount(2) of a file system without a block device: a 9p or virtiofs share by its tag, a server's export.</summary>
    /// <param name="hidden">Below the root that processes see: no mountinfo has it.</param>
    public void MountShare(
        string source,
        string target,
        string type = "9p",
        string options = "trans=virtio",
        string mountNamespace = SimulatedProcess.HostNamespace,
        bool hidden = false
    ) =>
        _core.Locked(() =>
        {
            var number = string.Create(Invariant, $"0:{_nextMount}");
            _mounts.Add(new Mount(_nextMount++, source, number, target, type, mountNamespace) { Options = options, Hidden = hidden });
            MountsChanged();
        });

    public void Unmount(string target) =>
        _core.Locked(() =>
        {
            _mounts.RemoveAll(mount => mount.Target == target);
            MountsChanged();
        });

    internal bool IsShareMounted(string tag) => _mounts.Exists(mount => mount.Disk is null && mount.Source == tag);

    /// <summary>Every mounted 9p or virtiofs file system holds its module.</summary>
    internal void MountsChanged()
    {
        foreach (var (type, module) in (ReadOnlySpan<(string, string)>)[("9p", "9pnet_virtio"), ("virtiofs", "virtiofs")])
        {
            var held = _mounts.Count(mount =>
                mount.Type == type && (type != "9p" || mount.Options?.Contains("trans=virtio", StringComparison.Ordinal) == true)
            );
            _core.Tree.WriteFile($"/sys/module/{module}/refcnt", string.Create(Invariant, $"{held}\n"), 0x124);
        }

        _mountsChanged();
    }

    public Errno SwapOn(string disk) =>
        Claimed(
            disk,
            _ =>
            {
                _swaps.Add(disk);
                WriteSwaps();
            }
        );

    public void SwapOff(string disk) =>
        _core.Locked(() =>
        {
            _swaps.Remove(disk);
            WriteSwaps();
        });

    /// <summary>
    /// Somebody in the kernel takes the disk without a name (ZFS, a mount whose namespace is gone): only an exclusive open tells.
    /// </summary>
    public Errno Claim(string disk) => Claimed(disk, found => found.Claims++);

    public void Unclaim(string disk) => _core.Locked(() => _disks[disk].Claims--);

    /// <summary>
    /// A device-mapper (<c>dm-0</c>) or md (<c>md127</c>) device takes a disk or partition: <c>holders/</c> of that one shows it, the whole
    /// disk's does not.
    /// </summary>
    /// <param name="label">What device-mapper calls it.</param>
    public Errno AddHolder(string disk, string holder, string label = "data") =>
        Claimed(
            disk,
            found =>
            {
                found.Holders.Add(holder);
                var dm = holder.StartsWith("dm-", StringComparison.Ordinal);
                var index = uint.Parse(holder.AsSpan(dm ? 3 : 2), NumberStyles.None, Invariant);
                ShowVirtual(
                    holder,
                    new DeviceNumber(true, dm ? 254u : 9u, index),
                    directory =>
                    {
                        if (dm)
                            directory.AddDirectory(
                                "dm",
                                inner => WriteAttributes(inner, ("name", label), ("uuid", ""), ("suspended", "0"))
                            );
                        else
                            directory.AddDirectory(
                                "md",
                                inner => WriteAttributes(inner, ("level", "raid1"), ("array_state", "clean"), ("metadata_version", "1.2"))
                            );
                    }
                );
                _core.Tree.WriteLink($"{_disks[holder].Path}/slaves/{disk}", found.Path);
                _core.Tree.WriteLink($"{found.Path}/holders/{holder}", _disks[holder].Path);
            }
        );

    public void RemoveHolder(string disk, string holder) =>
        _core.Locked(() =>
        {
            if (!_disks.TryGetValue(disk, out var found) || !found.Holders.Remove(holder))
                return;
            _core.Tree.Remove($"{found.Path}/holders/{holder}");
            Hide(_disks[holder]);
        });

    /// <summary>
    /// losetup: the loop device keeps the disk open in the kernel, claims nothing, and neither <c>holders</c> nor a process shows it.
    /// </summary>
    public string AttachLoop(string disk) =>
        _core.Locked(() =>
        {
            var index = _core.Indices.Take("loop");
            var name = string.Create(Invariant, $"loop{index}");
            ShowVirtual(
                name,
                new DeviceNumber(true, 7, (uint)index),
                directory =>
                    directory.AddDirectory(
                        "loop",
                        inner => WriteAttributes(inner, ("backing_file", _disks[disk].Node), ("offset", "0"), ("autoclear", "0"))
                    )
            );
            return name;
        });

    public void DetachLoop(string loop) =>
        _core.Locked(() =>
        {
            Hide(_disks[loop]);
            _core.Indices.Free("loop", int.Parse(loop.AsSpan(4), NumberStyles.None, Invariant));
        });

    /// <summary>
    /// The kernel's SCSI target passes a SCSI device on, as <c>pscsi_0</c> has it (kernel <c>drivers/target/target_core_pscsi.c</c>).
    /// </summary>
    public void ExportScsi(string address, string name) =>
        _core.Locked(() =>
        {
            var place = address.Split(':');
            _core.Tree.WriteFile(
                $"{ScsiTarget}/{name}/info",
                "Status: ACTIVATED  Max Queue Depth: 0  SectorSize: 0  HwMaxSectors: 0\n        SCSI Device Bus Location: "
                    + $"Channel ID: {place[1]} Target ID: {place[2]} LUN: {place[3]} Host ID: {place[0]}\n"
            );
            _core.Tree.WriteFile($"{ScsiTarget}/{name}/udev_path", "");
        });

    public void WithdrawScsi(string name) => _core.Locked(() => _core.Tree.Remove($"{ScsiTarget}/{name}"));

    /// <summary>Gives a disk a partition; returns its name.</summary>
    public string AddPartition(string disk, int number) =>
        _core.Locked(() =>
        {
            var whole = _disks[disk];
            var name = string.Create(Invariant, $"{disk}{(char.IsAsciiDigit(disk[^1]) ? "p" : "")}{number}");
            var partition = new SimulatedDisk(
                name,
                $"{whole.Path}/{name}",
                whole.Number with
                {
                    Minor = whole.Number.Minor + (uint)number,
                },
                disk
            );
            _core.Tree.AddDirectory(
                partition.Path,
                directory =>
                {
                    WriteAttributes(
                        directory,
                        ("partition", number.ToString(Invariant)),
                        ("dev", partition.Number.ToString()),
                        ("start", "2048"),
                        ("size", "61440")
                    );
                    directory.AddDirectory("holders");
                    directory.WriteLink("subsystem", "/sys/class/block");
                }
            );
            Show(partition);
            return name;
        });

    public void RemovePartition(string partition) => _core.Locked(() => Hide(_disks[partition]));

    /// <summary>mknod(1): another node for a disk.</summary>
    public void MakeNode(string disk, string node) => _core.Locked(() => _core.AddNode(node, _disks[disk].Number, path: null, 0x180));

    public void RemoveNode(string node) => _core.Locked(() => _core.RemoveNode(node));

    /// <summary>
    /// open(O_RDONLY|O_EXCL) on a whole disk: EBUSY for mounts, partitions in use, dm, md, swap and another exclusive open; a loop device
    /// on it is no hindrance.
    /// </summary>
    internal (Errno Error, Action? Close) OpenExclusive(string node)
    {
        if (!node.StartsWith("/dev/", StringComparison.Ordinal) || !_disks.TryGetValue(node["/dev/".Length..], out var disk))
            return (Errno.ENOENT, null);
        if (HasExclusiveOpen(disk) || _disks.Values.Any(part => (part == disk || part.Whole == disk.Name) && IsUsed(part)))
            return (Errno.EBUSY, null);
        disk.ExclusiveOpens++;
        return (Errno.None, () => disk.ExclusiveOpens--);
    }

    internal Action AddDisk(string name, string parentPath, string devicePath, int major, int? minor = null)
    {
        var number = minor ?? (_core.Indices.Take("disk") * 16);
        var disk = new SimulatedDisk(name, $"{parentPath}/{name}", new DeviceNumber(true, (uint)major, (uint)number), Whole: null);
        _core.Tree.AddDirectory(
            disk.Path,
            directory =>
            {
                WriteWholeDisk(directory, disk);
                directory.WriteLink("device", devicePath);
            }
        );
        Show(disk);
        _core.Uevents.Emit(
            "add",
            disk.Path,
            "block",
            ("MAJOR", $"{major}"),
            ("MINOR", $"{number}"),
            ("DEVNAME", name),
            ("DEVTYPE", "disk")
        );
        return () =>
        {
            foreach (var part in _disks.Values.Where(part => part == disk || part.Whole == name).ToArray())
                Hide(part);
            if (minor is null)
                _core.Indices.Free("disk", number / 16);
            _core.Uevents.Emit(
                "remove",
                disk.Path,
                "block",
                ("MAJOR", $"{major}"),
                ("MINOR", $"{number}"),
                ("DEVNAME", name),
                ("DEVTYPE", "disk")
            );
        };
    }

    internal void WriteSwaps() =>
        _core.Tree.WriteFile(
            "/proc/swaps",
            "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
                + string.Concat(_swaps.Select(disk => $"/dev/{disk}".PadRight(40) + "partition\t65532\t\t0\t\t-2\n"))
        );

    private static void WriteWholeDisk(DirectoryDraft directory, SimulatedDisk disk)
    {
        WriteAttributes(directory, ("dev", disk.Number.ToString()), ("size", "131072"), ("hidden", "0"), ("removable", "0"));
        directory.AddDirectory("holders");
        directory.AddDirectory("slaves");
        directory.WriteLink("subsystem", "/sys/class/block");
    }

    private static void WriteAttributes(DirectoryDraft directory, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        foreach (var (name, value) in attributes)
            directory.Attribute(name, value);
    }

    private void ShowVirtual(string name, DeviceNumber number, Action<DirectoryDraft> more)
    {
        var disk = new SimulatedDisk(name, "/sys/devices/virtual/block/" + name, number, Whole: null);
        _core.Tree.AddDirectory(
            disk.Path,
            directory =>
            {
                WriteWholeDisk(directory, disk);
                more(directory);
            }
        );
        Show(disk);
    }

    /// <summary>
    /// Claims a device for the kernel's own use, as bd_prepare_to_claim does: EBUSY while another has it, or the whole disk when it is a
    /// partition, or a partition of it.
    /// </summary>
    private Errno Claimed(string disk, Action<SimulatedDisk> use, bool alreadyMounted = false) =>
        _core.Locked(() =>
        {
            if (!_disks.TryGetValue(disk, out var found))
                return Errno.ENOENT;
            var free = alreadyMounted && _mounts.Exists(mount => mount.Disk == disk) || !Related(found).Any(IsUsed);
            if (!free || HasExclusiveOpen(found))
                return Errno.EBUSY;
            use(found);
            return Errno.None;
        });

    /// <summary>An exclusive open of the whole disk also keeps its partitions from being claimed, and the other way round.</summary>
    private bool HasExclusiveOpen(SimulatedDisk disk) => Related(disk).Any(other => other.ExclusiveOpens > 0);

    private IEnumerable<SimulatedDisk> Related(SimulatedDisk disk) =>
        _disks.Values.Where(other => other == disk || other.Whole == disk.Name || other.Name == disk.Whole);

    private bool IsUsed(SimulatedDisk disk) =>
        disk.Claims > 0 || disk.Holders.Count > 0 || _swaps.Contains(disk.Name) || _mounts.Exists(mount => mount.Disk == disk.Name);

    private void Show(SimulatedDisk disk)
    {
        _disks.Add(disk.Name, disk);
        _core.Tree.WriteLink("/sys/class/block/" + disk.Name, disk.Path);
        if (disk.Whole is null)
            _core.Tree.WriteLink("/sys/block/" + disk.Name, disk.Path);
        _core.AddNode(disk.Node, disk.Number, disk.Path, 0x180);
    }

    private void Hide(SimulatedDisk disk)
    {
        _disks.Remove(disk.Name);
        _core.RemoveNode(disk.Node);
        foreach (var path in (string[])["/sys/class/block/" + disk.Name, "/sys/block/" + disk.Name, disk.Path])
            _core.Tree.Remove(path);
    }

    internal sealed record Mount(int Id, string Source, string ShownNumber, string Target, string Type, string Namespace)
    {
        /// <summary>Null for what has no block device.</summary>
        public string? Disk { get; init; }

        public string? Options { get; init; }

        public bool Hidden { get; init; }
    }
}

/// <param name="Whole">The disk that a partition is of; null for a disk.</param>
internal sealed record SimulatedDisk(string Name, string Path, DeviceNumber Number, string? Whole)
{
    public string Node => "/dev/" + Name;

    /// <summary>What is stacked on it and shows in <c>holders/</c>.</summary>
    public List<string> Holders { get; } = [];

    public int Claims { get; set; }

    public int ExclusiveOpens { get; set; }

    public bool Equals(SimulatedDisk? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);
}
