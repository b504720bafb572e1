using System.Globalization;

namespace Hostdev.Sandbox.Demo;

/// <summary>
/// Questions to the node's own files and to its kubelet. Each answers with what is otherwise, as a sentence, or with null when it is as
/// asked.
/// </summary>
internal static class Sight
{
    /// <summary>The first that is otherwise.</summary>
    public static string? First(params ReadOnlySpan<string?> answers)
    {
        foreach (var answer in answers)
            if (answer is not null)
                return answer;
        return null;
    }

    public static string? Driver(this DemoNode node, string address, string? wanted)
    {
        if (!NodeReading.Exists(node.Kernel.Paths, address))
            return $"there is no {address}";
        var driver = NodeReading.DriverOf(node.Kernel.Paths, address);
        return driver == wanted ? null : $"{address} is on {driver ?? "no driver"} and not on {wanted ?? "none"}";
    }

    /// <summary>So many virtual functions, those in pools on vfio-pci and VF 4 with the host, and nothing left of making them.</summary>
    public static string? Vfs(this DemoNode node, int count)
    {
        var number = NodeReading.Read(node.Kernel.Paths, DemoMachine.Nic, "sriov_numvfs");
        if (number != count.ToString(CultureInfo.InvariantCulture))
            return $"sriov_numvfs is {number} and not {count}";
        if (NodeReading.Read(node.Kernel.Paths, DemoMachine.Nic, "sriov_drivers_autoprobe") != "1")
            return "sriov_drivers_autoprobe is still 0";
        var vfs = NodeReading.VirtualFunctions(node.Kernel.Paths, DemoMachine.Nic);
        if (vfs.Length != count)
            return $"{vfs.Length} VFs are there and not {count}";
        return vfs.Select((vf, i) => node.Driver(vf, i == 4 ? "iavf" : "vfio-pci")).FirstOrDefault(p => p is not null);
    }

    public static string? Allocatable(this DemoNode node, string resource, int wanted)
    {
        var (capacity, allocatable) = (node.Kubelet.Capacity(resource), node.Kubelet.Allocatable(resource) ?? 0);
        return allocatable == wanted
            ? null
            : $"the kubelet has {allocatable} of {resource} ({capacity ?? 0} with unhealthy ones) and not {wanted}";
    }

    /// <summary>So many mediated devices of a type, all of them on the card that has it.</summary>
    public static string? Vgpus(this DemoNode node, string type, int wanted) => Vgpus(MdevRow.Read(node.Kernel.Paths), type, wanted);

    public static string? Vgpus(IReadOnlyCollection<MdevRow> mdevs, string type, int wanted)
    {
        var there = mdevs.Where(m => m.Type == type).ToList();
        return there.Count != wanted
            ? $"{there.Count} of type {type} are there and not {wanted}"
            : there
                .Where(m => m.Parent != (type == DemoPolicies.Vgpu ? DemoMachine.VgpuCard : DemoMachine.DeskCard))
                .Select(m => $"{m.Uuid} was made on {m.Parent}")
                .FirstOrDefault();
    }

    /// <summary>No write of the agent's ever named it.</summary>
    public static string? Untouched(this DemoNode node, string address) =>
        node.Kernel.Writes.All.FirstOrDefault(w =>
            w.Path.Contains(address, StringComparison.Ordinal) || w.Value.Contains(address, StringComparison.Ordinal)
        )
            is { } write
            ? $"the agent wrote {write}"
            : null;

    /// <summary>The kernel asked no VMM for a device back.</summary>
    public static string? NobodyWasAsked(this DemoNode node) =>
        node.Vms.FirstOrDefault(v => node.Kernel.RequestsTo(v.Value) > 0) is { Key: { } name }
            ? $"the kernel asked {name} to let go of a device"
            : null;
}
