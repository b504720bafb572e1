using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>
/// Whether the host needs a network interface: an address, a route or a policy rule on it or on what is stacked on it, anything stacked on
/// it at all, or it lives in another network namespace (contracts/kernel.md, "Proof that it is free": NICs). What an interface has for
/// merely being up does not count: link-local addresses, and the routes the kernel makes for them.
/// </summary>
internal sealed class NetworkUsage
{
    /// <summary>
    /// Of more interfaces above one another than this only the names are said. Two ends of a veth are above each other, so there must be an
    /// end.
    /// </summary>
    private const int MaxFollowed = 16;

    /// <summary>A router has a million; an admin knows from the first few what they are.</summary>
    private const int MaxNamed = 3;

    private const uint MainTable = 254; // RT_TABLE_MAIN

    private readonly HostFileReader _files;
    private readonly DeviceNames _names;
    private readonly string? _complaint;
    private readonly NetworkState _state;
    private readonly ILookup<string, InterfaceAddress> _addresses;
    private readonly ILookup<string, InterfaceRoute> _routes;
    private readonly Dictionary<string, NetworkLink> _links;
    private readonly ILookup<DeviceId, LinkElsewhere> _elsewhere;

    public NetworkUsage(HostPaths paths, DeviceNames names, NetworkReading reading)
    {
        _names = names;
        _files = new HostFileReader(paths);
        _complaint = (reading as NetworkReading.Failed)?.Complaint;
        _state = (reading as NetworkReading.Read)?.State ?? NetworkState.Empty;
        _links = _state.Links.ToDictionary(l => l.Name, StringComparer.Ordinal);
        _addresses = _state.Addresses.Where(a => !a.LinkLocal).ToLookup(a => a.Interface);
        _routes = _state.Routes.Where(r => !(r.ByKernel && r.LinkLocal)).ToLookup(r => r.Interface);
        _elsewhere = _state.Elsewhere.SelectMany(l => DevicesOf(l).Select(d => (Device: d, Link: l))).ToLookup(t => t.Device, t => t.Link);
    }

    /// <param name="children">What hangs below the device.</param>
    /// <param name="hasInterfaceElsewhere">It has a driver, and an interface that this network namespace does not show.</param>
    public IEnumerable<DeviceUser> UsersOf(DeviceId device, ImmutableArray<ChildDevice> children, bool hasInterfaceElsewhere)
    {
        var names = children.Where(c => c.Kind is ChildKind.NetworkInterface or ChildKind.Representor).Select(c => c.Name).ToList();
        foreach (var name in names)
        {
            if (_complaint is not null)
                yield return new DeviceUser(UserKind.NetworkAddress, $"who uses {name} is not known, because {_complaint}");
            foreach (var use in Uses(name, [name]))
                yield return new DeviceUser(use.Kind, $"{name} {use.Clause}");
        }

        var elsewhere = _elsewhere[device].ToList();
        foreach (var link in elsewhere)
            yield return new DeviceUser(
                UserKind.NetworkNamespace,
                $"its interface {link.Name} is in the network namespace {link.Namespace}"
            );
        if (hasInterfaceElsewhere && elsewhere.Count == 0)
        {
            yield return new DeviceUser(UserKind.NetworkNamespace, "its network interface is in another network namespace");
        }
    }

    /// <summary>What an interface is used for, in clauses that go on after its name.</summary>
    private IEnumerable<(UserKind Kind, string Clause)> Uses(string name, HashSet<string> seen)
    {
        var addresses = _addresses[name].Select(a => a.Address).ToList();
        if (addresses.Count > 0)
            yield return (UserKind.NetworkAddress, $"has the address{(addresses.Count > 1 ? "es" : "")} {Few(addresses)}");

        // The kernel's own routes to an address that is said already are no news.
        var routes = _routes[name]
            .Where(r => !r.ByKernel || addresses.Count == 0)
            .Select(r => r.Table == MainTable ? r.Destination : $"{r.Destination} in table {r.Table}")
            .Distinct()
            .ToList();
        if (routes.Count > 0)
            yield return (UserKind.NetworkAddress, $"routes {Few(routes)}");

        var rules = _state
            .Rules.Where(r => r.Interface == name)
            .Select(r => $"{r.Priority} ({(r.Incoming ? "iif" : "oif")} {name})")
            .ToList();
        if (rules.Count > 0)
            yield return (UserKind.NetworkAddress, $"is named by the routing rule{(rules.Count > 1 ? "s" : "")} {Few(rules)}");

        var above = Stacked(name, seen).ToList();
        foreach (var clause in above.Take(MaxNamed))
            yield return (UserKind.NetworkUpper, clause);
        if (above.Count > MaxNamed)
            yield return (UserKind.NetworkUpper, $"carries {above.Count - MaxNamed} more");
    }

    private IEnumerable<string> Stacked(string name, HashSet<string> seen)
    {
        foreach (var link in _state.Elsewhere.Where(l => l.Lower == name))
            yield return $"carries {WithKind(link.Name, link.Kind)} in the network namespace {link.Namespace}";
        foreach (var (upper, isMaster) in Uppers(name))
        {
            var clause = $"{(isMaster ? "is part of" : "carries")} {WithKind(upper, _links.GetValueOrDefault(upper)?.Kind)}";
            var uses = seen.Count < MaxFollowed && seen.Add(upper) ? Uses(upper, seen).Select(u => u.Clause).ToList() : [];
            yield return uses.Count == 0 ? clause : $"{clause}, which {string.Join(" and ", uses)}";
        }
    }

    /// <summary>
    /// What netlink says is above, and what only sysfs shows there (hsr, rmnet and others that are neither master nor link).
    /// </summary>
    private IEnumerable<(string Name, bool IsMaster)> Uppers(string name)
    {
        var master = _links.GetValueOrDefault(name)?.Master;
        if (master is not null)
            yield return (master, true);
        var stacked = _state.Links.Where(l => l.Lower == name).Select(l => l.Name).ToList();
        foreach (var upper in stacked)
            yield return (upper, false);
        foreach (var upper in UppersInSysfs(name).Where(u => u != master && !stacked.Contains(u)))
            yield return (upper, true);
    }

    /// <summary>Kernel <c>Documentation/ABI/testing/sysfs-class-net: upper_*</c>.</summary>
    private IEnumerable<string> UppersInSysfs(string name) =>
        _files
            .List($"/sys/class/net/{name}")
            .Where(n => n.StartsWith("upper_", StringComparison.Ordinal))
            .Select(n => n["upper_".Length..]);

    private IEnumerable<DeviceId> DevicesOf(LinkElsewhere link)
    {
        if (link.Parent?.Split('/', 2) is not [var bus, var device])
            return [];
        return DeviceId.TryParse(device, out var id) ? [id]
            : _files.ResolveLink($"/sys/bus/{bus}/devices/{device}") is { } path ? _names.On(path)
            : [];
    }

    private static string WithKind(string name, string? kind) => kind is null ? name : $"{name} ({kind})";

    private static string Few(List<string> all) =>
        all.Count <= MaxNamed ? string.Join(", ", all) : $"{string.Join(", ", all.Take(MaxNamed))} and {all.Count - MaxNamed} more";
}
