using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// Who uses a network interface (contracts/kernel.md, "Proof that it is free": NICs): what rtnetlink answers, and what
/// <c>/sys/class/net</c> shows of it.
/// </summary>
public sealed class SimulatedNetwork
{
    private const uint Main = 254;
    private const uint Local = 255;

    private readonly KernelCore _core;
    private readonly SortedDictionary<string, Interface> _interfaces = new(StringComparer.Ordinal); // of the host's namespace
    private readonly List<Interface> _elsewhere = [];
    private readonly List<InterfaceAddress> _addresses = [];
    private readonly List<InterfaceRoute> _routes = [];
    private readonly List<InterfaceRule> _rules = [];
    private int _lastIndex;

    internal SimulatedNetwork(KernelCore core) => _core = core;

    /// <summary>What the kernel answers from now on instead of an answer: it refuses, or a sandbox has no netlink.</summary>
    public string? Complaint { get; set; }

    public NetworkReading Reading =>
        Complaint is { } complaint
            ? new NetworkReading.Failed(complaint)
            : new NetworkReading.Read(
                _core.Locked(() =>
                    new NetworkState
                    {
                        Links =
                        [
                            .. _interfaces.Values.Select(i => new NetworkLink(i.Name, i.Kind, i.Master, i.Lower)
                            {
                                AlternativeNames = i.AlternativeNames,
                            }),
                        ],
                        Addresses = [.. _addresses],
                        Routes = [.. _routes],
                        Rules = [.. _rules],
                        Elsewhere =
                        [
                            .. _elsewhere
                                .OrderBy(i => i.Name, StringComparer.Ordinal)
                                .Select(i => new LinkElsewhere(
                                    i.Name,
                                    i.Kind,
                                    i.Parent is null ? null : "pci/" + Path.GetFileName(i.Parent),
                                    i.Lower,
                                    i.Namespace!
                                )),
                        ],
                    }
                )
            );

    /// <summary>
    /// <c>ip link set NAME up</c>, with a cable in: the kernel gives it a link-local address and the routes that go with it (as seen on
    /// 6.12).
    /// </summary>
    public void SetUp(string name) =>
        _core.Locked(() =>
        {
            _addresses.Add(new InterfaceAddress(name, "fe80::5054:ff:fe00:40/64", true));
            _routes.Add(new InterfaceRoute(name, "fe80::/64", Main, true, true));
            _routes.Add(new InterfaceRoute(name, "fe80::5054:ff:fe00:40/128", Local, true, true));
            _routes.Add(new InterfaceRoute(name, "ff00::/8", Local, true, true));
        });

    public void SetDown(string name) => _core.Locked(() => Forget(name));

    /// <summary>
    /// <c>ip addr add</c>, on an interface that is down: the kernel makes a route to the address itself in the table local; of IPv6 none
    /// before it is up.
    /// </summary>
    public void AddAddress(string name, string address) =>
        _core.Locked(() =>
        {
            var ip = IPAddress.Parse(address[..address.IndexOf('/', StringComparison.Ordinal)]);
            var local = ip.IsIPv6LinkLocal || ip.GetAddressBytes() is [169, 254, ..];
            _addresses.Add(new InterfaceAddress(name, address, local));
            if (ip.AddressFamily == AddressFamily.InterNetwork)
                _routes.Add(new InterfaceRoute(name, $"{ip}/32", Local, true, local));
        });

    public void RemoveAddress(string name, string address) =>
        _core.Locked(() =>
        {
            _addresses.RemoveAll(known => known.Interface == name && known.Address == address);
            _routes.RemoveAll(known =>
                known.Interface == name
                && known.ByKernel
                && known.Destination == address[..address.IndexOf('/', StringComparison.Ordinal)] + "/32"
            );
        });

    public void AddRoute(string name, string destination, uint table = Main) =>
        _core.Locked(() => _routes.Add(new InterfaceRoute(name, destination, table, false, false)));

    public void AddRule(string name, uint priority) => _core.Locked(() => _rules.Add(new InterfaceRule(name, priority, Incoming: true)));

    public void RemoveRule(string name) => _core.Locked(() => _rules.RemoveAll(known => known.Interface == name));

    /// <summary>A bond, bridge or VRF, to which the interface is enslaved: <c>upper_NAME</c> and <c>master</c> below it.</summary>
    public void AddMaster(string name, string master, string kind = "bond") =>
        _core.Locked(() =>
        {
            if (!_interfaces.ContainsKey(master))
                Create(
                    new Interface(master, "/sys/devices/virtual/net/" + master, "52:54:00:00:01:00", ++_lastIndex, null) { Kind = kind }
                );
            _interfaces[name].Master = master;
            Adjoin(name, master);
            _core.Tree.WriteLink(_interfaces[name].Path + "/master", _interfaces[master].Path);
        });

    /// <summary>A macvlan or VLAN on top of the interface: <c>upper_NAME</c> below it, where both are in one namespace.</summary>
    /// <param name="owner">The process whose network namespace it goes to; null leaves it in the host's.</param>
    public void AddStacked(string name, string upper, string kind, SimulatedProcess? owner = null) =>
        _core.Locked(() =>
        {
            var stacked = new Interface(upper, "/sys/devices/virtual/net/" + upper, "52:54:00:00:01:00", ++_lastIndex, null)
            {
                Kind = kind,
                Lower = name,
                Namespace = OfProcess(owner),
            };
            if (owner is not null)
            {
                _elsewhere.Add(stacked);
                return;
            }

            Create(stacked);
            Adjoin(name, upper);
        });

    /// <summary>
    /// <c>ip link set NAME name RENAMED</c>: another directory in sysfs, and the uevent of a move (kernel <c>net/core/dev.c:
    /// __dev_change_name</c>). Addresses stay with it.
    /// </summary>
    public void Rename(string name, string renamed) =>
        _core.Locked(() =>
        {
            var old = _interfaces[name];
            var now = new Interface(
                renamed,
                $"{Path.GetDirectoryName(old.Path)}/{renamed}",
                old.Mac,
                int.Parse(old.Index, CultureInfo.InvariantCulture),
                old.Parent
            )
            {
                Kind = old.Kind,
                Lower = old.Lower,
                Master = old.Master,
                AlternativeNames = old.AlternativeNames,
            };
            var above = _interfaces.Values.Where(i => i.Lower == name || i.Name == old.Master).ToList();
            foreach (var upper in above)
                _core.Tree.Remove($"{upper.Path}/lower_{name}");
            _core.Tree.Remove("/sys/class/net/" + old.Name);
            _core.Tree.Remove(old.Path);
            _interfaces.Remove(name);
            foreach (var other in _interfaces.Values.Concat(_elsewhere).Where(i => i.Lower == name))
                other.Lower = renamed;
            foreach (var other in _interfaces.Values.Where(i => i.Master == name))
                other.Master = renamed;
            for (var i = 0; i < _addresses.Count; i++)
                if (_addresses[i].Interface == name)
                    _addresses[i] = _addresses[i] with { Interface = renamed };
            for (var i = 0; i < _routes.Count; i++)
                if (_routes[i].Interface == name)
                    _routes[i] = _routes[i] with { Interface = renamed };
            Show(now);
            foreach (var upper in above)
                Adjoin(renamed, upper.Name);
            if (now.Master is { } master)
                _core.Tree.WriteLink(now.Path + "/master", _interfaces[master].Path);
            _core.Uevents.Emit("move", now.Path, "net", [.. now.Properties, ("DEVPATH_OLD", old.Path["/sys".Length..])]);
        });

    /// <summary>Every interface of hardware in the host's namespace, by name, with its device's path in sysfs.</summary>
    public ImmutableArray<(string Name, string Device)> Hardware =>
        _core.Locked(() => _interfaces.Values.Where(i => i.Parent is not null).Select(i => (i.Name, i.Parent!)).ToImmutableArray());

    /// <summary><c>ip link property add dev NAME altname ALTERNATIVE</c>: no uevent tells.</summary>
    public void AddAlternativeName(string name, string alternative) =>
        _core.Locked(() =>
            _interfaces[name].AlternativeNames = [
                .. _interfaces[name].AlternativeNames.IsDefault ? [] : _interfaces[name].AlternativeNames,
                alternative,
            ]
        );

    /// <summary><c>ip link del</c> of a virtual interface.</summary>
    public void Delete(string upper) =>
        _core.Locked(() =>
        {
            if (_interfaces.Values.Concat(_elsewhere).FirstOrDefault(i => i.Name == upper) is { } gone)
                Unregister(gone);
        });

    /// <summary>
    /// The interface moves to a process's network namespace: it is gone from sysfs, its addresses with it, and its driver still has the
    /// function.
    /// </summary>
    public void MoveAway(string name, SimulatedProcess owner) =>
        _core.Locked(() =>
        {
            var moved = _interfaces[name];
            Hide(moved);
            Forget(name);
            _interfaces.Remove(name);
            _elsewhere.Add(moved);
            (moved.Namespace, moved.Master) = (OfProcess(owner), null);
        });

    /// <summary>
    /// The namespace ended: hardware comes back, if its driver still has it. By its name, or as <c>devINDEX</c> where the host has another
    /// of that name by now (kernel <c>net/core/dev.c: default_device_exit_net</c>).
    /// </summary>
    public void ComeBack(string name) =>
        _core.Locked(() =>
        {
            if (_elsewhere.Find(i => i.Name == name && i.Parent is not null) is not { } back)
                return;
            _elsewhere.Remove(back);
            var free = _interfaces.ContainsKey(name) ? "dev" + back.Index : name;
            var index = int.Parse(back.Index, CultureInfo.InvariantCulture);
            var path = $"{Path.GetDirectoryName(back.Path)}/{free}";
            Create(new Interface(free, path, back.Mac, index, back.Parent) { AlternativeNames = back.AlternativeNames });
        });

    /// <summary>Whether a device has an interface, in whatever namespace.</summary>
    internal bool HasHardware(string device) => _interfaces.Values.Concat(_elsewhere).Any(i => i.Parent == device);

    /// <summary>Whether it is up, with a cable in.</summary>
    internal bool HasLink(string device) =>
        _interfaces.Values.FirstOrDefault(i => i.Parent == device) is { } link
        && _addresses.Exists(a => a.Interface == link.Name && a.LinkLocal);

    internal void Boot()
    {
        _interfaces.Clear();
        _elsewhere.Clear();
        _addresses.Clear();
        _routes.Clear();
        _rules.Clear();
        _lastIndex = 0;
        Create(new Interface("lo", "/sys/devices/virtual/net/lo", "00:00:00:00:00:00", ++_lastIndex, parent: null));
        _addresses.AddRange([new InterfaceAddress("lo", "127.0.0.1/8", false), new InterfaceAddress("lo", "::1/128", false)]);
        foreach (var destination in (string[])["127.0.0.0/8", "127.0.0.1/32", "127.255.255.255/32", "::1/128"])
            _routes.Add(new InterfaceRoute("lo", destination, Local, true, false));
    }

    /// <summary>
    /// A driver registers its interface, which gets the lowest <c>ethN</c> that no interface of the host has (kernel
    /// <c>net/core/dev.c: __dev_alloc_name</c>).
    /// </summary>
    internal void RegisterHardware(string device, string mac)
    {
        var index = 0;
        while (_interfaces.ContainsKey(string.Create(CultureInfo.InvariantCulture, $"eth{index}")))
            index++;
        var name = string.Create(CultureInfo.InvariantCulture, $"eth{index}");
        Create(new Interface(name, $"{device}/net/{name}", mac, ++_lastIndex, device));
    }

    /// <summary>A driver lets go of its interface, whatever it is called and wherever it is.</summary>
    internal void UnregisterHardware(string device)
    {
        if (_interfaces.Values.Concat(_elsewhere).FirstOrDefault(i => i.Parent == device) is { } gone)
            Unregister(gone);
    }

    /// <summary>What is stacked on it goes too, what it was part of stays.</summary>
    private void Unregister(Interface gone)
    {
        if (!_elsewhere.Remove(gone))
            _interfaces.Remove(gone.Name);
        if (gone.Namespace is null)
        {
            foreach (var upper in _interfaces.Values.Concat(_elsewhere).Where(i => i.Lower == gone.Name).ToArray())
                Unregister(upper);
            foreach (var slave in _interfaces.Values.Where(i => i.Master == gone.Name))
                Part(slave, gone);
        }

        if (gone.Lower is { } lower && _interfaces.TryGetValue(lower, out var below))
            Part(below, gone);
        if (gone.Namespace is not null)
            return;
        Hide(gone);
        Forget(gone.Name);
    }

    private void Create(Interface made)
    {
        Show(made);
        _core.Uevents.Emit("add", made.Path, "net", made.Properties);
    }

    private void Show(Interface made)
    {
        _interfaces[made.Name] = made;
        _core.Tree.AddDirectory(
            made.Path,
            directory =>
            {
                directory.Attribute("address", made.Mac);
                directory.Attribute("ifindex", made.Index);
                directory.Attribute("operstate", "down");
                directory.Attribute("type", made.Name == "lo" ? "772" : "1");
                directory.WriteFile("uevent", $"INTERFACE={made.Name}\nIFINDEX={made.Index}\n");
                if (made.Parent is not null)
                    directory.WriteLink("device", made.Parent);
                directory.WriteLink("subsystem", "/sys/class/net");
            }
        );
        _core.Tree.WriteLink("/sys/class/net/" + made.Name, made.Path);
    }

    private void Hide(Interface hidden)
    {
        if (hidden.Master is { } master)
            _core.Tree.Remove($"{_interfaces[master].Path}/lower_{hidden.Name}");
        _core.Tree.Remove("/sys/class/net/" + hidden.Name);
        _core.Tree.Remove(hidden.Path);
        _core.Uevents.Emit("remove", hidden.Path, "net", hidden.Properties);
    }

    private void Adjoin(string name, string upper)
    {
        _core.Tree.WriteLink($"{_interfaces[upper].Path}/lower_{name}", _interfaces[name].Path);
        _core.Tree.WriteLink($"{_interfaces[name].Path}/upper_{upper}", _interfaces[upper].Path);
    }

    private void Part(Interface lower, Interface upper)
    {
        _core.Tree.Remove($"{lower.Path}/upper_{upper.Name}");
        if (lower.Master != upper.Name)
            return;
        _core.Tree.Remove(lower.Path + "/master");
        lower.Master = null;
    }

    /// <summary>Rules stay: they name an interface whether it is there or not.</summary>
    private void Forget(string name)
    {
        _addresses.RemoveAll(known => known.Interface == name);
        _routes.RemoveAll(known => known.Interface == name);
    }

    private static string? OfProcess(SimulatedProcess? owner) =>
        owner is null ? null : string.Create(CultureInfo.InvariantCulture, $"of process {owner.Pid} ({owner.Comm})");

    private sealed class Interface(string name, string path, string mac, int index, string? parent)
    {
        public string Name => name;

        public string Path => path;

        public string Mac => mac;

        public string Index { get; } = index.ToString(CultureInfo.InvariantCulture);

        /// <summary>The device's path in sysfs; null for a virtual interface.</summary>
        public string? Parent => parent;

        public ImmutableArray<string> AlternativeNames { get; set; }

        public string? Kind { get; init; }

        public string? Lower { get; set; }

        public string? Master { get; set; }

        /// <summary>Whose network namespace it is in; null for the host's.</summary>
        public string? Namespace { get; set; }

        public (string, string)[] Properties => [("INTERFACE", name), ("IFINDEX", Index)];
    }
}
