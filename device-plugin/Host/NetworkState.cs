using System.Collections.Immutable;

namespace Hostdev.DevicePlugin.Host;

/// <summary>One reading of the network by the kernel's own word (rtnetlink), or why there is none.</summary>
public abstract record NetworkReading
{
    private NetworkReading() { }

    public sealed record Read(NetworkState State) : NetworkReading;

    /// <param name="Complaint">A clause that goes on after "the network cannot be read": which request, and the kernel's error.</param>
    public sealed record Failed(string Complaint) : NetworkReading;
}

/// <summary>
/// What is configured in the host's network namespace, and which interfaces of other namespaces hang on hardware or interfaces of this one.
/// </summary>
public sealed record NetworkState
{
    public static NetworkState Empty { get; } = new();

    public ImmutableArray<NetworkLink> Links { get; init; } = [];

    public ImmutableArray<InterfaceAddress> Addresses { get; init; } = [];

    /// <summary>Of all tables and both families; a route over several next hops is there once for each interface.</summary>
    public ImmutableArray<InterfaceRoute> Routes { get; init; } = [];

    /// <summary>Policy rules that name an interface.</summary>
    public ImmutableArray<InterfaceRule> Rules { get; init; } = [];

    public ImmutableArray<LinkElsewhere> Elsewhere { get; init; } = [];
}

/// <param name="Kind">bond, bridge, vlan, vrf and so on; null for hardware.</param>
/// <param name="Master">The interface that this one is enslaved to (bond, bridge, VRF, Open vSwitch).</param>
/// <param name="Lower">The interface that this one is stacked on (VLAN, macvlan, ipvlan, a tunnel's); null when that is itself or in
/// another namespace.</param>
public sealed record NetworkLink(string Name, string? Kind = null, string? Master = null, string? Lower = null)
{
    /// <summary>By which it can be named too (<c>altname</c> of ip-link(8)); default where there is none.</summary>
    public ImmutableArray<string> AlternativeNames { get; init; }
}

/// <param name="Address">With prefix length, for example <c>192.0.2.7/24</c>.</param>
/// <param name="LinkLocal">fe80::/10 or 169.254.0.0/16: such an address alone protects nothing.</param>
public readonly record struct InterfaceAddress(string Interface, string Address, bool LinkLocal);

/// <param name="Destination"><c>default</c>, or a prefix such as <c>198.51.100.0/24</c>.</param>
/// <param name="Table">254 is main, 255 local.</param>
/// <param name="ByKernel">The kernel made it itself (RTPROT_KERNEL), for an address or because the interface is up.</param>
/// <param name="LinkLocal">It leads to fe80::/10, 169.254.0.0/16 or a multicast range, which an interface has for being up.</param>
public readonly record struct InterfaceRoute(string Interface, string Destination, uint Table, bool ByKernel, bool LinkLocal);

/// <param name="Priority">By which <c>ip rule</c> lists it.</param>
/// <param name="Incoming">It is about what comes in by the interface (iif), not about what goes out (oif).</param>
public readonly record struct InterfaceRule(string Interface, uint Priority, bool Incoming);

/// <summary>An interface in another network namespace that hangs on something of the host.</summary>
/// <param name="Parent">The device it belongs to, below <c>/sys/bus</c>, as bus and name: <c>pci/0000:41:00.0</c>, <c>usb/2-1:1.0</c>; null
/// for a virtual interface.</param>
/// <param name="Lower">The interface of the host's namespace that it is stacked on (macvlan, ipvlan, VLAN); null when none.</param>
/// <param name="Namespace">Whose it is, in words: <c>of process 812 (nginx)</c>.</param>
public sealed record LinkElsewhere(string Name, string? Kind, string? Parent, string? Lower, string Namespace);
