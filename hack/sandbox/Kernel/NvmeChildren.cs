using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// An NVMe controller with native multipath, the kernel's default: the disk that one mounts belongs to the subsystem, not to the function.
/// </summary>
internal sealed class NvmeChildren(KernelCore core, SimulatedStorage storage)
{
    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    public void Add(PciDevice device, ChildDescription.NvmeController nvme)
    {
        var index = core.Indices.Take("nvme");
        var name = string.Create(Invariant, $"nvme{index}");
        var path = $"{device.Path}/nvme/{name}";
        var subsystem = string.Create(Invariant, $"/sys/devices/virtual/nvme-subsystem/nvme-subsys{index}");
        (string, string)[] properties = [("MAJOR", "244"), ("MINOR", $"{index}"), ("DEVNAME", name), ("NVME_TRTYPE", "pcie")];
        core.Tree.AddDirectory(path, directory => WriteController(directory, device, nvme, index));
        core.Tree.AddDirectory(subsystem, directory => WriteSubsystem(directory, nvme, name, path));
        core.Tree.WriteLink("/sys/class/nvme/" + name, path);
        core.Tree.WriteLink(string.Create(Invariant, $"/sys/class/nvme-subsystem/nvme-subsys{index}"), subsystem);
        core.AddNode("/dev/" + name, new DeviceNumber(false, 244, (uint)index), path, 0x180);
        core.Uevents.Emit("add", path, "nvme", properties);
        for (var ns = 1; ns <= nvme.Namespaces; ns++)
            AddNamespace(device, subsystem, path, index, ns);
        device.Undo.Push(() =>
        {
            core.Tree.Remove(string.Create(Invariant, $"/sys/class/nvme-subsystem/nvme-subsys{index}"));
            core.Tree.Remove("/sys/class/nvme/" + name);
            core.Tree.Remove(subsystem);
            core.Tree.Remove(device.Path + "/nvme");
            core.RemoveNode("/dev/" + name);
            core.Uevents.Emit("remove", path, "nvme", properties);
            core.Indices.Free("nvme", index);
        });
    }

    private static void WriteController(DirectoryDraft directory, PciDevice device, ChildDescription.NvmeController nvme, int index)
    {
        directory.Attribute("address", device.Address.ToString());
        directory.Attribute("dev", string.Create(Invariant, $"244:{index}"));
        directory.WriteFile("uevent", string.Create(Invariant, $"MAJOR=244\nMINOR={index}\nDEVNAME=nvme{index}\nNVME_TRTYPE=pcie\n"));
        directory.Attribute("model", "QEMU NVMe Ctrl".PadRight(40));
        directory.Attribute("serial", nvme.Serial.PadRight(20));
        directory.Attribute("state", "live");
        directory.Attribute("subsysnqn", nvme.SubsystemNqn);
        directory.Attribute("transport", "pcie");
        directory.WriteLink("device", device.Path);
        directory.WriteLink("subsystem", "/sys/class/nvme");
    }

    private static void WriteSubsystem(DirectoryDraft directory, ChildDescription.NvmeController nvme, string controller, string path)
    {
        directory.Attribute("model", "QEMU NVMe Ctrl".PadRight(40));
        directory.Attribute("serial", nvme.Serial.PadRight(20));
        directory.Attribute("subsysnqn", nvme.SubsystemNqn);
        directory.Attribute("subsystype", "nvm");
        directory.WriteLink("subsystem", "/sys/class/nvme-subsystem");
        directory.WriteLink(controller, path);
    }

    private void AddNamespace(PciDevice device, string subsystem, string controller, int index, int ns)
    {
        // The path (nvmeXcXnY) is hidden and has no node; the disk (nvmeXnY) is under the subsystem.
        var hidden = string.Create(Invariant, $"nvme{index}c{index}n{ns}");
        core.Tree.AddDirectory(
            $"{controller}/{hidden}",
            directory =>
            {
                directory.Attribute("hidden", "1");
                directory.Attribute("size", "131072");
                directory.Attribute("nsid", ns.ToString(Invariant));
                directory.AddDirectory("holders");
                directory.AddDirectory("slaves");
                directory.WriteLink("device", controller);
                directory.WriteLink("subsystem", "/sys/class/block");
            }
        );
        core.Tree.WriteLink("/sys/class/block/" + hidden, $"{controller}/{hidden}");
        device.Undo.Push(() =>
        {
            core.Tree.Remove("/sys/class/block/" + hidden);
            core.Tree.Remove($"{controller}/{hidden}");
        });
        device.Undo.Push(storage.AddDisk(string.Create(Invariant, $"nvme{index}n{ns}"), subsystem, subsystem, major: 259));
    }
}
