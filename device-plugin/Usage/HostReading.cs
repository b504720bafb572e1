using System.Collections.Immutable;
using System.Diagnostics;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>
/// One look at the machine, shared by all functions that are asked about: one pass over /proc, and sysfs as it is now, which may be newer
/// than the inventory.
/// </summary>
internal sealed class HostReading
{
    private readonly HostFileReader _files;
    private readonly DeviceTree _tree;
    private readonly ProcessSnapshot _processes;
    private readonly HostInventory _inventory;
    private readonly Lazy<ILookup<DeviceId, string>> _mdevs;

    /// <param name="isGiven">Whether a pod has a device.</param>
    public HostReading(HostPaths paths, IHostCalls calls, ProcessReader processes, HostInventory inventory, Func<DeviceId, bool> isGiven)
    {
        _files = new HostFileReader(paths);
        var network = new Lazy<NetworkReading>(calls.ReadNetwork);
        _tree = new DeviceTree(_files, network);
        _inventory = inventory;
        _processes = processes.Read(new OpenFileFilter(IsOfADevice, new PciMemory(_files, calls)), LookBudget.Thorough);
        _mdevs = new(() =>
            _files
                .List("/sys/bus/mdev/devices")
                .SelectMany(m =>
                    _files.ResolveLink($"/sys/bus/mdev/devices/{m}") is { } path
                        ? _tree.DevicesOn(path).Select(f => (Device: f, Mdev: m))
                        : []
                )
                .ToLookup(m => m.Device, m => m.Mdev)
        );
        Blocks = new BlockDevices(_files, _tree, calls);
        Vfio = new VfioUsage(_tree, _processes);
        Storage = new StorageUsage(Blocks, _tree, _processes, _files, calls);
        Nodes = new NodeUsage(_tree, _processes);
        var consoles = new KernelConsoles(_files, _tree);
        Console = new ConsoleUsage(_files, _tree, consoles);
        Keyboards = new KeyboardUsage(_files, inventory, _processes, consoles, isGiven);
        Virtio = new VirtioUsage(_files, _processes, consoles);
        Remote = new RemoteMounts(_processes, _tree);
        Network = new NetworkUsage(paths, _tree.Names, network.Value);
    }

    public BlockDevices Blocks { get; }

    public VfioUsage Vfio { get; }

    public StorageUsage Storage { get; }

    private NodeUsage Nodes { get; }

    private ConsoleUsage Console { get; }

    private KeyboardUsage Keyboards { get; }

    private VirtioUsage Virtio { get; }

    private RemoteMounts Remote { get; }

    private NetworkUsage Network { get; }

    /// <summary>Everybody but pods; nobody for a device that is not there.</summary>
    public IEnumerable<DeviceUser> UsersOf(DeviceId device) =>
        device switch
        {
            DeviceId.OfPci(var address) => _inventory.Functions.TryGetValue(address, out var function) ? UsersOf(function) : [],
            DeviceId.OfUsb(var port) => _inventory.Usb(port) is { } usb ? [.. Keyboards.UsersOf(usb), .. UsersOf(port, usb.Children)] : [],
            DeviceId.OfScsi(var disk) => _inventory.Scsi(disk) is { } scsi ? UsersOf(disk, scsi.Children) : [],
            DeviceId.OfMdev(var uuid) => _inventory.Mdev(uuid) is { } mdev ? UsersOf(mdev) : [],
            // A class that was forgotten here would be one that nobody uses, and be taken from whoever does.
            _ => throw new UnreachableException($"{device} is of a class of which it is not known who uses it"),
        };

    private IEnumerable<DeviceUser> UsersOf(MdevDevice mdev) =>
        WithUnseen([.. Vfio.UsersOf(_inventory.GroupOf((DeviceId)mdev.Uuid)), .. Nodes.UsersOf(mdev.Uuid)]);

    /// <summary>Of a device that is lent as it is: what the host's drivers make of it is used, or not.</summary>
    private IEnumerable<DeviceUser> UsersOf(DeviceId device, ImmutableArray<ChildDevice> children) =>
        WithUnseen([
            .. Nodes.UsersOf(device),
            .. Console.UsersOf(device),
            .. Storage.UsersOf(device),
            .. Remote.UsersOf(device),
            .. Network.UsersOf(device, children, hasInterfaceElsewhere: false),
        ]);

    private IEnumerable<DeviceUser> WithUnseen(List<DeviceUser> users)
    {
        if (_processes.Unseen is { } unseen)
            users.Add(new DeviceUser(UserKind.Unknown, unseen));
        return users.Distinct();
    }

    /// <summary>Disks are stacked in ways that only all of them together tell.</summary>
    private bool IsOfADevice(DeviceNumber number) =>
        number.IsBlock
        || KeyboardUsage.IsTerminal(number)
        || _tree.DevicesOf(number).Any()
        || _tree.PathOf(number)?.StartsWith(VfioUsage.Groups, StringComparison.Ordinal) == true;

    private IEnumerable<DeviceUser> UsersOf(PciFunction function)
    {
        var device = $"/sys/bus/pci/devices/{function.Address}";
        var names = _files.List(device);
        List<DeviceUser> users = [.. Vfio.UsersOf(_inventory.GroupOf(function)), .. Nodes.UsersOf(function.Address)];
        // A function on a passthrough driver carries nothing of the host's; boot_vga stays 1 for ever.
        if (_files.ReadLinkName(device + "/driver") is not { } driver || !_inventory.Facts.PassthroughDrivers.Contains(driver))
        {
            users.AddRange(Console.UsersOf(function));
            users.AddRange(Storage.UsersOf(function.Address));
            users.AddRange(Remote.UsersOf(function.Address));
            users.AddRange(Virtio.UsersOf(function, names));
            var isElsewhere = function is { NetworkInterfaceElsewhere: true, Driver: not null };
            users.AddRange(Network.UsersOf(function.Address, function.Children, isElsewhere));
            users.AddRange(NvidiaUsage.UsersOf(_files, function, names));
        }

        var vfs = names.Count(n => n.StartsWith("virtfn", StringComparison.Ordinal));
        if (vfs > 0)
            users.Add(new DeviceUser(UserKind.VirtualFunctions, $"it has {vfs} virtual function{(vfs == 1 ? "" : "s")}"));
        var mdevs = _mdevs.Value[function.Address].Count();
        if (mdevs > 0)
            users.Add(new DeviceUser(UserKind.MediatedDevices, $"it has {mdevs} mediated device{(mdevs == 1 ? "" : "s")}"));
        return WithUnseen(users);
    }
}
