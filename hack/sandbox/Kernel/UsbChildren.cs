using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>An xHCI controller: two root hubs and the devices on their ports.</summary>
internal sealed class UsbChildren(KernelCore core, SimulatedStorage storage, Dictionary<string, UsbPort> ports)
{
    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    public void Add(PciDevice device, ChildDescription.UsbHost host)
    {
        foreach (var fast in (bool[])[false, true])
        {
            var bus = core.Indices.Take("usb", first: 1);
            device.Undo.Push(() => core.Indices.Free("usb", bus));
            var root = string.Create(Invariant, $"{device.Path}/usb{bus}");
            var hub = new UsbDeviceDescription(
                "0",
                "1d6b",
                fast ? "0003" : "0002",
                $"Linux {core.KernelRelease} xhci-hcd",
                "xHCI Host Controller",
                device.Address.ToString()
            )
            {
                Hub = true,
                Interfaces = [("09/00/00", "hub")],
            };
            device.Undo.Push(AddDevice(root, $"usb{bus}", $"{bus}-0", bus, hub));
            foreach (var usb in host.Devices.Where(usb => usb.SuperSpeed == fast))
            {
                var name = string.Create(Invariant, $"{bus}-{usb.Port}");
                var port = new UsbPort(() => AddDevice($"{root}/{name}", name, name, bus, usb));
                ports.Add(name, port);
                port.Plug();
                device.Undo.Push(() =>
                {
                    port.Unplug();
                    ports.Remove(name);
                });
            }
        }
    }

    /// <summary>A device below its hub; returns what unplugs it.</summary>
    private Action AddDevice(string path, string name, string interfacePrefix, int bus, UsbDeviceDescription usb)
    {
        var number = core.Indices.Next($"usb{bus}dev");
        var node = string.Create(Invariant, $"bus/usb/{bus:D3}/{number:D3}");
        var minor = ((bus - 1) * 128) + number - 1;
        (string, string)[] properties =
        [
            ("MAJOR", "189"),
            ("MINOR", $"{minor}"),
            ("DEVNAME", node),
            ("DEVTYPE", "usb_device"),
            ("BUSNUM", $"{bus:D3}"),
            ("DEVNUM", $"{number:D3}"),
        ];
        core.Tree.AddDirectory(path, directory => WriteDevice(directory, usb, bus, number, minor, node));
        core.Tree.WriteLink("/sys/bus/usb/devices/" + name, path);
        core.AddNode("/dev/" + node, new DeviceNumber(false, 189, (uint)minor), path, 0x1b4);
        core.Uevents.Emit("add", path, "usb", properties);
        var undo = new Stack<Action>();
        for (var index = 0; index < usb.Interfaces.Length; index++)
            AddInterface(path, string.Create(Invariant, $"{interfacePrefix}:1.{index}"), usb, index, undo);
        return () =>
        {
            while (undo.TryPop(out var action))
                action();
            core.Tree.Remove("/sys/bus/usb/devices/" + name);
            core.Tree.Remove(path);
            core.RemoveNode("/dev/" + node);
            core.Uevents.Emit("remove", path, "usb", properties);
        };
    }

    private static void WriteDevice(DirectoryDraft directory, UsbDeviceDescription usb, int bus, int number, int minor, string node)
    {
        directory.Attribute("idVendor", usb.Vendor);
        directory.Attribute("idProduct", usb.Product);
        directory.Attribute("manufacturer", usb.Manufacturer);
        directory.Attribute("product", usb.ProductName);
        if (usb.Serial is { } serial)
            directory.Attribute("serial", serial);
        directory.Attribute("busnum", bus.ToString(Invariant));
        directory.Attribute("devnum", number.ToString(Invariant));
        directory.Attribute("devpath", usb.Port);
        directory.Attribute("bDeviceClass", usb.Hub ? "09" : "00");
        directory.Attribute("dev", string.Create(Invariant, $"189:{minor}"));
        directory.WriteFile("authorized", "1\n");
        directory.WriteFile(
            "uevent",
            string.Create(
                Invariant,
                $"MAJOR=189\nMINOR={minor}\nDEVNAME={node}\nDEVTYPE=usb_device\nDRIVER=usb\nBUSNUM={bus:D3}\nDEVNUM={number:D3}\n"
            )
        );
        directory.WriteLink("subsystem", "/sys/bus/usb");
        directory.WriteLink("driver", "/sys/bus/usb/drivers/usb");
    }

    private void AddInterface(string devicePath, string name, UsbDeviceDescription usb, int index, Stack<Action> undo)
    {
        var path = $"{devicePath}/{name}";
        var (classes, driver) = usb.Interfaces[index];
        core.Tree.AddDirectory(
            path,
            directory =>
            {
                var parts = classes.Split('/');
                directory.Attribute("bInterfaceClass", parts[0]);
                directory.Attribute("bInterfaceSubClass", parts[1]);
                directory.Attribute("bInterfaceProtocol", parts[2]);
                directory.Attribute("bInterfaceNumber", index.ToString("D2", Invariant));
                directory.WriteLink("subsystem", "/sys/bus/usb");
                if (driver is not null)
                    directory.WriteLink("driver", "/sys/bus/usb/drivers/" + driver);
            }
        );
        if (driver is not null)
            core.Tree.MakeDirectory("/sys/bus/usb/drivers/" + driver);
        core.Tree.WriteLink("/sys/bus/usb/devices/" + name, path);
        undo.Push(() =>
        {
            core.Tree.Remove("/sys/bus/usb/devices/" + name);
            core.Tree.Remove(path);
        });
        if (usb.Storage && index == 0)
            undo.Push(new ScsiChildren(core, storage).AddHost(path, [new ScsiUnitDescription(0, 0, "QEMU", "QEMU HARDDISK", usb.Serial)]));
    }
}

/// <summary>A port with a device that can be pulled and plugged in again.</summary>
internal sealed class UsbPort(Func<Action> add)
{
    private Action? _remove;

    public void Plug() => _remove ??= add();

    public void Unplug()
    {
        _remove?.Invoke();
        _remove = null;
    }
}
