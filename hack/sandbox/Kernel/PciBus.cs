using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>The PCI bus: which functions exist, and where in the tree they show.</summary>
internal sealed class PciBus
{
    private readonly KernelCore _core;
    private readonly MachineDescription _machine;
    private readonly IommuGroups _groups;
    private readonly PciBinding _binding;
    private readonly SriovVfs _sriov;
    private readonly IReadOnlySet<PciAddress> _unplugged;
    private int _rescanOwner;

    public PciBus(
        KernelCore core,
        MachineDescription machine,
        IReadOnlySet<PciAddress> unplugged,
        IommuGroups groups,
        VfioBus vfio,
        DriverChildren children,
        VgpuCards vgpus
    )
    {
        _unplugged = unplugged;
        _core = core;
        _machine = machine;
        _groups = groups;
        _binding = new PciBinding(core, this, vfio, children, vgpus);
        _sriov = new SriovVfs(core, this, _binding);
        _binding.AddBelow = AddDomain;
        _binding.RemoveBelow = device => _sriov.RemoveAll(device) && RemoveDomain(device);
        Health = new PciHealth(core, this, _binding);
    }

    public SortedDictionary<PciAddress, PciDevice> Devices { get; } = [];

    public PciBinding Binding => _binding;

    public PciHealth Health { get; }

    /// <summary>pci_lock_rescan_remove: one for the machine.</summary>
    public bool RescanLocked => _rescanOwner != 0;

    public PciDevice? Find(string text) =>
        PciAddress.TryParse(text.TrimEnd('\n'), out var address) ? Devices.GetValueOrDefault(address) : null;

    public void Boot()
    {
        foreach (var directory in (string[])["devices", "drivers", "slots"])
            _core.Tree.MakeDirectory("/sys/bus/pci/" + directory);
        foreach (var name in (string[])["drivers_probe", "rescan"])
            _core.Tree.WriteFile("/sys/bus/pci/" + name, "", 0x80);
        _core.Tree.WriteFile("/sys/bus/pci/drivers_autoprobe", "1\n");
        _core.Attribute("/sys/bus/pci/drivers_probe", _binding.Probe);
        _core.Attribute("/sys/bus/pci/rescan", Rescan);
        foreach (var (name, address) in _machine.Slots)
        {
            _core.Tree.AddDirectory("/sys/bus/pci/slots/" + name, slot => slot.Attribute("address", address));
        }

        foreach (var bus in _machine.RootBuses)
            AddAll(bus.Functions, "/sys/devices/pci" + bus.Name, parent: null);
        foreach (var driver in _machine.Drivers)
            _binding.Load(driver);
    }

    /// <summary>Adds functions of one bus, then what is behind them: the order of the kernel's own scan.</summary>
    public List<PciDevice> AddAll(IEnumerable<FunctionDescription> functions, string directory, PciDevice? parent)
    {
        var added = functions
            .Where(function => !Devices.ContainsKey(function.Address) && !_unplugged.Contains(function.Address))
            .Select(function => Add(new PciDevice(function, $"{directory}/{function.Address}", parent)))
            .ToList();
        foreach (var device in added.ToArray())
            added.AddRange(AddBehind(device));
        return added;
    }

    /// <summary>What is behind a bridge at any time, and behind a controller with a domain of its own while its driver has it.</summary>
    private List<PciDevice> AddBehind(PciDevice device) =>
        device.Description.Domain is not { } domain ? AddAll(device.Description.Behind, device.Path, device)
        : device.Driver is { Kind: PciDriverKind.Host } ? AddAll(device.Description.Behind, $"{device.Path}/pci{domain}", device)
        : [];

    private void AddDomain(PciDevice controller)
    {
        if (controller.Description.Domain is null)
            return;
        foreach (var device in AddBehind(controller))
            _binding.Attach(device);
    }

    private bool RemoveDomain(PciDevice controller) =>
        controller.Description.Domain is null || Devices.Values.Where(d => d.Parent == controller).ToArray().All(Take);

    public PciDevice Add(PciDevice device)
    {
        _groups.Join(device, SharesWith);
        Devices.Add(device.Address, device);
        _core.Tree.AddDirectory(device.Path, directory => PciFunctionFiles.Write(directory, device));
        _core.Tree.WriteLink("/sys/bus/pci/devices/" + device.Address, device.Path);
        _core.Attribute(device.Path + "/driver_override", text => _binding.SetOverride(device, text));
        if (device.PhysicalFunction is null)
            _core.Attribute(device.Path + "/remove", text => WhenTrue(text, () => Remove(device)));
        Health.AddAttributes(device);
        if (device.Description.Sriov is not null)
            _sriov.AddAttributes(device);
        _core.Uevents.Emit("add", device.Path, "pci", PciFunctionFiles.Environment(device, withDriver: false));
        return device;
    }

    /// <summary>
    /// Stops the device's driver and takes it, and everything behind it, off the bus. Blocks while somebody has it open. False when the
    /// machine restarted meanwhile.
    /// </summary>
    public bool Take(PciDevice device)
    {
        foreach (var behind in Devices.Values.Where(other => other.Parent == device && other.PhysicalFunction is null).ToArray())
        {
            if (!Take(behind))
                return false;
        }

        var released = _binding.WithLock(device, () => _binding.Release(device) ? Errno.None : Errno.EIO);
        if (device.Gone)
            return true;
        if (!released.IsSuccess)
            return false;
        device.Gone = true;
        Devices.Remove(device.Address);
        _core.DropAttributes(device.Path);
        _core.Tree.Remove("/sys/bus/pci/devices/" + device.Address);
        _core.Tree.Remove(device.Path);
        _groups.Leave(device);
        _core.Uevents.Emit("remove", device.Path, "pci", PciFunctionFiles.Environment(device, withDriver: false));
        return true;
    }

    /// <summary>Runs with the rescan lock, waiting for it first. The thread that has it may take it again.</summary>
    public Errno WithRescanLock(Func<bool> action)
    {
        if (_rescanOwner == Environment.CurrentManagedThreadId)
            return action() ? Errno.None : Errno.EIO;
        if (!_core.WaitUntil(() => !RescanLocked))
            return Errno.EIO;
        _rescanOwner = Environment.CurrentManagedThreadId;
        try
        {
            return action() ? Errno.None : Errno.EIO;
        }
        finally
        {
            _rescanOwner = 0;
        }
    }

    /// <summary>remove(ABI sysfs-bus-pci): a true value removes, a false one does nothing, anything else is EINVAL.</summary>
    public Errno Remove(PciDevice device) => device.Gone ? Errno.ENODEV : WithRescanLock(() => Take(device));

    public static Errno WhenTrue(string text, Func<Errno> action) =>
        KernelNumber.TryUnsigned(text, out var value)
            ? value == 0
                ? Errno.None
                : action()
            : Errno.EINVAL;

    private Errno Rescan(string text) =>
        WhenTrue(
            text,
            () =>
                WithRescanLock(() =>
                {
                    List<PciDevice> added = [];
                    foreach (var bus in _machine.RootBuses)
                        added.AddRange(AddAll(bus.Functions, "/sys/devices/pci" + bus.Name, parent: null));
                    foreach (var device in Devices.Values.ToArray())
                        added.AddRange(AddBehind(device));
                    foreach (var device in added)
                        _binding.Attach(device);
                    return true;
                })
        );

    /// <summary>
    /// What a function cannot be told apart from by the IOMMU: the port above without ACS or the conventional bridge above; another
    /// function of its slot; for a VF only what its PF cannot be told apart from either; and whatever a controller with a domain of its own
    /// hides sends with the controller's address.
    /// </summary>
    private PciDevice? SharesWith(PciDevice device)
    {
        for (var controller = device.Parent; controller is not null; controller = controller.Parent)
        {
            if (controller.Description.Domain is not null)
                return controller;
        }

        if (device.Parent is { Description: { IsBridge: true } above } parent && (!above.Acs || above.ConventionalBus))
            return parent;
        if (device.PhysicalFunction is not null)
            return null;
        if (device.Description.IsolatedFunctions)
            return null;
        return Devices.Values.FirstOrDefault(other => other.Address.SlotName == device.Address.SlotName && other.PhysicalFunction is null);
    }
}
