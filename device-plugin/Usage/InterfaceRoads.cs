using System.Globalization;
using System.Net;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>Which devices carry a network interface, and by which interface two ends of a connection talk.</summary>
internal sealed class InterfaceRoads(HostFileReader files, DeviceNames names, Lazy<NetworkReading> network)
{
    private const string Class = "/sys/class/net";
    private const string Virtual = "/sys/devices/virtual/net/";

    private NetworkState State => network.Value is NetworkReading.Read { State: var state } ? state : NetworkState.Empty;

    /// <summary>The interface without hardware of its own (VLAN, bond) that a path is below; null when it is below none.</summary>
    public static string? VirtualOn(string path) =>
        path.StartsWith(Virtual, StringComparison.Ordinal) ? path[Virtual.Length..].Split('/')[0] : null;

    /// <param name="what">What comes over it, for example <c>NVMe over TCP</c>.</param>
    public IEnumerable<Road> RoadsOf(string name, string what) => DevicesOf(name).Distinct().Select(f => Road.By(f, $"{what}, {name}"));

    /// <summary>The devices of an interface, or of those that it is stacked on or made of.</summary>
    public IEnumerable<DeviceId> DevicesOf(string name) => DevicesOf(name, [name]);

    /// <summary>
    /// The interfaces by which the host reaches the other end: the one that has the local address, else those of the route with the longest
    /// prefix. Empty when neither tells.
    /// </summary>
    /// <param name="local">An IP address of the host, with the interface after a percent sign or without; null when not known.</param>
    /// <param name="remote">The other end's; null when not known.</param>
    public IReadOnlyList<string> Between(string? local, string? remote)
    {
        if (TryParse(local, out var here, out var scope))
        {
            if (scope is not null)
                return [scope];
            var having = State
                .Addresses.Where(a => IPAddress.TryParse(a.Address.Split('/')[0], out var own) && own.Equals(here))
                .Select(a => a.Interface)
                .Distinct()
                .ToList();
            if (having.Count > 0)
                return having;
        }

        if (!TryParse(remote, out var there, out scope))
            return [];
        if (scope is not null)
            return [scope];
        var routes = State.Routes.Select(r => (r.Interface, Bits: Covered(r.Destination, there))).Where(r => r.Bits is not null).ToList();
        return [.. routes.Where(r => r.Bits == routes.Max(o => o.Bits)).Select(r => r.Interface).Distinct()];
    }

    /// <summary>
    /// An address as file systems and NVMe print it: in brackets or not, with a scope or not. False for one that says nothing
    /// (<c>0.0.0.0</c>, <c>::</c>).
    /// </summary>
    /// <param name="scope">The interface that a link-local address names; null when none.</param>
    public static bool TryParse(string? text, out IPAddress address, out string? scope)
    {
        var parts = (text ?? "").Trim('[', ']').Split('%', 2);
        scope = parts.Length == 2 ? parts[1] : null;
        return IPAddress.TryParse(parts[0], out address!) && !address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any);
    }

    private IEnumerable<DeviceId> DevicesOf(string name, HashSet<string> seen)
    {
        var devices = files.ResolveLink($"{Class}/{name}") is { } path ? names.On(path).ToList() : [];
        return devices.Count > 0 ? devices : Lowers(name).Where(seen.Add).SelectMany(l => DevicesOf(l, seen));
    }

    /// <summary>Kernel <c>Documentation/ABI/testing/sysfs-class-net: lower_*</c>, and what netlink says.</summary>
    private IEnumerable<string> Lowers(string name) =>
        files
            .List($"{Class}/{name}")
            .Where(n => n.StartsWith("lower_", StringComparison.Ordinal))
            .Select(n => n["lower_".Length..])
            .Concat(State.Links.Where(l => l.Master == name).Select(l => l.Name))
            .Concat(State.Links.Where(l => l.Name == name).Select(l => l.Lower).OfType<string>());

    /// <summary>How many bits of an address a route's destination fixes; null when the route does not lead there.</summary>
    private static int? Covered(string destination, IPAddress address)
    {
        if (destination == "default")
            return 0;
        if (
            destination.Split('/') is not [var prefix, var length]
            || !IPAddress.TryParse(prefix, out var network)
            || !int.TryParse(length, NumberStyles.None, CultureInfo.InvariantCulture, out var bits)
        )
            return null;
        var (wanted, have) = (network.GetAddressBytes(), address.GetAddressBytes());
        if (wanted.Length != have.Length || bits > wanted.Length * 8)
            return null;
        for (var bit = 0; bit < bits; bit++)
        {
            if (((wanted[bit / 8] ^ have[bit / 8]) & (0x80 >> (bit % 8))) != 0)
                return null;
        }

        return bits;
    }
}
