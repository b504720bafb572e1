using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// What host drivers make below their functions: interfaces, controllers, disks, USB devices. All of it goes when the driver goes.
/// </summary>
internal sealed class DriverChildren(
    KernelCore core,
    SimulatedStorage storage,
    SimulatedNetwork network,
    IEnumerable<string> missingUsbDrivers
)
{
    public UsbBus Usb { get; } = new(core, missingUsbDrivers);

    /// <summary>Lines of <c>/proc/consoles</c> by name.</summary>
    public SortedDictionary<string, string> Consoles { get; } = new(StringComparer.Ordinal);

    public void Add(PciDevice device)
    {
        foreach (var child in device.Description.Children)
        {
            switch (child)
            {
                case ChildDescription.NetworkInterface net:
                    AddInterface(device, net);
                    break;
                case ChildDescription.NvmeController nvme:
                    new NvmeChildren(core, storage).Add(device, nvme);
                    break;
                case ChildDescription.ScsiHost scsi:
                    AddScsi(device, scsi);
                    break;
                case ChildDescription.UsbHost usb:
                    new UsbChildren(core, storage, Usb).Add(device, usb);
                    break;
                case ChildDescription.Display display:
                    AddDisplay(device, display);
                    break;
                case ChildDescription.Sound:
                    AddNode(device, "sound", "card", index => $"snd/controlC{index}");
                    break;
                case ChildDescription.Virtio virtio:
                    new VirtioChildren(core, storage).Add(device, virtio);
                    break;
                case ChildDescription.FcHost fc:
                    new ScsiChildren(core, storage).AddFcHost(device, fc);
                    break;
                case ChildDescription.SerialPort serial:
                    new SerialChildren(core, Consoles).Add(device, serial);
                    break;
                default:
                    throw new InvalidOperationException($"{child} has no simulation");
            }
        }
    }

    private void AddInterface(PciDevice device, ChildDescription.NetworkInterface net)
    {
        network.RegisterHardware(device.Path, net.Mac);
        VfNetwork.Bound(device);
        device.Undo.Push(() =>
        {
            network.UnregisterHardware(device.Path);
            core.Tree.Remove(device.Path + "/net");
        });
    }

    private void AddScsi(PciDevice device, ChildDescription.ScsiHost scsi)
    {
        const int kind = 8;
        var parent = scsi.BehindVirtio
            ? new VirtioChildren(core, storage).Add(device, new ChildDescription.Virtio(kind, "virtio_scsi"))
            : device.Path;
        device.Undo.Push(
            new ScsiChildren(core, storage).AddHost(parent, () => core.ScsiCabling.GetValueOrDefault(device.Address, scsi.Units))
        );
    }

    private void AddDisplay(PciDevice device, ChildDescription.Display display)
    {
        var card = AddNode(device, "drm", "card", index => $"dri/card{index}");
        AddConnector(device, card, display.Shows);
        if (display.Renders)
            AddNode(device, "drm", "renderD", index => $"dri/renderD{index}", first: 128);
        if (display.Framebuffer is not { } framebuffer)
            return;
        var name = AddNode(device, "graphics", "fb", index => $"fb{index}");
        core.Tree.WriteFile($"{device.Path}/graphics/{name}/name", framebuffer + "\n");
    }

    private void AddConnector(PciDevice device, string card, bool shows)
    {
        var number = core.Indices.Take("connector", first: 1);
        var name = string.Create(CultureInfo.InvariantCulture, $"{card}-Virtual-{number}");
        var path = $"{device.Path}/drm/{card}/{name}";
        core.Tree.AddDirectory(
            path,
            directory =>
            {
                directory.Attribute("status", "connected");
                directory.Attribute("enabled", shows ? "enabled" : "disabled");
                directory.Attribute("dpms", "On");
                directory.WriteLink("subsystem", "/sys/class/drm");
            }
        );
        core.Tree.WriteLink("/sys/class/drm/" + name, path);
        device.Undo.Push(() =>
        {
            core.Tree.Remove("/sys/class/drm/" + name);
            core.Indices.Free("connector", number);
        });
    }

    private string AddNode(PciDevice device, string subsystem, string prefix, Func<int, string> node, int first = 0)
    {
        var index = core.Indices.Take(subsystem + prefix, first);
        var name = string.Create(CultureInfo.InvariantCulture, $"{prefix}{index}");
        var path = $"{device.Path}/{subsystem}/{name}";
        var major = subsystem switch
        {
            "drm" => 226,
            "graphics" => 29,
            _ => 116,
        };
        (string, string)[] properties = [("MAJOR", $"{major}"), ("MINOR", $"{index}"), ("DEVNAME", node(index))];
        core.Tree.AddDirectory(
            path,
            directory =>
            {
                directory.Attribute("dev", $"{major}:{index}");
                directory.WriteFile("uevent", $"MAJOR={major}\nMINOR={index}\nDEVNAME={node(index)}\n");
                directory.WriteLink("device", device.Path);
                directory.WriteLink("subsystem", "/sys/class/" + subsystem);
            }
        );
        core.Tree.WriteLink($"/sys/class/{subsystem}/{name}", path);
        core.AddNode("/dev/" + node(index), new DeviceNumber(false, (uint)major, (uint)index), path, 0x1b0);
        core.Uevents.Emit("add", path, subsystem, properties);
        device.Undo.Push(() =>
        {
            core.Tree.Remove($"/sys/class/{subsystem}/{name}");
            core.Tree.Remove(path);
            core.Tree.RemoveIfEmpty($"{device.Path}/{subsystem}");
            core.RemoveNode("/dev/" + node(index));
            core.Uevents.Emit("remove", path, subsystem, properties);
            core.Indices.Free(subsystem + prefix, index);
        });
        return name;
    }
}
