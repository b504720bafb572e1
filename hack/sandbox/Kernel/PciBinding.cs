using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// Which driver has which function: <c>driver_override</c>, <c>drivers_probe</c>, <c>drivers/X/{bind,unbind,new_id}</c>
/// (contracts/kernel.md, "Binding").
/// </summary>
internal sealed class PciBinding(KernelCore core, PciBus bus, VfioBus vfio, DriverChildren children, VgpuCards vgpus)
{
    private readonly List<PciDriverDescription> _drivers = [];
    private readonly HashSet<(string Driver, PciId Vendor, PciId Device)> _dynamicIds = [];
    private readonly Dictionary<PciAddress, int> _bindCounts = [];

    /// <summary>Set by the bus: adds what is there by the driver of this function.</summary>
    public Action<PciDevice> AddBelow { get; set; } = _ => { };

    /// <summary>Set by the bus: removes what is there by the driver of this function, such as all VFs of a PF.</summary>
    public Func<PciDevice, bool> RemoveBelow { get; set; } = _ => true;

    /// <summary>How often each address was bound since boot, to whatever driver.</summary>
    public IReadOnlyDictionary<PciAddress, int> BindCounts => _bindCounts;

    /// <summary>modprobe: the driver's directory appears and it takes every free device that it knows.</summary>
    public void Load(PciDriverDescription driver)
    {
        var path = PathOf(driver);
        core.Tree.AddDirectory(
            path,
            directory =>
            {
                foreach (var name in (string[])["bind", "unbind", "new_id", "remove_id", "uevent"])
                    directory.WriteFile(name, "", 0x80);
                directory.WriteLink("module", "/sys/module/" + driver.ModuleName);
            }
        );
        core.Tree.MakeDirectory("/sys/module/" + driver.ModuleName);
        if (driver.Kind == PciDriverKind.VendorVfio)
            core.Tree.MakeDirectory($"/sys/module/vfio_pci_core/holders/{driver.ModuleName}");
        core.Attribute(path + "/bind", text => Bind(driver, text));
        core.Attribute(path + "/unbind", text => Unbind(driver, text));
        core.Attribute(path + "/new_id", text => AddId(driver, text));
        core.Uevents.Emit("add", path, "drivers");
        _drivers.Add(driver);
        // Group numbers tell the order in which the kernel found the devices.
        var found = bus
            .Devices.Values.Where(device => device.Driver is null && Matches(driver, device))
            .OrderBy(device => device.Group?.Number ?? 0);
        foreach (var device in found.ToArray())
            Start(device, driver);
    }

    /// <summary>rmmod, for machines without vfio-pci.</summary>
    public void Unload(string name)
    {
        if (_drivers.Find(driver => driver.Name == name) is not { } gone)
            return;
        foreach (var device in bus.Devices.Values.Where(device => device.Driver == gone).ToArray())
            Release(device);
        _drivers.Remove(gone);
        if (gone.Kind == PciDriverKind.VendorVfio)
            core.Tree.Remove($"/sys/module/vfio_pci_core/holders/{gone.ModuleName}");
        core.DropAttributes(PathOf(gone));
        core.Tree.Remove(PathOf(gone));
        core.Uevents.Emit("remove", PathOf(gone), "drivers");
    }

    /// <summary>An empty line clears; <c>(null)</c> is a string like any other, though unset reads the same.</summary>
    public Errno SetOverride(PciDevice device, string text)
    {
        if (text.Length >= 4095)
            return Errno.EINVAL;
        var line = text.Split('\n')[0];
        device.Override = line.Length == 0 ? null : line;
        core.Tree.WriteFile(device.Path + "/driver_override", (device.Override ?? "(null)") + "\n");
        return Errno.None;
    }

    /// <summary>Succeeds also when nothing matches or a driver is there already: the caller reads the link back.</summary>
    public Errno Probe(string text)
    {
        if (bus.Find(text) is not { } device)
            return Errno.ENODEV;
        return WithLock(device, () => device.Driver is null && Attach(device) == Errno.EBUSY ? Errno.EINVAL : Errno.None);
    }

    /// <summary>device_attach: the first driver that matches and starts.</summary>
    public Errno Attach(PciDevice device)
    {
        if (device.Driver is not null)
            return Errno.None;
        foreach (var driver in _drivers.Where(driver => Matches(driver, device)))
        {
            var error = Start(device, driver);
            if (error.IsSuccess || error == Errno.EBUSY)
                return error;
        }

        return Errno.ENODEV;
    }

    /// <summary>
    /// Takes the driver away, whatever it is; blocks while the device is open through vfio. False when the machine restarted meanwhile.
    /// </summary>
    public bool Release(PciDevice device)
    {
        if (device.Driver is not { } driver)
            return true;
        core.Tree.Remove(device.Path + "/driver");
        core.Tree.Remove($"{PathOf(driver)}/{device.Address}");
        if (device.Vfio is { } registered)
        {
            if (!vfio.Unregister(registered))
                return false;
            device.Vfio = null;
        }

        if (driver.Kind is PciDriverKind.Host or PciDriverKind.VendorVfio && !driver.LeavesVfs && !RemoveBelow(device))
            return false;
        if (!core.WaitUntil(device.MayGo))
            return false;
        device.MayGo = () => true;
        while (device.Undo.TryPop(out var undo))
            undo();
        device.Driver = null;
        core.Tree.WriteFile(device.Path + "/uevent", PciFunctionFiles.Uevent(device));
        core.Uevents.Emit("unbind", device.Path, "pci", PciFunctionFiles.Environment(device, withDriver: false, withModalias: false));
        return true;
    }

    /// <summary>Holds the device's lock, waiting for it first.</summary>
    public Errno WithLock(PciDevice device, Func<Errno> action)
    {
        if (!core.WaitUntil(() => !device.Busy))
            return Errno.EIO;
        if (device.Gone)
            return Errno.ENODEV;
        device.Busy = true;
        try
        {
            return action();
        }
        finally
        {
            device.Busy = false;
        }
    }

    private static string PathOf(PciDriverDescription driver) => "/sys/bus/pci/drivers/" + driver.Name;

    private Errno Bind(PciDriverDescription driver, string text)
    {
        if (bus.Find(text) is not { } device || !Matches(driver, device))
            return Errno.ENODEV;
        return WithLock(device, () => device.Driver is not null ? Errno.EBUSY : Start(device, driver));
    }

    private Errno Unbind(PciDriverDescription driver, string text)
    {
        if (bus.Find(text) is not { } device || device.Driver != driver)
            return Errno.ENODEV;
        return WithLock(
            device,
            () =>
                device.Driver != driver ? Errno.ENODEV
                : Release(device) ? Errno.None
                : Errno.EIO
        );
    }

    /// <summary>Binds every free device with that id at once, which is why nobody should use it.</summary>
    private Errno AddId(PciDriverDescription driver, string text)
    {
        var words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length < 2 || !PciId.TryParse(words[0], out var vendor) || !PciId.TryParse(words[1], out var device))
            return Errno.EINVAL;
        if (!_dynamicIds.Add((driver.Name, vendor, device)))
            return Errno.EEXIST;
        foreach (var match in bus.Devices.Values.Where(candidate => candidate.Driver is null && Matches(driver, candidate)).ToArray())
            Start(match, driver);
        return Errno.None;
    }

    private bool Matches(PciDriverDescription driver, PciDevice device)
    {
        if (device.Override is { } name)
            return name == driver.Name;
        return device.Description.HostDriver == driver.Name
            || _dynamicIds.Contains((driver.Name, device.Description.Vendor, device.Description.Device));
    }

    /// <summary>
    /// really_probe. A VF without override is left alone while its PF's sriov_drivers_autoprobe is 0, even by drivers/X/bind.
    /// </summary>
    private Errno Start(PciDevice device, PciDriverDescription driver)
    {
        if (device is { PhysicalFunction.Autoprobe: false, Override: null })
            return Errno.ENODEV;
        if (driver.Kind == PciDriverKind.Host && device.Group is { DmaOwners: > 0 })
            return Errno.EBUSY;
        if (driver.Kind == PciDriverKind.Vfio && device.Group is null)
            return Errno.EINVAL;
        if (driver.Kind == PciDriverKind.Vfio && device.PhysicalFunction?.Driver is { Kind: PciDriverKind.VendorVfio })
            return Errno.EINVAL;
        if (driver.Kind == PciDriverKind.Host && device.Description.HostDriverFails)
            return Errno.ENODEV;
        device.Driver = driver;
        _bindCounts[device.Address] = _bindCounts.GetValueOrDefault(device.Address) + 1;
        core.Tree.WriteLink($"{PathOf(driver)}/{device.Address}", device.Path);
        if (driver.Kind == PciDriverKind.Vfio)
            device.Vfio = vfio.Register(device.Address.ToString(), device.Path, device.Group!);
        else if (driver.Kind == PciDriverKind.VendorVfio)
            vgpus.Add(device);
        else if (driver.Name == device.Description.HostDriver)
            children.Add(device);
        core.Tree.WriteFile(device.Path + "/uevent", PciFunctionFiles.Uevent(device));
        core.Tree.WriteLink(device.Path + "/driver", PathOf(driver));
        core.Uevents.Emit("bind", device.Path, "pci", PciFunctionFiles.Environment(device, withDriver: true));
        if (driver.Name == device.Description.HostDriver)
            AddBelow(device);
        return Errno.None;
    }
}
