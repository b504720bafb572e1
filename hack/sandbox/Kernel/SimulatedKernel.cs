using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// A Linux host that is a directory tree and a model. Production reads the tree through <see cref="Paths"/> and acts through
/// <see cref="Calls"/>; what a write does is what contracts/kernel.md says the kernel did, and the tree shows it before the write returns.
/// Where simulation and kernel differ, the simulation is wrong.
/// </summary>
public sealed class SimulatedKernel : IDisposable
{
    private readonly bool _ownsRoot;
    private readonly UeventHub _uevents = new();
    private readonly int _seed;
    private readonly MachineDescription _machine;
    private readonly HashSet<PciAddress> _unplugged = [];
    private int _boots;
    private DriverChildren _children = null!;
    private MdevBus _mdevs = null!;
    private PciBus _pci = null!;

    /// <param name="root">Where the tree goes; null makes a temporary directory, which <see cref="Dispose"/> removes.</param>
    /// <param name="seed">Tells the boot ids of several machines apart.</param>
    public SimulatedKernel(MachineDescription machine, string? root = null, TimeProvider? time = null, int seed = 1)
    {
        _machine = machine;
        _seed = seed;
        _ownsRoot = root is null;
        var path = root ?? TemporaryRoot();
        Core = new KernelCore(new SysTree(path), _uevents, machine.KernelRelease);
        Calls = new SimulatedHostCalls(this);
        Faults = new FaultScript(Core);
        Writes = new WriteLog(time ?? TimeProvider.System);
        Network = new SimulatedNetwork(Core);
        lock (Core.Gate)
            Boot();
    }

    public HostPaths Paths => Core.Tree.Paths;

    public SimulatedHostCalls Calls { get; }

    public FaultScript Faults { get; }

    public WriteLog Writes { get; }

    public ProcessTable Processes { get; private set; } = null!;

    public SimulatedStorage Storage { get; private set; } = null!;

    public SimulatedFabrics Fabrics { get; private set; } = null!;

    public SimulatedNetwork Network { get; }

    /// <summary>What the kernel printed since boot.</summary>
    public ImmutableArray<string> Messages => Core.Messages;

    /// <summary>A driver logs something; the text names its device, as dmesg does.</summary>
    public void Print(string message) => Core.Locked(() => Core.Print(message));

    /// <summary>Every event since the machine was made, also those that were lost.</summary>
    public ImmutableArray<Uevent> UeventHistory => _uevents.History;

    /// <summary>Paths of the writes that are blocked now.</summary>
    public ImmutableArray<string> BlockedWrites => Core.BlockedWrites;

    internal KernelCore Core { get; }

    internal IommuGroups Groups { get; private set; } = null!;

    internal UsbBus Usb => _children.Usb;

    internal VfioBus Vfio { get; private set; } = null!;

    /// <summary>Owners that could not be set on the tree, because this process is not root.</summary>
    internal Dictionary<string, NodeOwner> Owners { get; } = [];

    /// <summary>Opens the event socket: events from now on.</summary>
    public SimulatedUeventSource OpenUevents() => _uevents.Open();

    /// <summary>The next events do not fit into the sockets' buffers: their readers get <see cref="UeventBatch.Lost"/>.</summary>
    public void LoseUevents(int count) => _uevents.Lose(count);

    public string? DriverOf(string address) => Core.Locked(() => Device(address)?.Driver?.Name);

    /// <summary>Of a PCI function by its address, or of a mediated device by its UUID.</summary>
    public int? GroupOf(string device) =>
        Core.Locked(() => MdevUuid.TryParse(device, out _) ? _mdevs.GroupOf(device) : Device(device)?.Group?.Number);

    /// <summary>What a physical function's interface has for its virtual functions.</summary>
    public VfReading ReadVfs(string address) => Core.Locked(() => new VfNetwork(Network).Read(Device(address)));

    /// <summary>The link of a physical function's interface came back with another speed.</summary>
    public void ChangeLinkSpeed(string address) =>
        Core.Locked(() =>
        {
            if (Device(address) is { } pf)
                VfNetwork.ForgetRates(pf);
        });

    internal Errno SetVf(string address, string setting, string value) =>
        Core.Locked(() => new VfNetwork(Network).Set(Device(address), setting, value));

    /// <summary>How often the function was bound since boot, to whatever driver.</summary>
    public int BindCount(string address) => Core.Locked(() => _pci.Binding.BindCounts.GetValueOrDefault(PciAddress.Parse(address)));

    public int RequestsTo(SimulatedProcess holder) => Core.Locked(() => holder.Requests);

    /// <summary>For tests: returns when a write to a path that ends so is blocked; false after the time.</summary>
    public bool AwaitBlockedWrite(string pathEnd, TimeSpan limit) => Core.AwaitBlocked(pathEnd, limit);

    /// <summary>Surprise removal: the hardware is gone. What is open stays a ghost until it is closed; this returns at once.</summary>
    public void Unplug(string address)
    {
        if (Core.Locked(() => Device(address)) is not { } device)
            return;
        var held = Core.Locked(() =>
            _unplugged.Add(device.Address)
            && (device.Vfio is { Holds.Count: > 0 } || device.Vfs.Values.Any(vf => vf.Vfio is { Holds.Count: > 0 }))
        );
        Errno RemoveIt()
        {
            lock (Core.Gate)
                return _pci.Remove(device);
        }

        if (held)
            _ = Task.Factory.StartNew(RemoveIt, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        else
            _ = RemoveIt();
    }

    /// <summary>The function stops answering, until a reset brings it back or it is plugged anew.</summary>
    public void Break(string address) => Core.Locked(() => _pci.Health.Break(Device(address)!));

    /// <summary>The function reports a PCIe error, and the kernel counts it, and tells of what was not corrected.</summary>
    public void ReportError(string address, ErrorSeverity severity) => Core.Locked(() => _pci.Health.Report(Device(address)!, severity));

    /// <summary>Its link comes up anew with so many lanes, of which the kernel does not tell.</summary>
    public void TrainLink(string address, int lanes) =>
        Core.Locked(() => Core.Tree.WriteFile(Device(address)!.Path + "/current_link_width", $"{lanes}\n"));

    /// <summary>How often the function was reset through sysfs since it was found.</summary>
    public int Resets(string address) => Core.Locked(() => Device(address)?.Resets ?? 0);

    /// <summary>The hardware is back in its slot, and the hotplug driver finds it.</summary>
    public void Plug(string address)
    {
        Core.Locked(() => _unplugged.Remove(PciAddress.Parse(address)));
        _ = Core.Write("/sys/bus/pci/rescan", "1");
    }

    /// <summary>
    /// Cables other units to a SCSI controller, for good: what is there is seen when the host looks for it, and what is gone stays until it
    /// is taken from the host.
    /// </summary>
    public void CableScsi(string controller, params ImmutableArray<ScsiUnitDescription> units) =>
        Core.Locked(() => Core.ScsiCabling[PciAddress.Parse(controller)] = units);

    /// <summary>The sockets of all USB controllers that the host has a driver for.</summary>
    public ImmutableArray<(string Socket, bool IsUsed)> UsbSockets =>
        Core.Locked(() =>
            _children
                .Usb.Sockets.Select(s => (s.Key, s.Value.Device is not null))
                .OrderBy(s => s.Key, StringComparer.Ordinal)
                .ToImmutableArray()
        );

    /// <summary>
    /// Pulls the USB device out of this socket (<c>0000:01:00.0/2</c>); plugged in again, here or there, it has another device number.
    /// </summary>
    public void UnplugUsb(string socket) => Core.Locked(_children.Usb.Sockets[socket].Unplug);

    /// <param name="device">By default what was in it last.</param>
    public void PlugUsb(string socket, UsbDeviceDescription? device = null) =>
        Core.Locked(() => _children.Usb.Sockets[socket].Plug(device));

    /// <summary>
    /// What a VMM does to an interface (<c>1-2:1.0</c>) before it takes it: its driver is put aside, and no one gives it back.
    /// </summary>
    public void DetachUsbInterface(string name) => Core.Locked(() => _children.Usb.Detach(name));

    public void LoadUsbDriver(string name) => Core.Locked(() => _children.Usb.Load(name));

    public void UnloadUsbDriver(string name) => Core.Locked(() => _children.Usb.Unload(name));

    /// <summary>rmmod and modprobe: a node where vfio-pci is not loaded.</summary>
    public void UnloadDriver(string name) => Core.Locked(() => _pci.Binding.Unload(name));

    public void LoadDriver(PciDriverDescription driver) => Core.Locked(() => _pci.Binding.Load(driver));

    /// <summary>
    /// A new boot: new boot id, drivers as at boot, no VFs, overrides or mdevs, no processes, mounts or addresses. Writes that were blocked
    /// fail with EIO.
    /// </summary>
    public void Reboot()
    {
        lock (Core.Gate)
        {
            Core.Restart();
            foreach (var directory in (string[])["/sys", "/proc", "/dev"])
                Core.Tree.Remove(directory);
            Boot();
        }
    }

    public void Dispose()
    {
        lock (Core.Gate)
            Core.Restart();
        if (_ownsRoot && Directory.Exists(Paths.Root))
            Directory.Delete(Paths.Root, recursive: true);
    }

    /// <summary>
    /// In memory where there is such a file system: a machine is some 2000 small files, and a disk takes seconds for them.
    /// </summary>
    private static string TemporaryRoot()
    {
        var parent = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
        return Directory.CreateDirectory(Path.Combine(parent, "hostdev-kernel-" + Guid.NewGuid().ToString("N"))).FullName;
    }

    private PciDevice? Device(string address) => _pci.Devices.GetValueOrDefault(PciAddress.Parse(address));

    private void Boot()
    {
        _boots++;
        Owners.Clear();
        WriteMachineFiles();
        Network.Boot();
        Groups = new IommuGroups(Core, _machine.Iommu);
        Vfio = new VfioBus(Core, _machine.VfioCdev);
        Processes = new ProcessTable(Core, Groups, Vfio);
        Storage = new SimulatedStorage(Core, Processes.WriteMounts);
        Processes.Storage = Storage;
        Processes.Start("systemd");
        Storage.MountsChanged();
        Storage.WriteSwaps();
        Fabrics = new SimulatedFabrics(Core, Storage);
        _children = new DriverChildren(Core, Storage, Network, _machine.UsbDriversNotLoaded);
        new SerialChildren(Core, _children.Consoles).AddBoards();
        if (_machine.Ps2Keyboard)
            SerioBus.AddKeyboard(Core);
        _pci = new PciBus(Core, _machine, _unplugged, Groups, Vfio, _children, new VgpuCards(Core, _machine, Vfio));
        _pci.Boot();
        _mdevs = new MdevBus(Core, Groups, Vfio);
        _mdevs.Boot(_machine.MdevParents, _pci);
        foreach (var share in _machine.Shares)
            Storage.MountShare(share.Tag, share.Target, hidden: share.Hidden);
    }

    private void WriteMachineFiles()
    {
        var tree = Core.Tree;
        foreach (
            var path in (string[])
                [
                    "/sys/class/vfio-dev",
                    "/sys/class/vfio",
                    "/sys/class/net",
                    "/sys/class/block",
                    "/sys/class/nvme",
                    "/sys/class/nvme-subsystem",
                    "/sys/class/scsi_generic",
                    "/sys/class/scsi_host",
                    "/sys/class/mdev_bus",
                    "/sys/block",
                    "/sys/dev/block",
                    "/sys/dev/char",
                    "/sys/bus/usb/devices",
                    "/sys/bus/usb/drivers/usb",
                    "/sys/bus/scsi/devices",
                    "/sys/kernel/iommu_groups",
                    "/dev/vfio",
                    "/dev/bus/usb",
                ]
        )
            tree.MakeDirectory(path);
        tree.WriteFile("/proc/cmdline", _machine.CommandLine + "\n", 0x124);
        tree.WriteFile("/proc/sys/kernel/osrelease", _machine.KernelRelease + "\n", 0x124);
        tree.WriteFile("/proc/sys/kernel/arch", _machine.Architecture + "\n", 0x124);
        tree.WriteFile(
            $"/lib/modules/{_machine.KernelRelease}/modules.alias",
            string.Concat(_machine.ModuleAliases.Select(line => line + "\n"))
        );
        tree.WriteFile("/usr/share/misc/pci.ids", "# Names are of no meaning here.\n");
        tree.WriteFile(
            "/proc/sys/kernel/random/boot_id",
            string.Create(CultureInfo.InvariantCulture, $"{_seed:x8}-0000-4000-8000-{_boots:x12}\n"),
            0x124
        );
        tree.WriteFile("/proc/interrupts", MachineFiles.Interrupts(_machine), 0x124);
        tree.WriteFile(
            "/proc/iomem",
            "00000000-00000fff : Reserved\n00001000-0009fbff : System RAM\n000a0000-000bffff : PCI Bus 0000:00\n",
            0x100
        );
        UnsafeInterrupts("vfio_iommu_type1");
        if (_machine.VfioCdev)
            UnsafeInterrupts("iommufd");
        Core.InterruptRemapping = _machine.InterruptRemapping;
        Core.AddNode("/dev/vfio/vfio", new DeviceNumber(false, 10, 196), null, 0x1b6);
        if (_machine.VfioCdev)
            Core.AddNode("/dev/iommu", new DeviceNumber(false, 10, 260), null, 0x1b0);
    }

    /// <summary>By what a device is taken over the group, and over its own node: each has its parameter.</summary>
    private void UnsafeInterrupts(string module)
    {
        var path = $"/sys/module/{module}/parameters/allow_unsafe_interrupts";
        Core.UnsafeInterrupts.Remove(module);
        Core.Tree.MakeDirectory($"/sys/module/{module}/parameters");
        Core.Tree.WriteFile(path, "N\n");
        Core.Attribute(
            path,
            text =>
            {
                if (text.Trim() is not ("Y" or "N"))
                    return Errno.EINVAL;
                if (text.Trim() == "Y")
                    Core.UnsafeInterrupts.Add(module);
                else
                    Core.UnsafeInterrupts.Remove(module);
                Core.Tree.WriteFile(path, text.Trim() + "\n");
                return Errno.None;
            }
        );
    }
}
