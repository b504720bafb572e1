using System.Globalization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>Mediated devices: types that compete for their parent's capacity (contracts/kernel.md, "mdev").</summary>
internal sealed class MdevBus(KernelCore core, IommuGroups groups, VfioBus vfio)
{
    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    private readonly SortedDictionary<string, Mdev> _devices = new(StringComparer.Ordinal);
    private readonly List<Parent> _parents = [];

    public void Boot(IEnumerable<MdevParentDescription> parents, PciBus bus)
    {
        foreach (var directory in (string[])["/sys/bus/mdev/devices", "/sys/bus/mdev/drivers", "/sys/class/mdev_bus"])
            core.Tree.MakeDirectory(directory);
        foreach (var description in parents)
        {
            var path = description.Function is { } address
                ? bus.Devices[address].Path
                : $"/sys/devices/virtual/{description.Name}/{description.Name}";
            var parent = new Parent(description, path);
            _parents.Add(parent);
            foreach (var type in description.Types)
            {
                var typePath = TypePath(parent, type);
                core.Tree.AddDirectory(typePath, directory => WriteType(directory, type));
                core.Attribute(typePath + "/create", text => Create(parent, type, text));
            }

            WriteAvailable(parent);
            core.Tree.WriteLink("/sys/class/mdev_bus/" + Path.GetFileName(path), path);
            core.Tree.MakeDirectory("/sys/bus/mdev/drivers/" + description.Name);
        }
    }

    public int? GroupOf(string uuid) => _devices.GetValueOrDefault(uuid)?.Group.Number;

    private static string TypePath(Parent parent, MdevTypeDescription type) => $"{parent.Path}/mdev_supported_types/{type.Id}";

    private static void WriteType(DirectoryDraft directory, MdevTypeDescription type)
    {
        directory.Attribute("name", type.Name);
        directory.Attribute("device_api", type.DeviceApi);
        if (type.Description is { } text)
            directory.Attribute("description", text);
        directory.WriteFile("create", "", 0x80);
        directory.AddDirectory("devices");
    }

    private void WriteAvailable(Parent parent)
    {
        var used = _devices.Values.Where(device => device.Parent == parent).Sum(device => device.Type.Cost);
        foreach (var type in parent.Description.Types)
        {
            core.Tree.WriteFile(
                TypePath(parent, type) + "/available_instances",
                ((parent.Description.Capacity - used) / type.Cost).ToString(Invariant) + "\n",
                0x124
            );
        }
    }

    /// <summary>
    /// Seen on 6.12: the length must be 36, or 37 whatever the last character is; upper case is taken and printed in lower case.
    /// </summary>
    private Errno Create(Parent parent, MdevTypeDescription type, string text)
    {
        if (text.Length is < 36 or > 37 || !Guid.TryParseExact(text[..36], "D", out var guid))
            return Errno.EINVAL;
        var uuid = new MdevUuid(guid).ToString();
        if (_devices.ContainsKey(uuid))
            return Errno.EEXIST;
        var used = _devices.Values.Where(device => device.Parent == parent).Sum(device => device.Type.Cost);
        if (used + type.Cost > parent.Description.Capacity)
            return Errno.ENOSPC;
        var device = new Mdev(uuid, parent, type, groups.Create("vfio-noiommu"));
        _devices.Add(uuid, device);
        Show(device);
        WriteAvailable(parent);
        return Errno.None;
    }

    private void Show(Mdev device)
    {
        var path = device.Path;
        core.Tree.AddDirectory(
            path,
            directory =>
            {
                directory.WriteFile("remove", "", 0x80);
                directory.WriteFile("uevent", $"DRIVER={device.Parent.Description.Name}\n");
                directory.WriteLink("mdev_type", TypePath(device.Parent, device.Type));
                directory.WriteLink("iommu_group", IommuGroups.PathOf(device.Group));
                directory.WriteLink("subsystem", "/sys/bus/mdev");
                directory.WriteLink("driver", "/sys/bus/mdev/drivers/" + device.Parent.Description.Name);
            }
        );
        core.Tree.WriteLink("/sys/bus/mdev/devices/" + device.Uuid, path);
        core.Tree.WriteLink($"{TypePath(device.Parent, device.Type)}/devices/{device.Uuid}", path);
        core.Tree.WriteLink($"{IommuGroups.PathOf(device.Group)}/devices/{device.Uuid}", path);
        core.Tree.WriteLink($"/sys/bus/mdev/drivers/{device.Parent.Description.Name}/{device.Uuid}", path);
        foreach (var (name, mayBeRead) in device.Type.Settings)
        {
            var file = $"{path}/{name}";
            core.Tree.WriteFile(file, mayBeRead ? "\n" : "", mayBeRead ? 0x1a4 : 0x80);
            core.Attribute(
                file,
                text =>
                {
                    if (mayBeRead)
                        core.Tree.WriteFile(file, text + "\n");
                    return Errno.None;
                }
            );
        }

        core.Attribute(path + "/remove", text => PciBus.WhenTrue(text, () => Remove(device)));
        core.Uevents.Emit("add", path, "mdev");
        device.Vfio = vfio.Register(device.Uuid, path, device.Group);
        core.Uevents.Emit("bind", path, "mdev", ("DRIVER", device.Parent.Description.Name));
    }

    private Errno Remove(Mdev device)
    {
        if (device.Removing)
            return Errno.ENODEV;
        device.Removing = true;
        if (!vfio.Unregister(device.Vfio!))
            return Errno.EIO;
        core.Uevents.Emit("unbind", device.Path, "mdev");
        core.DropAttributes(device.Path);
        core.Tree.Remove($"/sys/bus/mdev/drivers/{device.Parent.Description.Name}/{device.Uuid}");
        core.Tree.Remove($"{TypePath(device.Parent, device.Type)}/devices/{device.Uuid}");
        core.Tree.Remove("/sys/bus/mdev/devices/" + device.Uuid);
        core.Tree.Remove(device.Path);
        groups.Free(device.Group);
        _devices.Remove(device.Uuid);
        WriteAvailable(device.Parent);
        core.Uevents.Emit("remove", device.Path, "mdev");
        return Errno.None;
    }

    private sealed record Parent(MdevParentDescription Description, string Path);

    private sealed class Mdev(string uuid, Parent parent, MdevTypeDescription type, IommuGroupModel group)
    {
        public string Uuid { get; } = uuid;

        public Parent Parent { get; } = parent;

        public MdevTypeDescription Type { get; } = type;

        public IommuGroupModel Group { get; } = group;

        public string Path => $"{Parent.Path}/{Uuid}";

        public VfioDevice? Vfio { get; set; }

        public bool Removing { get; set; }
    }
}
