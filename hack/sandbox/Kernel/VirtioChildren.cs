using System.Globalization;
using System.Text;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// A virtio device below its function, as virtio's bus shows it (kernel <c>drivers/virtio/virtio.c</c>), with what its driver adds.
/// </summary>
internal sealed class VirtioChildren(KernelCore core, SimulatedStorage storage)
{
    private const string Bus = "/sys/bus/virtio";
    private const int LastMajor = 511; // each console device has one of its own
    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    /// <summary>Returns the device's directory.</summary>
    public string Add(PciDevice device, ChildDescription.Virtio virtio)
    {
        var index = core.Indices.Take("virtio");
        var name = string.Create(Invariant, $"virtio{index}");
        var path = $"{device.Path}/{name}";
        core.Tree.AddDirectory(
            path,
            directory =>
            {
                directory.Attribute("device", $"0x{virtio.Kind:x4}");
                directory.Attribute("vendor", "0x1af4");
                directory.Attribute("status", virtio.Driver is null ? "0x00000001" : "0x0000000f"); // acknowledged; driver, features, ready
                directory.Attribute("modalias", $"virtio:d{virtio.Kind:X8}v00001AF4");
                directory.WriteLink("subsystem", Bus);
                if (virtio is { Kind: 9, MountTag: { } tag, Driver: not null })
                {
                    directory.WriteBytes("mount_tag", Encoding.ASCII.GetBytes(tag + "\0")); // with its end
                }

                if (virtio.Driver is { } driver)
                    directory.WriteLink("driver", $"{Bus}/drivers/{driver}");
            }
        );
        core.Tree.WriteLink($"{Bus}/devices/{name}", path);
        if (virtio.Driver is { } bound)
            core.Tree.WriteLink($"{Bus}/drivers/{bound}/{name}", path);
        device.Undo.Push(() =>
        {
            foreach (var gone in (string[])[$"{Bus}/devices/{name}", $"{Bus}/drivers/{virtio.Driver}/{name}", path])
                core.Tree.Remove(gone);
            core.Indices.Free("virtio", index);
        });
        for (var port = 0; port < virtio.Ports.Length; port++)
            AddPort(device, path, index, port + 1, virtio.Ports[port]);
        if (virtio is { Kind: 26, MountTag: { } shared })
            AddVirtiofs(device, path, shared);
        // p9_virtio_remove waits for the last user, and whoever unbinds waits with it.
        if (virtio is { Kind: 9, MountTag: { } mounted })
            device.MayGo = () => !storage.IsShareMounted(mounted);
        return path;
    }

    private void AddPort(PciDevice device, string parent, int index, int port, string name)
    {
        var node = string.Create(Invariant, $"vport{index}p{port}");
        var path = $"{parent}/virtio-ports/{node}";
        var major = LastMajor - index;
        core.Tree.AddDirectory(
            path,
            directory =>
            {
                directory.WriteFile("name", name.Length == 0 ? "" : name + "\n", 0x124);
                directory.Attribute("dev", $"{major}:{port}");
                directory.WriteFile("uevent", $"MAJOR={major}\nMINOR={port}\nDEVNAME={node}\n");
                directory.WriteLink("subsystem", "/sys/class/virtio-ports");
            }
        );
        core.Tree.WriteLink("/sys/class/virtio-ports/" + node, path);
        core.AddNode("/dev/" + node, new DeviceNumber(false, (uint)major, (uint)port), path, 0x180);
        device.Undo.Push(() =>
        {
            core.RemoveNode("/dev/" + node);
            core.Tree.Remove("/sys/class/virtio-ports/" + node);
        });
    }

    /// <summary>Since Linux 6.10.</summary>
    private void AddVirtiofs(PciDevice device, string path, string tag)
    {
        var index = core.Indices.Take("virtiofs");
        var directory = string.Create(Invariant, $"/sys/fs/virtiofs/{index}");
        core.Tree.AddDirectory(
            directory,
            draft =>
            {
                draft.Attribute("tag", tag);
                draft.WriteLink("device", path);
            }
        );
        device.Undo.Push(() =>
        {
            core.Tree.Remove(directory);
            core.Indices.Free("virtiofs", index);
        });
    }
}
