using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// What hangs below PCI functions, USB devices and SCSI devices, each at its nearest of every kind: a disk on a USB stick hangs below the
/// stick and below the host controller, a virtual function's interface below the virtual function only. Found from the kernel's own indexes
/// (<c>/sys/dev/block</c>, <c>/sys/dev/char</c>, <c>/sys/class/net</c>, <c>/sys/class/scsi_host</c>), which name every device with its
/// path, rather than by walking trees.
/// </summary>
internal sealed class ChildIndex
{
    private readonly HostFileReader files;
    private readonly List<ReadProblem> problems;
    private readonly Dictionary<PciAddress, HashSet<ChildDevice>> byFunction = [];
    private readonly Dictionary<string, HashSet<ChildDevice>> byUsbDevice = [];
    private readonly Dictionary<string, HashSet<ChildDevice>> byScsiDevice = [];

    public ChildIndex(HostFileReader files, List<ReadProblem> problems)
    {
        this.files = files;
        this.problems = problems;
        AddDisks();
        AddClass("/sys/class/net", ChildKind.NetworkInterface);
        AddClass("/sys/class/scsi_host", ChildKind.ScsiHost);
        AddUsbBuses();
        AddMdevParents();
        AddCharacterDevices();
        AddNvidiaNodes();
    }

    public ImmutableArray<ChildDevice> Below(PciAddress function) => Ordered(byFunction.GetValueOrDefault(function));

    /// <param name="representors">The interfaces that are such.</param>
    public ImmutableArray<ChildDevice> Below(PciAddress function, IReadOnlySet<string> representors) =>
        Ordered(
            byFunction.GetValueOrDefault(function)?.Select(c => IsAmong(representors, c) ? c with { Kind = ChildKind.Representor } : c)
        );

    public ImmutableArray<ChildDevice> BelowUsb(string portPath) => Ordered(byUsbDevice.GetValueOrDefault(portPath));

    public ImmutableArray<ChildDevice> BelowScsi(string address) => Ordered(byScsiDevice.GetValueOrDefault(address));

    private static bool IsAmong(IReadOnlySet<string> interfaces, ChildDevice child) =>
        child.Kind == ChildKind.NetworkInterface && interfaces.Contains(child.Name);

    private static ImmutableArray<ChildDevice> Ordered(IEnumerable<ChildDevice>? children) =>
        children is null ? [] : [.. children.OrderBy(c => c.Kind).ThenBy(c => c.Name, StringComparer.Ordinal)];

    private void Add(string path, ChildDevice child)
    {
        if (SysfsPath.NearestFunction(path) is { } function)
            Add(byFunction, function, child);
        if (SysfsPath.NearestUsbDevice(path) is { } usb)
            Add(byUsbDevice, usb, child);
        if (SysfsPath.NearestScsiDevice(path) is { } scsi)
            Add(byScsiDevice, scsi, child);
    }

    private static void Add<TKey>(Dictionary<TKey, HashSet<ChildDevice>> index, TKey key, ChildDevice child)
        where TKey : notnull
    {
        if (!index.TryGetValue(key, out var children))
            index[key] = children = [];
        children.Add(child);
    }

    /// <summary>
    /// Whole disks. A partition lies below another block device; the hidden paths of a multipath NVMe namespace have no number and so no
    /// entry.
    /// </summary>
    private void AddDisks()
    {
        var paths = Targets("/sys/dev/block").ToHashSet(StringComparer.Ordinal);
        foreach (var path in paths.Where(p => !paths.Contains(SysfsPath.Parent(p))))
        {
            var name = SysfsPath.LastName(path);
            var disk = new ChildDevice(ChildKind.Disk, name, "/dev/" + name.Replace('!', '/'));
            foreach (var controller in NvmeControllersOf(path))
                Add(controller, disk);
            Add(path, disk);
        }
    }

    /// <summary>
    /// With multipath (the default) a namespace lies under <c>/sys/devices/virtual/nvme-subsystem/nvme-subsysX</c>, which links to each of
    /// its controllers (kernel <c>drivers/nvme/host/multipath.c</c>).
    /// </summary>
    private IEnumerable<string> NvmeControllersOf(string path)
    {
        var subsystem = SysfsPath.Parent(path);
        if (!SysfsPath.LastName(subsystem).StartsWith("nvme-subsys", StringComparison.Ordinal))
            return [];
        return files
            .List(subsystem)
            .Where(n => n.StartsWith("nvme", StringComparison.Ordinal))
            .Select(n => files.ResolveLink($"{subsystem}/{n}"))
            .OfType<string>();
    }

    private void AddClass(string directory, ChildKind kind)
    {
        foreach (var path in Targets(directory))
            Add(path, new ChildDevice(kind, SysfsPath.LastName(path)));
    }

    private void AddUsbBuses()
    {
        foreach (var path in Targets("/sys/bus/usb/devices"))
            if (SysfsPath.LastName(path) is var name && name.StartsWith("usb", StringComparison.Ordinal))
                Add(path, new ChildDevice(ChildKind.UsbBus, name));
    }

    private void AddMdevParents()
    {
        foreach (var path in Targets("/sys/class/mdev_bus"))
            Add(path, new ChildDevice(ChildKind.MdevParent, SysfsPath.LastName(path)));
    }

    /// <summary>
    /// Every node below a device but those the inventory names elsewhere: the vfio cdev, the USB device's own and the SCSI device's own
    /// (sgN), which opening the device means.
    /// </summary>
    private void AddCharacterDevices()
    {
        foreach (var path in Targets("/sys/dev/char"))
        {
            var parent = SysfsPath.LastName(SysfsPath.Parent(path));
            var name = SysfsPath.LastName(path);
            if (
                parent is "vfio-dev"
                || SysfsPath.IsUsbPortPath(name)
                || name.StartsWith("usb", StringComparison.Ordinal) && !path.Contains("/usbmisc/", StringComparison.Ordinal)
            )
                continue;
            var controllers = NvmeControllersOf(path).ToList();
            if (
                controllers.Count == 0
                && SysfsPath.NearestFunction(path) is null
                && SysfsPath.NearestUsbDevice(path) is null
                && SysfsPath.NearestScsiDevice(path) is null
            )
                continue;
            var child = new ChildDevice(ChildKind.CharacterDevice, name, NodeOf(path));
            foreach (var controller in controllers)
                Add(controller, child);
            if (parent is "scsi_generic")
                AddGenericNode(path, child);
            else
                Add(path, child);
        }
    }

    /// <summary>sgN is the SCSI device itself: it hangs below the controllers above, not below itself.</summary>
    private void AddGenericNode(string path, ChildDevice child)
    {
        if (SysfsPath.NearestFunction(path) is { } function)
            Add(byFunction, function, child);
        if (SysfsPath.NearestUsbDevice(path) is { } usb)
            Add(byUsbDevice, usb, child);
    }

    /// <summary>
    /// DEVNAME of the device's uevent: the name under <c>/dev</c>, directories included (kernel <c>drivers/base/core.c: dev_uevent</c>).
    /// </summary>
    private string? NodeOf(string path)
    {
        var read = files.ReadText($"{path}/uevent");
        if (read.Text is not { } text)
        {
            if (!read.IsAbsent)
                problems.Add(new ReadProblem($"{path}/uevent", read.Complaint!));
            return null;
        }

        var line = text.Split('\n').FirstOrDefault(l => l.StartsWith("DEVNAME=", StringComparison.Ordinal));
        return line is null ? null : "/dev/" + line["DEVNAME=".Length..].Trim();
    }

    /// <summary>
    /// NVIDIA's own driver registers its nodes without telling sysfs; it lists its devices in <c>/proc/driver/nvidia/gpus</c>.
    /// </summary>
    private void AddNvidiaNodes()
    {
        const string gpus = "/proc/driver/nvidia/gpus";
        foreach (var name in files.List(gpus))
        {
            if (!PciAddress.TryParse(name, out var address))
                continue;
            var line = files
                .ReadText($"{gpus}/{name}/information")
                .Text?.Split('\n')
                .FirstOrDefault(l => l.StartsWith("Device Minor:", StringComparison.Ordinal));
            if (
                int.TryParse(
                    line.AsSpan("Device Minor:".Length * (line is null ? 0 : 1)).Trim(),
                    NumberStyles.None,
                    CultureInfo.InvariantCulture,
                    out var minor
                )
            )
                Add(byFunction, address, new ChildDevice(ChildKind.CharacterDevice, $"nvidia{minor}", $"/dev/nvidia{minor}"));
        }
    }

    /// <summary>What the links in an index point at. Entries that vanish meanwhile are left out.</summary>
    private IEnumerable<string> Targets(string directory)
    {
        var names = files.List(directory, out var error);
        if (!error.IsSuccess && error != Errno.ENOENT)
            problems.Add(new ReadProblem(directory, $"cannot be listed: {error.Name}"));
        return names.Select(n => files.ResolveLink($"{directory}/{n}")).OfType<string>();
    }
}
