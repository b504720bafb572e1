using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;

namespace Hostdev.DevicePlugin.Usage;

/// <param name="Name">The kernel's name, for example <c>nvme0n1p1</c>.</param>
/// <param name="Path">Below <c>/sys/devices</c>; a partition lies below its disk.</param>
/// <param name="Number"><c>major:minor</c>.</param>
internal sealed record BlockDevice(string Name, string Path, string Number)
{
    /// <summary>A slash in a name is an exclamation mark in sysfs (kernel <c>drivers/base/core.c: device_get_devnode</c>).</summary>
    public string Node => "/dev/" + Name.Replace('!', '/');
}

/// <summary>Something that a block device is built into.</summary>
/// <param name="Device">The block device that it makes in turn; null for what is none.</param>
/// <param name="Description">Completes "nvme0n1 is": <c>part of dm-0 (vg-data)</c>.</param>
internal sealed record StackedOn(BlockDevice? Device, string Description);

/// <summary>
/// The block devices of this moment, and what stands on what (kernel <c>Documentation/ABI/stable/sysfs-block</c>; <c>block/holder.c</c>).
/// </summary>
internal sealed class BlockDevices
{
    private readonly HostFileReader _files;
    private readonly IHostCalls _calls;
    private readonly Dictionary<string, BlockDevice> _byName = new(StringComparer.Ordinal);
    private readonly ILookup<string, BlockDevice> _byParent;
    private readonly Lazy<ILookup<string, StackedOn>> _byBackingNumber;
    private readonly Lazy<ILookup<DeviceId, (BlockDevice Disk, Road Road)>> _byDevice;

    public BlockDevices(HostFileReader files, DeviceTree tree, IHostCalls calls)
    {
        (_files, _calls) = (files, calls);
        foreach (var name in files.List("/sys/class/block"))
        {
            // The hidden paths of a multipath NVMe namespace have no number: nobody can open them.
            if (files.ResolveLink("/sys/class/block/" + name) is { } path && files.ReadText(path + "/dev").Text is { } number)
                _byName[name] = new BlockDevice(name, path, number);
        }

        _byParent = _byName.Values.ToLookup(b => SysfsPath.Parent(b.Path), StringComparer.Ordinal);
        _byDevice = new(() =>
            _byName.Values.Where(IsWhole).SelectMany(b => tree.RoadsOn(b.Path).Select(r => (Disk: b, Road: r))).ToLookup(d => d.Road.Device)
        );
        _byBackingNumber = new(() => Backings().ToLookup(b => b.Number, b => b.User, StringComparer.Ordinal));
    }

    /// <summary>Whole disks whose hardware is the device, hangs below it or is reached over it, with how.</summary>
    public IEnumerable<(BlockDevice Disk, Road Road)> DisksOver(DeviceId device) =>
        _byDevice.Value[device].OrderBy(d => d.Disk.Name, StringComparer.Ordinal);

    public IEnumerable<BlockDevice> PartitionsOf(BlockDevice disk) => _byParent[disk.Path].OrderBy(b => b.Name, StringComparer.Ordinal);

    /// <summary>
    /// What is built on this very device. A partition's users are not the disk's: the whole disk's <c>holders</c> is empty while
    /// device-mapper has a partition. Loop devices and storage targets keep a file open in the kernel, which neither <c>holders</c> nor any
    /// process shows.
    /// </summary>
    public IEnumerable<StackedOn> StacksOn(BlockDevice block)
    {
        foreach (var holder in _files.List(block.Path + "/holders"))
            yield return new StackedOn(_byName.GetValueOrDefault(holder), $"part of {Label(holder)}");
        foreach (var user in _byBackingNumber.Value[block.Number])
            yield return user;
        if (_files.Exists(block.Path + "/bcache"))
            yield return new StackedOn(null, "part of a bcache");
    }

    /// <summary><c>dm-0 (vg-data)</c>: the name that its admin knows.</summary>
    public string Label(string name) =>
        _files.ReadText($"/sys/class/block/{name}/dm/name").Text is { Length: > 0 } label ? $"{name} ({label})" : name;

    private bool IsWhole(BlockDevice block) => !_byName.ContainsKey(SysfsPath.LastName(SysfsPath.Parent(block.Path)));

    private IEnumerable<(string Number, StackedOn User)> Backings()
    {
        const string nvmeTargets = "/sys/kernel/config/nvmet/subsystems";
        var files = _byName
            .Values.Where(b => b.Name.StartsWith("loop", StringComparison.Ordinal))
            .Select(b => (File: b.Path + "/loop/backing_file", User: new StackedOn(b, $"what {b.Name} stands on")))
            .Concat(
                from nqn in _files.List(nvmeTargets)
                from id in _files.List($"{nvmeTargets}/{nqn}/namespaces")
                select ($"{nvmeTargets}/{nqn}/namespaces/{id}/device_path", new StackedOn(null, $"exported by the NVMe target {nqn}"))
            )
            .Concat(
                from store in ScsiBackstore.All(_files)
                select (store.Path + "/udev_path", new StackedOn(null, $"exported by the SCSI target {store.Name}"))
            );
        foreach (var (file, user) in files)
        {
            if (_files.ReadText(file).Text is { Length: > 0 } path && _calls.ReadDeviceNumber(path) is { IsBlock: true } number)
                yield return (number.ToString(), user);
        }
    }
}
