using System.Globalization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>
/// What a virtio function is for the host, by the kind of its virtio device (kernel <c>include/uapi/linux/virtio_ids.h</c>). Interfaces,
/// disks and nodes have proofs of their own; what has none is in use until it is proven that no driver has it (docs/adr/0019).
/// </summary>
internal sealed class VirtioUsage
{
    private const int DriverHasIt = 2; // VIRTIO_CONFIG_S_DRIVER
    private readonly HostFileReader _files;
    private readonly VirtioShares _shares;
    private readonly KernelConsoles _consoles;
    private readonly Lazy<ILookup<PciAddress, string>> _devices;

    public VirtioUsage(HostFileReader files, ProcessSnapshot processes, KernelConsoles consoles)
    {
        (_files, _consoles) = (files, consoles);
        _shares = new VirtioShares(files, processes.Mounts);
        _devices = new(() =>
            files
                .List("/sys/bus/virtio/devices")
                .Select(n => files.ResolveLink($"/sys/bus/virtio/devices/{n}"))
                .OfType<string>()
                .Select(p => (Path: p, Function: SysfsPath.NearestFunction(p)))
                .Where(d => d.Function is not null)
                .ToLookup(d => d.Function!.Value, d => d.Path)
        );
    }

    /// <param name="names">What the function's directory holds.</param>
    public IEnumerable<DeviceUser> UsersOf(PciFunction function, IReadOnlyList<string> names) =>
        names
            .Where(IsVirtio)
            .Select(n => $"/sys/bus/pci/devices/{function.Address}/{n}")
            .Concat(_devices.Value[function.Address])
            .DistinctBy(SysfsPath.LastName)
            .Where(d => !IsWithoutDriver(d))
            .SelectMany(d => UsersOf(function, d));

    private static bool IsVirtio(string name) =>
        name.StartsWith("virtio", StringComparison.Ordinal) && name.Length > 6 && name.AsSpan(6).IndexOfAnyExceptInRange('0', '9') < 0;

    private IEnumerable<DeviceUser> UsersOf(PciFunction function, string device)
    {
        var kind = Number(device, "device") ?? KindOf(function);
        return kind switch
        {
            1 or 2 or 8 or 27 => [], // network, block, SCSI, persistent memory: by their interfaces and disks
            16 or 18 or 25 => [], // graphics, input, sound: by their displays and nodes
            4 => [], // entropy: the host has other sources
            3 => ConsoleOf(device),
            9 => _shares.Of9p(device),
            26 => _shares.OfVirtiofs(device),
            _ =>
            [
                new DeviceUser(
                    UserKind.Unknown,
                    $"it is {Named(kind)} ({SysfsPath.LastName(device)}), and nothing tells whether the "
                        + $"host uses that (if it does not, unbind {function.Address} from its driver by hand)"
                ),
            ],
        };
    }

    /// <summary>By its PCI ids (virtio 1.3, 4.1.2); null where they do not tell.</summary>
    private static int? KindOf(PciFunction function) =>
        (function.Vendor.Value, function.Device.Value) switch
        {
            (0x1af4, > 0x1040 and < 0x1080 and var id) => id - 0x1040,
            (0x1af4, 0x1000) => 1,
            (0x1af4, 0x1001) => 2,
            (0x1af4, 0x1002) => 5,
            (0x1af4, 0x1003) => 3,
            (0x1af4, 0x1004) => 8,
            (0x1af4, 0x1005) => 4,
            (0x1af4, 0x1009) => 9,
            _ => null,
        };

    /// <summary>
    /// A console is a port without a name; ports with one are for programs, which open their nodes (kernel
    /// <c>drivers/char/virtio_console.c</c>).
    /// </summary>
    private IEnumerable<DeviceUser> ConsoleOf(string device)
    {
        var ports = _files.List(device + "/virtio-ports");
        if (ports.Count > 0 && ports.All(p => _files.ReadText($"{device}/virtio-ports/{p}/name").Text is { Length: > 0 }))
            return [];
        var console = _consoles.Names.FirstOrDefault(n => n.StartsWith("hvc", StringComparison.Ordinal));
        var use = console is null
            ? "a console of the host (hvc) may be on it"
            : $"the kernel's console {console} is on it, or on another virtio console";
        return [new DeviceUser(UserKind.Console, use)];
    }

    private bool IsWithoutDriver(string device) => Number(device, "status") is { } status && (status & DriverHasIt) == 0;

    private int? Number(string device, string attribute)
    {
        var digits = _files.ReadText($"{device}/{attribute}").Text?.Replace("0x", "", StringComparison.Ordinal);
        return int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    private static string Named(int? kind) =>
        kind switch
        {
            null => "a virtio device of an unknown kind",
            5 or 13 => "a memory balloon",
            19 => "a vsock",
            20 => "a crypto device",
            23 => "an IOMMU",
            24 => "memory of the host",
            35 => "a watchdog",
            _ => string.Create(CultureInfo.InvariantCulture, $"a virtio device of kind {kind}"),
        };
}
