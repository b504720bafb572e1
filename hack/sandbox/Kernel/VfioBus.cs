using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>A device on a vfio driver: <c>vfio-dev/vfioN</c> and, where the kernel has cdevs, its node.</summary>
internal sealed class VfioDevice(int index, string name, string parentPath, IommuGroupModel group, VfioGroup node)
{
    public int Index { get; } = index;

    /// <summary>What VFIO_GROUP_GET_DEVICE_FD is given: the PCI address, or the mdev's UUID.</summary>
    public string Name { get; } = name;

    public string ParentPath { get; } = parentPath;

    public IommuGroupModel Group { get; } = group;

    public VfioGroup Node { get; } = node;

    public string Cdev => string.Create(CultureInfo.InvariantCulture, $"vfio{Index}");

    /// <summary>Device descriptors and opened cdevs: while there is one, the driver cannot let go.</summary>
    public List<VfioHold> Holds { get; } = [];

    public bool Leaving { get; set; }

    /// <summary>Why its driver opens it for nobody now; null when it does.</summary>
    public Func<Errno?> RefusesOpen { get; set; } = () => null;
}

/// <summary>One open descriptor on a vfio device.</summary>
/// <param name="Request">Called when the kernel asks for the device back (the request eventfd); null when nobody listens (a cdev that is
/// not bound).</param>
internal sealed record VfioHold(string Who, Action? Request);

/// <summary>The group's own node <c>/dev/vfio/GROUP</c>; exists while a member is on a vfio driver.</summary>
internal sealed class VfioGroup(int number, int minor)
{
    public int Number { get; } = number;

    public int Minor { get; } = minor;

    public string Node => string.Create(CultureInfo.InvariantCulture, $"/dev/vfio/{Number}");

    public List<VfioDevice> Devices { get; } = [];

    /// <summary>Who has the group open; null when nobody.</summary>
    public string? Holder { get; set; }

    /// <summary>Devices bound to an iommufd: the group cannot be opened meanwhile.</summary>
    public int BoundCdevs { get; set; }
}

/// <summary>vfio's registry (drivers/vfio/vfio_main.c, group.c, device_cdev.c as contracts/kernel.md saw them).</summary>
internal sealed class VfioBus(KernelCore core, bool cdev)
{
    private const int CdevMajor = 241;
    private const int GroupMajor = 242;

    private readonly List<VfioDevice> _devices = [];

    public VfioDevice? FindCdev(string name) => _devices.Find(device => device.Cdev == name && !device.Leaving);

    public VfioDevice Register(string name, string parentPath, IommuGroupModel group)
    {
        var node = group.Vfio ??= AddGroup(group);
        var device = new VfioDevice(core.Indices.Take("vfio-dev"), name, parentPath, group, node);
        node.Devices.Add(device);
        _devices.Add(device);
        var path = PathOf(device);
        core.Tree.AddDirectory(
            path,
            directory =>
            {
                directory.WriteLink("device", parentPath);
                directory.WriteLink("subsystem", "/sys/class/vfio-dev");
                directory.WriteFile("uevent", cdev ? $"MAJOR={CdevMajor}\nMINOR={device.Index}\nDEVNAME=vfio/devices/{device.Cdev}\n" : "");
                if (cdev)
                    directory.Attribute("dev", $"{CdevMajor}:{device.Index}");
            }
        );
        core.Tree.WriteLink("/sys/class/vfio-dev/" + device.Cdev, path);
        if (cdev)
            core.AddNode("/dev/vfio/devices/" + device.Cdev, new DeviceNumber(false, CdevMajor, (uint)device.Index), path, 0x180);
        EmitDevice("add", device);
        return device;
    }

    /// <summary>
    /// Takes a device out of vfio. What is visible of it goes at once and its holder is asked to let go; then this blocks until the last
    /// descriptor is closed (contracts/kernel.md: "unbind from vfio-pci while its fd is open"). False when the machine restarted meanwhile.
    /// </summary>
    public bool Unregister(VfioDevice device)
    {
        device.Leaving = true;
        core.Tree.Remove("/sys/class/vfio-dev/" + device.Cdev);
        core.Tree.Remove(device.ParentPath + "/vfio-dev");
        core.RemoveNode("/dev/vfio/devices/" + device.Cdev);
        core.Tree.RemoveIfEmpty("/dev/vfio/devices");
        EmitDevice("remove", device);
        foreach (var hold in device.Holds.ToArray())
            hold.Request?.Invoke();
        if (!core.WaitUntil(() => device.Holds.Count == 0))
            return false;
        _devices.Remove(device);
        core.Indices.Free("vfio-dev", device.Index);
        device.Node.Devices.Remove(device);
        if (device.Node.Devices.Count == 0)
            RemoveGroup(device.Group, device.Node);
        return true;
    }

    /// <summary>open(2) of <c>/dev/vfio/GROUP</c> or of any path that means it.</summary>
    public (Errno Error, VfioGroup? Group) OpenGroup(string node, string who, IEnumerable<IommuGroupModel> groups)
    {
        var group = groups.Select(candidate => candidate.Vfio).FirstOrDefault(candidate => candidate?.Node == node);
        if (group is null)
            return (Errno.ENOENT, null);
        if (group.Holder is not null || group.BoundCdevs > 0)
            return (Errno.EBUSY, null);
        group.Holder = who;
        return (Errno.None, group);
    }

    private static string PathOf(VfioDevice device) => $"{device.ParentPath}/vfio-dev/{device.Cdev}";

    private VfioGroup AddGroup(IommuGroupModel group)
    {
        var node = new VfioGroup(group.Number, core.Indices.Take("vfio"));
        var path = $"/sys/devices/virtual/vfio/{node.Number}";
        core.Tree.AddDirectory(
            path,
            directory =>
            {
                directory.Attribute("dev", $"{GroupMajor}:{node.Minor}");
                directory.WriteFile("uevent", $"MAJOR={GroupMajor}\nMINOR={node.Minor}\nDEVNAME=vfio/{node.Number}\n");
                directory.WriteLink("subsystem", "/sys/class/vfio");
            }
        );
        core.Tree.WriteLink($"/sys/class/vfio/{node.Number}", path);
        core.AddNode(node.Node, new DeviceNumber(false, GroupMajor, (uint)node.Minor), path, 0x180);
        EmitGroup("add", node);
        return node;
    }

    private void RemoveGroup(IommuGroupModel group, VfioGroup node)
    {
        core.Tree.Remove($"/sys/class/vfio/{node.Number}");
        core.Tree.Remove($"/sys/devices/virtual/vfio/{node.Number}");
        core.Tree.RemoveIfEmpty("/sys/devices/virtual/vfio");
        core.RemoveNode(node.Node);
        core.Indices.Free("vfio", node.Minor);
        group.Vfio = null;
        EmitGroup("remove", node);
    }

    private void EmitGroup(string action, VfioGroup node) =>
        core.Uevents.Emit(
            action,
            $"/sys/devices/virtual/vfio/{node.Number}",
            "vfio",
            ("MAJOR", $"{GroupMajor}"),
            ("MINOR", $"{node.Minor}"),
            ("DEVNAME", $"vfio/{node.Number}")
        );

    private void EmitDevice(string action, VfioDevice device)
    {
        if (cdev)
            core.Uevents.Emit(
                action,
                PathOf(device),
                "vfio-dev",
                ("MAJOR", $"{CdevMajor}"),
                ("MINOR", $"{device.Index}"),
                ("DEVNAME", $"vfio/devices/{device.Cdev}")
            );
        else
            core.Uevents.Emit(action, PathOf(device), "vfio-dev");
    }
}
