using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// An xHCI controller: two root hubs, a slow and a fast one, whose ports are each other's peers, and the devices in their sockets (kernel
/// <c>drivers/usb/core/{hub,port}.c</c>).
/// </summary>
internal sealed class UsbChildren(KernelCore core, SimulatedStorage storage, UsbBus usb)
{
    private const int Ports = 4;
    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    public void Add(PciDevice device, ChildDescription.UsbHost host)
    {
        int[] buses = [core.Indices.Take("usb", first: 1), core.Indices.Take("usb", first: 1)];
        foreach (var fast in (bool[])[false, true])
        {
            var bus = buses[fast ? 1 : 0];
            device.Undo.Push(() => core.Indices.Free("usb", bus));
            var hub = new UsbDeviceDescription(
                "0",
                "1d6b",
                fast ? "0003" : "0002",
                $"Linux {core.KernelRelease} xhci-hcd",
                "xHCI Host Controller",
                device.Address.ToString(),
                fast
            )
            {
                Hub = true,
                Interfaces = [("09/00/00", "hub")],
            };
            device.Undo.Push(AddDevice(new Place(device.Path, bus, ""), hub));
        }

        foreach (var bus in buses)
        {
            for (var port = 1; port <= Ports; port++)
                AddPeer(device.Path, buses, bus, port);
        }

        foreach (var described in host.Devices.Concat(Enumerable.Range(1, Ports).Select(Nothing)).DistinctBy(d => d.Port))
        {
            var name = $"{device.Address}/{described.Port}";
            var socket = new UsbSocket(
                plugged => AddDevice(new Place(device.Path, buses[plugged.SuperSpeed ? 1 : 0], described.Port), plugged),
                plugged => core.UsbPlugged[name] = plugged
            );
            usb.Sockets.Add(name, socket);
            if (core.UsbPlugged.GetValueOrDefault(name, described) is { Vendor.Length: > 0 } inIt)
                socket.Plug(inIt);
            device.Undo.Push(() =>
            {
                socket.Disconnect();
                usb.Sockets.Remove(name);
            });
        }
    }

    private static UsbDeviceDescription Nothing(int port) => new(port.ToString(Invariant), "", "", "", "", null);

    /// <summary>A port of one root hub, and the other one's port that is the same socket.</summary>
    private void AddPeer(string controller, int[] buses, int bus, int port)
    {
        var other = buses.Single(b => b != bus);
        core.Tree.WriteLink(PortOf(controller, bus, port) + "/peer", PortOf(controller, other, port));
    }

    private static string PortOf(string controller, int bus, int port) =>
        string.Create(Invariant, $"{controller}/usb{bus}/{bus}-0:1.0/usb{bus}-port{port}");

    /// <summary>A device below its hub; returns what unplugs it.</summary>
    private Action AddDevice(Place place, UsbDeviceDescription described)
    {
        var (path, name, bus) = (place.Path, place.Name, place.Bus);
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
        core.Tree.AddDirectory(path, directory => WriteDevice(directory, described, place, number, minor, node));
        if (place.Port is { } port)
            core.Tree.WriteLink(path + "/port", port);
        core.Tree.WriteLink("/sys/bus/usb/devices/" + name, path);
        core.AddNode("/dev/" + node, new DeviceNumber(false, 189, (uint)minor), path, 0x1b4);
        core.Uevents.Emit("add", path, "usb", properties);
        var undo = new Stack<Action>();
        for (var index = 0; index < described.Interfaces.Length; index++)
            AddInterface(path, string.Create(Invariant, $"{place.InterfacePrefix}:1.{index}"), described, index, undo);
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

    /// <param name="Ports">From the root hub down: <c>4.2</c>; empty for the root hub itself.</param>
    private sealed record Place(string Controller, int Bus, string Ports)
    {
        public string Name => Ports.Length == 0 ? string.Create(Invariant, $"usb{Bus}") : string.Create(Invariant, $"{Bus}-{Ports}");

        /// <summary>A root hub's interfaces are called as port 0.</summary>
        public string InterfacePrefix => Ports.Length == 0 ? string.Create(Invariant, $"{Bus}-0") : Name;

        public string Path => Ports.Length == 0 ? $"{Controller}/{Name}" : $"{Hub.Path}/{Name}";

        /// <summary>The hub's port that it is in; null for a root hub.</summary>
        public string? Port =>
            Ports.Length == 0 ? null : $"{Hub.Path}/{Hub.InterfacePrefix}:1.0/{Hub.Name}-port{Ports[(Ports.LastIndexOf('.') + 1)..]}";

        private Place Hub => this with { Ports = Ports.LastIndexOf('.') is > 0 and var dot ? Ports[..dot] : "" };
    }

    private static void WriteDevice(DirectoryDraft directory, UsbDeviceDescription usb, Place place, int number, int minor, string node)
    {
        directory.Attribute("idVendor", usb.Vendor);
        directory.Attribute("idProduct", usb.Product);
        directory.Attribute("manufacturer", usb.Manufacturer);
        directory.Attribute("product", usb.ProductName);
        if (usb.Serial is { } serial)
            directory.Attribute("serial", serial);
        directory.Attribute("busnum", place.Bus.ToString(Invariant));
        directory.Attribute("devnum", number.ToString(Invariant));
        directory.Attribute("devpath", place.Ports.Length == 0 ? "0" : place.Ports);
        directory.Attribute("speed", usb.SuperSpeed ? "5000" : "480");
        directory.Attribute("bDeviceClass", usb.Hub ? "09" : "00");
        directory.Attribute("dev", string.Create(Invariant, $"189:{minor}"));
        directory.WriteFile("authorized", "1\n");
        directory.WriteFile(
            "uevent",
            string.Create(
                Invariant,
                $"MAJOR=189\nMINOR={minor}\nDEVNAME={node}\nDEVTYPE=usb_device\nDRIVER=usb\nBUSNUM={place.Bus:D3}\nDEVNUM={number:D3}\n"
            )
        );
        directory.WriteLink("subsystem", "/sys/bus/usb");
        directory.WriteLink("driver", "/sys/bus/usb/drivers/usb");
    }

    private void AddInterface(string devicePath, string name, UsbDeviceDescription described, int index, Stack<Action> undo)
    {
        var path = $"{devicePath}/{name}";
        var (classes, driver) = described.Interfaces[index];
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
                for (var port = 1; described.Hub && port <= Ports; port++)
                    directory.AddDirectory($"{SysfsName(devicePath)}-port{port}", leaf => leaf.Attribute("connect_type", "hotplug"));
            }
        );
        core.Tree.WriteLink("/sys/bus/usb/devices/" + name, path);
        var found = new UsbInterfaceState(
            name,
            path,
            driver,
            () =>
                described.Storage && index == 0
                    ? new ScsiChildren(core, storage).AddHost(path, [new ScsiUnitDescription(0, 0, "QEMU", "QEMU HARDDISK", null)])
                    : () => { }
        );
        undo.Push(() =>
        {
            usb.Remove(found);
            core.Tree.Remove("/sys/bus/usb/devices/" + name);
            core.Tree.Remove(path);
        });
        usb.Add(found);
    }

    private static string SysfsName(string path) => path[(path.LastIndexOf('/') + 1)..];
}
