using System.Globalization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>
/// The functions that an NVMe device comes over where its own path has none. With multipath (the default) a namespace lies under
/// <c>/sys/devices/virtual/nvme-subsystem/nvme-subsysX</c>, which links to each of its controllers (kernel
/// <c>drivers/nvme/host/multipath.c</c>); a controller that is reached over a fabric lies under
/// <c>/sys/devices/virtual/nvme-fabrics/ctl</c>
/// and says by its <c>transport</c> and <c>address</c> how (<c>drivers/nvme/host/fabrics.c: nvmf_get_address</c>).
/// </summary>
internal sealed class NvmeRoads
{
    private const string Subsystems = "/sys/devices/virtual/nvme-subsystem/";
    private const string Fabrics = "/sys/devices/virtual/nvme-fabrics/ctl/";
    private const string FcHosts = "/sys/class/fc_host";

    private readonly HostFileReader _files;
    private readonly DeviceNames _names;
    private readonly InterfaceRoads _interfaces;
    private readonly RdmaRoads _rdma;
    private readonly Dictionary<string, IReadOnlyList<Road>> _known = new(StringComparer.Ordinal);
    private readonly Lazy<List<FcPort>> _ports;

    public NvmeRoads(HostFileReader files, DeviceNames names, InterfaceRoads interfaces, RdmaRoads rdma)
    {
        (_files, _names, _interfaces, _rdma) = (files, names, interfaces, rdma);
        _ports = new(ReadPorts);
    }

    /// <summary>Each function once; none for what is no NVMe device.</summary>
    public IReadOnlyList<Road> RoadsOn(string path)
    {
        var root = new[] { Subsystems, Fabrics }.FirstOrDefault(r => path.StartsWith(r, StringComparison.Ordinal));
        if (root is null)
            return [];
        var device = root + path[root.Length..].Split('/')[0];
        if (_known.TryGetValue(device, out var known))
            return known;
        var roads = root == Fabrics ? OverFabric(device) : Controllers(device).SelectMany(RoadsOfController);
        return _known[device] = [.. roads.DistinctBy(r => r.Device)];
    }

    private IEnumerable<string> Controllers(string subsystem) =>
        _files
            .List(subsystem)
            .Where(n => n.StartsWith("nvme", StringComparison.Ordinal))
            .Select(n => _files.ResolveLink($"{subsystem}/{n}"))
            .OfType<string>();

    private IEnumerable<Road> RoadsOfController(string path)
    {
        var functions = _names.On(path).ToList();
        return functions.Count > 0 ? functions.Select(f => new Road(f)) : RoadsOn(path);
    }

    private IEnumerable<Road> OverFabric(string controller)
    {
        var address = (_files.ReadText(controller + "/address").Text ?? "")
            .Split(',')
            .Select(p => p.Split('=', 2))
            .Where(p => p.Length == 2)
            .DistinctBy(p => p[0])
            .ToDictionary(p => p[0], p => p[1]);
        var local = address.GetValueOrDefault("src_addr") ?? address.GetValueOrDefault("host_traddr");
        var remote = address.GetValueOrDefault("traddr");
        var own = address.GetValueOrDefault("host_iface");
        return _files.ReadText(controller + "/transport").Text switch
        {
            "fc" => OverFibreChannel(PortName(local)),
            "rdma" => own is not null ? _interfaces.RoadsOf(own, "NVMe over RDMA") : _rdma.Between(local, remote, "NVMe over RDMA"),
            "tcp" => (own is not null ? [own] : _interfaces.Between(local, remote)).SelectMany(n =>
                _interfaces.RoadsOf(n, "NVMe over TCP")
            ),
            _ => [], // loop: the disk that it stands on is exported by the host's own target
        };
    }

    private IEnumerable<Road> OverFibreChannel(ulong? name)
    {
        var own = _ports.Value.FindAll(p => p.Name == name && name is not null);
        return own.Count > 0
            ? own.SelectMany(p => p.Devices).Select(f => Road.By(f, string.Create(CultureInfo.InvariantCulture, $"FC port 0x{name:x16}")))
            : _ports
                .Value.SelectMany(p => p.Devices)
                .Concat(FibreChannelFunctions())
                .Distinct()
                .Select(f => Road.Perhaps(f, "nothing tells its FC port"));
    }

    /// <summary>Ports of virtual hosts (NPIV) are below the function, too; those of FCoE are below an interface.</summary>
    private List<FcPort> ReadPorts() =>
        [
            .. from host in _files.List(FcHosts)
            let path = _files.ResolveLink($"{FcHosts}/{host}")
            where path is not null
            let functions = _names.On(path).ToList()
            select new FcPort(
                Hexadecimal(_files.ReadText($"{path}/port_name").Text),
                functions.Count == 0 && InterfaceRoads.VirtualOn(path) is { } name ? [.. _interfaces.DevicesOf(name)] : functions
            ),
        ];

    /// <summary>By class, for drivers that show no fc_host. What is with a VM carries nothing of the host's.</summary>
    private IEnumerable<DeviceId> FibreChannelFunctions()
    {
        const string devices = "/sys/bus/pci/devices";
        foreach (var name in _files.List(devices))
        {
            if (
                !DeviceId.TryParse(name, out var id)
                || _files.ReadText($"{devices}/{name}/class").Text?.StartsWith("0x0c04", StringComparison.Ordinal) != true
            )
            {
                continue;
            }

            if (_files.ReadLinkName($"{devices}/{name}/driver") is { } driver && !GroupViability.IsPassthroughDriver(driver))
            {
                yield return id;
            }
        }
    }

    /// <summary>
    /// <c>nn-0x20000000c9a80000:pn-0x10000000c9a80000</c>, with <c>0x</c> or without (kernel <c>drivers/nvme/host/fc.c:
    /// nvme_fc_parse_traddr</c>).
    /// </summary>
    private static ulong? PortName(string? address)
    {
        const string port = "pn-";
        return address?.IndexOf(port, StringComparison.Ordinal) is >= 0 and var at ? Hexadecimal(address[(at + port.Length)..]) : null;
    }

    private static ulong? Hexadecimal(string? text)
    {
        var digits = text?.Replace("0x", "", StringComparison.OrdinalIgnoreCase);
        return ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) ? value : null;
    }

    private sealed record FcPort(ulong? Name, List<DeviceId> Devices);
}
