using System.Net;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>
/// Which functions carry what the kernel does over RDMA, of which no process and no path tells (NFS, NVMe; iSER and SRP hosts are below the
/// adapter): by the addresses of both ends, else by a GID of the adapter, else it may be any that has an RDMA device (kernel
/// <c>Documentation/ABI/stable/sysfs-class-infiniband</c>).
/// </summary>
internal sealed class RdmaRoads(HostFileReader files, DeviceNames names, InterfaceRoads interfaces)
{
    private const string Class = "/sys/class/infiniband";

    /// <param name="what">What comes over it, for example <c>NFS over RDMA</c>.</param>
    public IReadOnlyList<Road> Between(string? local, string? remote, string what)
    {
        var roads = interfaces.Between(local, remote).SelectMany(n => interfaces.RoadsOf(n, what)).ToList();
        if (roads.Count == 0 && InterfaceRoads.TryParse(local, out var here, out _))
            roads = [.. ByGid(here.MapToIPv6(), what)];
        if (roads.Count == 0)
        {
            var all = files.List(Class).SelectMany(DevicesOf).Distinct();
            roads = [.. all.Select(f => Road.Perhaps(f, $"{what}; nothing tells the port"))];
        }

        return [.. roads.DistinctBy(r => r.Device)];
    }

    private IEnumerable<Road> ByGid(IPAddress address, string what) =>
        from device in files.List(Class)
        from port in files.List($"{Class}/{device}/ports")
        let gids = $"{Class}/{device}/ports/{port}/gids"
        where files.List(gids).Any(n => IPAddress.TryParse(files.ReadText($"{gids}/{n}").Text, out var gid) && gid.Equals(address))
        from function in DevicesOf(device)
        select Road.By(function, $"{what}, {device}");

    /// <summary>One in software (rxe, siw) is on the interface that its <c>parent</c> names.</summary>
    private IEnumerable<DeviceId> DevicesOf(string device)
    {
        var functions = files.ResolveLink($"{Class}/{device}") is { } path ? names.On(path).ToList() : [];
        if (functions.Count > 0)
            return functions;
        return files.ReadText($"{Class}/{device}/parent").Text is { Length: > 0 } name ? interfaces.DevicesOf(name) : [];
    }
}
