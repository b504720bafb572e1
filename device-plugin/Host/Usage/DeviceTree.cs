using System.Globalization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Inventory;

namespace Hostdev.DevicePlugin.Host.Usage;

/// <summary>
/// Which PCI functions a device hangs below, read from the kernel's own paths this moment. Every function on the path counts: a disk behind a storage controller with a PCI
/// domain of its own (VMD) is below that controller, too.
/// </summary>
internal sealed class DeviceTree(HostFileReader files)
{
    private const uint NvidiaMajor = 195; // kernel Documentation/admin-guide/devices.txt
    private readonly Dictionary<string, IReadOnlyList<PciAddress>> _nvmeControllers = new(StringComparer.Ordinal);
    private Dictionary<uint, PciAddress>? _nvidia;

    /// <summary>Where sysfs has the device; null when it has no such number, or none that tells.</summary>
    public string? PathOf(DeviceNumber number) => files.ResolveLink($"/sys/dev/{(number.IsBlock ? "block" : "char")}/{number}");

    public IEnumerable<PciAddress> FunctionsOf(DeviceNumber number) =>
        PathOf(number) is { } path ? FunctionsOn(path) : number is { IsBlock: false, Major: NvidiaMajor } && Nvidia.TryGetValue(number.Minor, out var gpu) ? [gpu] : [];

    public IEnumerable<PciAddress> FunctionsOn(string path)
    {
        var functions = SysfsPath.PciFunctions(path).ToList();
        return functions.Count > 0 ? functions : NvmeFunctions(path);
    }

    /// <summary>
    /// With multipath (the default) a namespace lies under <c>/sys/devices/virtual/nvme-subsystem/nvme-subsysX</c>, which links to each of its controllers
    /// (kernel <c>drivers/nvme/host/multipath.c</c>).
    /// </summary>
    private IReadOnlyList<PciAddress> NvmeFunctions(string path)
    {
        const string subsystems = "/sys/devices/virtual/nvme-subsystem/";
        if (!path.StartsWith(subsystems, StringComparison.Ordinal)) return [];
        var end = path.IndexOf('/', subsystems.Length);
        var subsystem = end < 0 ? path : path[..end];
        if (_nvmeControllers.TryGetValue(subsystem, out var known)) return known;
        return _nvmeControllers[subsystem] =
            [.. files.List(subsystem).Where(n => n.StartsWith("nvme", StringComparison.Ordinal)).Select(n => files.ResolveLink($"{subsystem}/{n}")).OfType<string>().SelectMany(SysfsPath.PciFunctions).Distinct()];
    }

    /// <summary>NVIDIA's own driver registers its nodes without telling sysfs; it lists its devices in <c>/proc/driver/nvidia/gpus</c>.</summary>
    private Dictionary<uint, PciAddress> Nvidia => _nvidia ??= ReadNvidia();

    private Dictionary<uint, PciAddress> ReadNvidia()
    {
        const string gpus = "/proc/driver/nvidia/gpus";
        const string minor = "Device Minor:";
        var result = new Dictionary<uint, PciAddress>();
        foreach (var name in files.List(gpus))
        {
            var line = files.ReadText($"{gpus}/{name}/information").Text?.Split('\n').FirstOrDefault(l => l.StartsWith(minor, StringComparison.Ordinal));
            if (PciAddress.TryParse(name, out var address) && line is not null && uint.TryParse(line.AsSpan(minor.Length).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var number)) result[number] = address;
        }

        return result;
    }
}
