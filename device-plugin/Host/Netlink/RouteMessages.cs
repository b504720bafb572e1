using System.Collections.Immutable;
using System.Net;

namespace Hostdev.DevicePlugin.Host.Netlink;

/// <param name="LowerNamespace">The number of the namespace that <paramref name="Lower"/> is in; null when that is the link's own.</param>
/// <param name="Parent">Bus and name of its device; kernels before 5.14 do not say it.</param>
internal sealed record LinkMessage(
    int Index,
    string Name,
    string? Kind,
    int? Master,
    int? Lower,
    int? LowerNamespace,
    string? Parent,
    ImmutableArray<string> AlternativeNames
);

internal sealed record AddressMessage(int Interface, string Address, bool LinkLocal);

/// <param name="Interfaces">Where it goes out; several for a route over several next hops, none for a route that goes nowhere.</param>
/// <param name="NextHop">The next hop object, or group of them, that it refers to.</param>
internal sealed record RouteMessage(
    ImmutableArray<int> Interfaces,
    int? NextHop,
    string Destination,
    uint Table,
    bool ByKernel,
    bool LinkLocal
);

/// <param name="Group">The ids of a group's members; empty for a next hop itself.</param>
internal sealed record NextHopMessage(int Id, int? Interface, ImmutableArray<int> Group);

internal sealed record RuleMessage(string? Incoming, string? Outgoing, uint Priority);

/// <summary>
/// What the messages of NETLINK_ROUTE hold (kernel <c>include/uapi/linux/rtnetlink.h, if_link.h, if_addr.h, nexthop.h, fib_rules.h,
/// net_namespace.h</c>). Each gives false for a message that lies about its lengths, and null for one that is of another family than was
/// asked for: without IPv6 the kernel answers with what it has.
/// </summary>
internal static class RouteMessages
{
    public const ushort GetLink = 18,
        NewLink = 16,
        GetAddress = 22,
        NewAddress = 20,
        GetRoute = 26,
        NewRoute = 24;
    public const ushort GetRule = 34,
        NewRule = 32,
        GetNextHop = 106,
        NewNextHop = 104,
        GetNamespaceId = 90,
        NewNamespaceId = 88;
    public const int LinkBytes = 16,
        AddressBytes = 8,
        RouteBytes = 12,
        RuleBytes = 12,
        NextHopBytes = 8,
        NamespaceIdBytes = 4;
    public const byte Inet = 2,
        Inet6 = 10;
    public const int NamespaceFd = 3; // NETNSA_FD

    private const byte MadeByKernel = 2; // RTPROT_KERNEL
    private const uint Cloned = 0x200; // RTM_F_CLONED: a cache entry, such as a path MTU

    public static bool Link(NetlinkMessage message, out LinkMessage? link)
    {
        link = null;
        if (message.Type != NewLink)
            return true;
        // IFLA_IFNAME
        if (
            NetlinkAttributes.TryParse(message, LinkBytes) is not { } attributes
            || attributes.Text(3) is not { Length: > 0 } name
            || !attributes.TryInt32(5, out var lower)
            || !attributes.TryInt32(10, out var master) // IFLA_LINK, IFLA_MASTER
            || !attributes.TryInt32(37, out var lowerNamespace) // IFLA_LINK_NETNSID
            || NetlinkAttributes.TryParse(attributes.Bytes(18)) is not { } info
        )
            return false; // IFLA_LINKINFO
        var (device, bus) = (attributes.Text(56), attributes.Text(57)); // IFLA_PARENT_DEV_NAME, IFLA_PARENT_DEV_BUS_NAME
        var parent = device is null || bus is null ? null : $"{bus}/{device}";
        if (NetlinkAttributes.Texts(attributes.Bytes(52), 53) is not { } alternatives)
            return false; // IFLA_PROP_LIST, IFLA_ALT_IFNAME
        // IFLA_INFO_KIND
        link = new LinkMessage(
            BitConverter.ToInt32(message.Body.Span[4..]),
            name,
            info.Text(1),
            master,
            lower,
            lowerNamespace,
            parent,
            alternatives.Count == 0 ? default : [.. alternatives]
        );
        return true;
    }

    public static bool Address(NetlinkMessage message, byte family, out AddressMessage? address)
    {
        address = null;
        if (message.Type != NewAddress || IsOther(message, family))
            return true;
        if (NetlinkAttributes.TryParse(message, AddressBytes) is not { } attributes)
            return false;
        // IFA_LOCAL is our end, IFA_ADDRESS the peer's; IPv6 has IFA_LOCAL only where there is a peer.
        var bytes = attributes.Has(2) ? attributes.Bytes(2) : attributes.Bytes(1);
        if (bytes.Length != SizeOf(family))
            return false;
        var prefix = message.Body.Span[1];
        address = new AddressMessage(
            BitConverter.ToInt32(message.Body.Span[4..]),
            $"{new IPAddress(bytes.Span)}/{prefix}",
            IsLinkLocal(bytes.Span)
        );
        return true;
    }

    public static bool Route(NetlinkMessage message, byte family, out RouteMessage? route)
    {
        route = null;
        if (message.Type != NewRoute || IsOther(message, family))
            return true;
        if (
            NetlinkAttributes.TryParse(message, RouteBytes) is not { } attributes
            || !attributes.TryInt32(4, out var output) // RTA_OIF
            || !attributes.TryInt32(15, out var table)
            || !attributes.TryInt32(30, out var nextHop) // RTA_TABLE, RTA_NH_ID
            || Hops(attributes.Bytes(9)) is not { } hops
        )
            return false; // RTA_MULTIPATH
        var body = message.Body.Span;
        if ((BitConverter.ToUInt32(body[8..]) & Cloned) != 0)
            return true;
        var (prefix, destination) = (body[1], attributes.Bytes(1)); // RTA_DST
        if (prefix > 0 && destination.Length != SizeOf(family))
            return false;
        var text = prefix == 0 ? "default" : $"{new IPAddress(destination.Span)}/{prefix}";
        var linkLocal = prefix > 0 && (IsLinkLocal(destination.Span) || IsMulticast(destination.Span));
        route = new RouteMessage(
            [.. hops, .. output is { } single ? (int[])[single] : []],
            nextHop,
            text,
            table is { } wide ? (uint)wide : body[4],
            body[5] == MadeByKernel,
            linkLocal
        );
        return true;
    }

    public static bool NextHop(NetlinkMessage message, out NextHopMessage? nextHop)
    {
        nextHop = null;
        if (message.Type != NewNextHop)
            return true;
        // NHA_ID
        if (
            NetlinkAttributes.TryParse(message, NextHopBytes) is not { } attributes
            || !attributes.TryInt32(1, out var id)
            || id is null
            || !attributes.TryInt32(5, out var output)
        )
            return false; // NHA_OIF
        const int entryBytes = 8; // struct nexthop_grp: id, weight
        var group = attributes.Bytes(2); // NHA_GROUP
        if (group.Length % entryBytes != 0)
            return false;
        nextHop = new NextHopMessage(
            id.Value,
            output,
            [.. Enumerable.Range(0, group.Length / entryBytes).Select(i => BitConverter.ToInt32(group.Span[(i * entryBytes)..]))]
        );
        return true;
    }

    public static bool Rule(NetlinkMessage message, byte family, out RuleMessage? rule)
    {
        rule = null;
        if (message.Type != NewRule || IsOther(message, family))
            return true;
        // FRA_PRIORITY
        if (NetlinkAttributes.TryParse(message, RuleBytes) is not { } attributes || !attributes.TryInt32(6, out var priority))
            return false;
        rule = new RuleMessage(attributes.Text(3), attributes.Text(17), (uint)(priority ?? 0)); // FRA_IIFNAME, FRA_OIFNAME
        return true;
    }

    /// <param name="id">Null when the namespace has none here.</param>
    public static bool NamespaceId(NetlinkMessage message, out int? id)
    {
        id = null;
        if (message.Type != NewNamespaceId)
            return true;
        // NETNSA_NSID
        if (NetlinkAttributes.TryParse(message, NamespaceIdBytes) is not { } attributes || !attributes.TryInt32(1, out id))
            return false;
        if (id < 0)
            id = null; // NETNSA_NSID_NOT_ASSIGNED
        return true;
    }

    /// <summary>The fixed part of a request, and one attribute of 32 bits after it where it has one.</summary>
    public static byte[] Body(int fixedBytes, byte family = 0, (int Type, int Value)? attribute = null)
    {
        var body = new byte[fixedBytes + (attribute is null ? 0 : 8)];
        body[0] = family;
        if (attribute is not { } a)
            return body;
        BitConverter.TryWriteBytes(body.AsSpan(fixedBytes), (ushort)8);
        BitConverter.TryWriteBytes(body.AsSpan(fixedBytes + 2), (ushort)a.Type);
        BitConverter.TryWriteBytes(body.AsSpan(fixedBytes + 4), a.Value);
        return body;
    }

    /// <summary>The interfaces of <c>struct rtnexthop</c> after <c>struct rtnexthop</c>; null when a length lies.</summary>
    private static List<int>? Hops(ReadOnlyMemory<byte> bytes)
    {
        const int headerBytes = 8;
        var result = new List<int>();
        while (bytes.Length > 0)
        {
            if (bytes.Length < headerBytes)
                return null;
            var length = BitConverter.ToUInt16(bytes.Span);
            if (length < headerBytes || length > bytes.Length)
                return null;
            result.Add(BitConverter.ToInt32(bytes.Span[4..]));
            bytes = bytes[Math.Min(bytes.Length, NetlinkMessage.Aligned(length))..];
        }

        return result;
    }

    private static bool IsOther(NetlinkMessage message, byte family) => message.Body.Length > 0 && message.Body.Span[0] != family;

    private static int SizeOf(byte family) => family == Inet ? 4 : 16;

    private static bool IsLinkLocal(ReadOnlySpan<byte> address) =>
        address is [169, 254, _, _] || (address.Length == 16 && address[0] == 0xfe && (address[1] & 0xc0) == 0x80);

    private static bool IsMulticast(ReadOnlySpan<byte> address) => address.Length == 4 ? address[0] >> 4 == 0xe : address[0] == 0xff;
}
