using System.Globalization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>A device that another one of the host comes over.</summary>
/// <param name="Detour">How, where the device's path does not show it: goes on after "nvme0n1p1 is mounted at /data, which". Null where it
/// does.</param>
internal sealed record Road(DeviceId Device, string? Detour = null)
{
    public static Road By(DeviceId device, string port) => new(device, $"comes over {device} ({port})");

    /// <summary>What cannot be told protects whatever it may be.</summary>
    public static Road Perhaps(DeviceId device, string why) => new(device, $"may come over {device} ({why})");

    /// <summary>A use, with the way by which it is one of the device.</summary>
    public string Words(string use) => Detour is null ? use : $"{use}, which {Detour}";
}

/// <summary>
/// Which devices that can be passed another one hangs below or comes over, read from the kernel's own paths this moment. Every one on the
/// path counts: a disk behind a storage controller with a PCI domain of its own (VMD) is below that controller, too. What has no function
/// on its path may come over one all the same (docs/adr/0019).
/// </summary>
internal sealed class DeviceTree
{
    private const uint NvidiaMajor = 195; // kernel Documentation/admin-guide/devices.txt
    private readonly HostFileReader _files;
    private readonly NvmeRoads _nvme;
    private readonly IscsiRoads _iscsi;
    private Dictionary<uint, DeviceId>? _nvidia;

    /// <param name="network">Asked only where something comes over a network.</param>
    public DeviceTree(HostFileReader files, Lazy<NetworkReading> network)
    {
        _files = files;
        Names = new DeviceNames(files);
        Interfaces = new InterfaceRoads(files, Names, network);
        Rdma = new RdmaRoads(files, Names, Interfaces);
        _nvme = new NvmeRoads(files, Names, Interfaces, Rdma);
        _iscsi = new IscsiRoads(files, Interfaces);
    }

    public DeviceNames Names { get; }

    public InterfaceRoads Interfaces { get; }

    public RdmaRoads Rdma { get; }

    /// <summary>Where sysfs has the device; null when it has no such number, or none that tells.</summary>
    public string? PathOf(DeviceNumber number) => _files.ResolveLink($"/sys/dev/{(number.IsBlock ? "block" : "char")}/{number}");

    public IEnumerable<DeviceId> DevicesOf(DeviceNumber number) =>
        PathOf(number) is { } path ? DevicesOn(path)
        : number is { IsBlock: false, Major: NvidiaMajor } && Nvidia.TryGetValue(number.Minor, out var gpu) ? [gpu]
        : [];

    public IEnumerable<DeviceId> DevicesOn(string path)
    {
        var devices = Names.On(path).ToList();
        return devices.Exists(d => d.AsPci is not null) ? devices : devices.Concat(_nvme.RoadsOn(path).Select(r => r.Device));
    }

    /// <summary>The devices that a disk comes over, each once.</summary>
    public IEnumerable<Road> RoadsOn(string path)
    {
        var devices = Names.On(path).ToList();
        var on = devices.Select(d => new Road(d));
        if (devices.Exists(d => d.AsPci is not null))
            return on;
        // A disk over FCoE hangs below the interface, which may be a VLAN (kernel drivers/scsi/fcoe/fcoe_sysfs.c).
        return InterfaceRoads.VirtualOn(path) is { } name
            ? on.Concat(Interfaces.RoadsOf(name, "FCoE"))
            : [.. on, .. _nvme.RoadsOn(path), .. _iscsi.RoadsOn(path)];
    }

    /// <summary>
    /// NVIDIA's own driver registers its nodes without telling sysfs; it lists its devices in <c>/proc/driver/nvidia/gpus</c>.
    /// </summary>
    private Dictionary<uint, DeviceId> Nvidia => _nvidia ??= ReadNvidia();

    private Dictionary<uint, DeviceId> ReadNvidia()
    {
        const string gpus = "/proc/driver/nvidia/gpus";
        const string minor = "Device Minor:";
        var result = new Dictionary<uint, DeviceId>();
        foreach (var name in _files.List(gpus))
        {
            var line = _files
                .ReadText($"{gpus}/{name}/information")
                .Text?.Split('\n')
                .FirstOrDefault(l => l.StartsWith(minor, StringComparison.Ordinal));
            if (
                DeviceId.TryParse(name, out var id)
                && line is not null
                && uint.TryParse(line.AsSpan(minor.Length).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            )
                result[number] = id;
        }

        return result;
    }
}
