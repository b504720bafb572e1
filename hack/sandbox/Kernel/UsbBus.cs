using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// Which driver has which interface of a USB device: the kernel's own finding, <c>drivers_probe</c>, <c>drivers/X/{bind,unbind}</c>, and a
/// VMM that puts a driver aside (kernel <c>drivers/base/bus.c</c>, <c>drivers/usb/core/devio.c: USBDEVFS_DISCONNECT</c>).
/// </summary>
internal sealed class UsbBus
{
    private const string Drivers = "/sys/bus/usb/drivers/";
    private readonly KernelCore _core;
    private readonly Dictionary<string, UsbInterfaceState> _interfaces = [];
    private readonly HashSet<string> _drivers = [];
    private readonly HashSet<string> _missing;

    /// <param name="missing">Drivers whose modules are not loaded.</param>
    public UsbBus(KernelCore core, IEnumerable<string> missing)
    {
        (_core, _missing) = (core, [.. missing]);
        core.Tree.WriteFile("/sys/bus/usb/drivers_probe", "", 0x80);
        core.Attribute("/sys/bus/usb/drivers_probe", name => Find(name) is { } found ? Attach(found) : Errno.ENODEV);
    }

    /// <summary>What is in each socket, by its controller and ports: <c>0000:01:00.0/1</c>.</summary>
    public Dictionary<string, UsbSocket> Sockets { get; } = [];

    /// <summary>Every interface that the kernel has found.</summary>
    public IEnumerable<UsbInterfaceState> Interfaces => _interfaces.Values;

    /// <summary>An interface that the kernel has just found: its driver takes it, where there is one.</summary>
    public void Add(UsbInterfaceState found)
    {
        _interfaces.Add(found.Name, found);
        _core.Uevents.Emit("add", found.Path, "usb", ("DEVTYPE", "usb_interface"));
        _ = Attach(found);
    }

    public void Remove(UsbInterfaceState gone)
    {
        Detach(gone.Name);
        _interfaces.Remove(gone.Name);
        _core.Uevents.Emit("remove", gone.Path, "usb", ("DEVTYPE", "usb_interface"));
    }

    /// <summary>modprobe: the driver takes every interface without one that it knows.</summary>
    public void Load(string driver)
    {
        _missing.Remove(driver);
        foreach (var found in _interfaces.Values.Where(i => i.Driver == driver))
            _ = Attach(found);
    }

    /// <summary>rmmod: whatever the driver has loses it, and finds it no more.</summary>
    public void Unload(string driver)
    {
        _missing.Add(driver);
        foreach (var found in _interfaces.Values.Where(i => i.Driver == driver).ToList())
            Detach(found.Name);
    }

    /// <summary>The driver lets go of an interface, and nobody finds it another one.</summary>
    public void Detach(string name)
    {
        if (Find(name) is not { Undo: { } undo } found)
            return;
        found.Undo = null;
        undo();
        _core.Tree.Remove(found.Path + "/driver");
        _core.Tree.Remove($"{Drivers}{found.Driver}/{found.Name}");
        _core.Uevents.Emit("unbind", found.Path, "usb", ("DEVTYPE", "usb_interface"));
    }

    private Errno Attach(UsbInterfaceState found)
    {
        if (found.Undo is not null || found.Driver is not { } driver || _missing.Contains(driver))
            return Errno.None;
        AddDriver(driver);
        _core.Tree.WriteLink(found.Path + "/driver", Drivers + driver);
        _core.Tree.WriteLink($"{Drivers}{driver}/{found.Name}", found.Path);
        found.Undo = found.Bind();
        _core.Uevents.Emit("bind", found.Path, "usb", ("DEVTYPE", "usb_interface"), ("DRIVER", driver));
        return Errno.None;
    }

    private void AddDriver(string name)
    {
        if (!_drivers.Add(name))
            return;
        _core.Tree.MakeDirectory(Drivers + name);
        foreach (var file in (string[])["bind", "unbind"])
            _core.Tree.WriteFile($"{Drivers}{name}/{file}", "", 0x80);
        _core.Attribute(
            $"{Drivers}{name}/bind",
            text => Find(text) is { Undo: null } found && found.Driver == name ? Attach(found) : Errno.ENODEV
        );
        _core.Attribute(
            $"{Drivers}{name}/unbind",
            text =>
            {
                if (Find(text) is not { Undo: not null } found || found.Driver != name)
                    return Errno.ENODEV;
                Detach(found.Name);
                return Errno.None;
            }
        );
    }

    private UsbInterfaceState? Find(string name) => _interfaces.GetValueOrDefault(name.Trim());
}

/// <param name="Name">As sysfs has it: <c>1-4.2:1.0</c>.</param>
/// <param name="Driver">What the kernel finds for it; null for none.</param>
/// <param name="Bind">What the driver makes of it; returns what undoes that.</param>
internal sealed record UsbInterfaceState(string Name, string Path, string? Driver, Func<Action> Bind)
{
    /// <summary>Null while no driver has it.</summary>
    public Action? Undo { get; set; }
}

/// <summary>A socket: what is in it can be pulled, and something plugged in.</summary>
/// <param name="add">Shows a device, and returns what hides it.</param>
/// <param name="remember">Told what is in it from now on; null for nothing.</param>
internal sealed class UsbSocket(Func<UsbDeviceDescription, Action> add, Action<UsbDeviceDescription?> remember)
{
    private UsbDeviceDescription? _last;
    private Action? _remove;

    /// <summary>What is in it; null for nothing.</summary>
    public UsbDeviceDescription? Device => _remove is null ? null : _last;

    /// <param name="device">By default what was in it last.</param>
    public void Plug(UsbDeviceDescription? device = null)
    {
        if (_remove is not null || (device ?? _last) is not { } plugged)
            return;
        _remove = add(_last = plugged);
        remember(plugged);
    }

    public void Unplug()
    {
        Disconnect();
        remember(null);
    }

    /// <summary>Its controller is not the host's any more: what is in it stays in it, and nobody sees it.</summary>
    public void Disconnect()
    {
        _remove?.Invoke();
        _remove = null;
    }
}
