namespace Hostdev.Tests.Scenarios;

/// <summary>What a host does with a network interface.</summary>
internal enum NetworkUse
{
    /// <summary>It is up, with the link-local address that the kernel gives it: nobody uses it.</summary>
    MerelyUp,

    /// <summary>192.0.2.7/24, and the interface is down.</summary>
    Address,

    /// <summary>2001:db8::7/64, and the interface is down.</summary>
    Ipv6Address,

    /// <summary>198.51.100.0/24 in table 100, and no address.</summary>
    RouteInAnotherTable,

    /// <summary>203.0.113.0/24 by a next hop object that only the object itself names the interface of.</summary>
    RouteByNextHop,

    /// <summary>Rule 30000: what comes in by it.</summary>
    RoutingRule,

    Bond,

    /// <summary>The bond has 192.0.2.7/24, and 198.51.100.0/24 in table 100.</summary>
    BondWithAddressAndRoute,

    Bridge,
    Vrf,
    Macvlan,
    Vlan,

    /// <summary>A process has it in its network namespace.</summary>
    Namespace,

    /// <summary>A process has a macvlan of it in its network namespace.</summary>
    MacvlanInNamespace,
}

/// <summary>Whoever uses an interface, until disposed of.</summary>
internal interface INetworkUser : IDisposable
{
    /// <summary>The interface's name in the host.</summary>
    string Interface { get; }

    /// <summary>The process whose network namespace has it or a part of it; 0 for none.</summary>
    int ProcessId { get; }
}
