using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;

namespace Hostdev.DevicePlugin.Host.Netlink;

/// <summary>
/// What a physical function's interface has for its virtual functions, in the words of ip-link(8): <c>vf 3 vlan</c> is <c>100 qos 2</c>
/// (kernel <c>include/uapi/linux/if_link.h: IFLA_VFINFO_LIST</c>, <c>net/core/rtnetlink.c: rtnl_fill_vfinfo, do_setvfinfo</c>).
/// </summary>
internal static class VfMessages
{
    public const ushort SetLink = 19; // RTM_SETLINK

    private const int InfoList = 22; // IFLA_VFINFO_LIST
    private const int Info = 1; // IFLA_VF_INFO
    private const int ExtMask = 29; // IFLA_EXT_MASK
    private const int WithVfs = 1 | 8; // RTEXT_FILTER_VF, and RTEXT_FILTER_SKIP_STATS, so that more of them fit into the kernel's list
    private const ushort Ethernet = 1; // ARPHRD_ETHER
    private const ushort CustomerTag = 0x8100; // ETH_P_8021Q
    private const ushort ServiceTag = 0x88a8; // ETH_P_8021AD
    private const int Mac = 1, // IFLA_VF_MAC
        Vlan = 2, // IFLA_VF_VLAN
        SpoofCheck = 4, // IFLA_VF_SPOOFCHK
        LinkState = 5, // IFLA_VF_LINK_STATE
        Rate = 6, // IFLA_VF_RATE
        Trust = 9, // IFLA_VF_TRUST
        VlanList = 12, // IFLA_VF_VLAN_LIST
        VlanInfo = 1; // IFLA_VF_VLAN_INFO
    private const int MacBytes = 6;
    private const int RoomForMac = 32; // struct ifla_vf_mac

    private static readonly ImmutableArray<string> s_states = ["auto", "enable", "disable"];
    private static readonly ImmutableArray<string> s_switch = ["off", "on"];

    /// <summary>Asks for one interface with its virtual functions.</summary>
    public static byte[] Ask(int index) => [.. LinkOf(index), .. NetlinkAttributes.Of(ExtMask, BitConverter.GetBytes(WithVfs))];

    /// <summary>Sets one thing; null for what is no setting, or no value of it.</summary>
    /// <param name="setting">For example <c>vf 3 vlan</c>.</param>
    public static byte[]? Set(int index, string setting, string value)
    {
        if (
            setting.Split(' ') is not ["vf", var number, var name]
            || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var vf)
            || Attribute(vf, name, value.Split(' ')) is not { } attribute
        )
            return null;
        return [.. LinkOf(index), .. NetlinkAttributes.Of(InfoList, NetlinkAttributes.Of(Info, attribute))];
    }

    /// <summary>
    /// What an answer has of each virtual function that it has whole. The length of the list has 16 bits: what is longer is cut somewhere,
    /// and what comes after that is no attribute of anything (kernel <c>include/net/netlink.h: nla_nest_end</c>).
    /// </summary>
    /// <returns>By setting; null for one that the driver does not have. Null where the message is none of an interface.</returns>
    public static ImmutableDictionary<string, string?>? Read(NetlinkMessage message)
    {
        if (message.Type != RouteMessages.NewLink || message.Body.Length < RouteMessages.LinkBytes)
            return null;
        var isEthernet = BitConverter.ToUInt16(message.Body.Span[2..]) == Ethernet;
        var list = NetlinkAttributes.List(message.Body[RouteMessages.LinkBytes..], out _).FirstOrDefault(a => a.Type == InfoList).Value;
        var result = ImmutableDictionary.CreateBuilder<string, string?>(StringComparer.Ordinal);
        foreach (var (type, bytes) in NetlinkAttributes.List(list, out _))
        {
            if (type != Info || NetlinkAttributes.TryParse(bytes) is not { } info || Number(info, Mac, 0) is not { } vf)
                break;
            result[Name(vf, "mac")] = isEthernet ? MacOf(info.Bytes(Mac)) : null;
            result[Name(vf, "vlan")] = VlanOf(info);
            result[Name(vf, "spoofchk")] = Word(s_switch, Number(info, SpoofCheck, 1));
            result[Name(vf, "trust")] = Word(s_switch, Number(info, Trust, 1));
            result[Name(vf, "state")] = Word(s_states, Number(info, LinkState, 1));
            result[Name(vf, "rate")] =
                Number(info, Rate, 1) is { } least && Number(info, Rate, 2) is { } most
                    ? $"min_tx_rate {(uint)least} max_tx_rate {(uint)most}"
                    : null;
        }

        return result.ToImmutable();
    }

    private static string Name(int vf, string setting) => string.Create(CultureInfo.InvariantCulture, $"vf {vf} {setting}");

    private static byte[] LinkOf(int index)
    {
        var body = new byte[RouteMessages.LinkBytes];
        BitConverter.TryWriteBytes(body.AsSpan(4), index);
        return body;
    }

    private static byte[]? Attribute(int vf, string name, string[] value) =>
        (name, value) switch
        {
            ("mac", [var address]) when ParsedMac(address) is { } mac => NetlinkAttributes.Of(
                Mac,
                (ReadOnlySpan<byte>)[.. BitConverter.GetBytes(vf), .. mac, .. new byte[RoomForMac - MacBytes]]
            ),
            ("spoofchk", [var word]) when s_switch.IndexOf(word) is >= 0 and var on => Numbers(SpoofCheck, vf, on),
            ("trust", [var word]) when s_switch.IndexOf(word) is >= 0 and var on => Numbers(Trust, vf, on),
            ("state", [var word]) when s_states.IndexOf(word) is >= 0 and var state => Numbers(LinkState, vf, state),
            ("rate", ["min_tx_rate", var least, "max_tx_rate", var most]) when Parsed(least) is { } min && Parsed(most) is { } max =>
                Numbers(Rate, vf, min, max),
            ("vlan", [var id, .. var rest]) when Parsed(id) is { } vlan => VlanAttribute(vf, vlan, rest),
            _ => null,
        };

    private static byte[]? VlanAttribute(int vf, int vlan, string[] rest) =>
        rest switch
        {
            [] => Numbers(Vlan, vf, vlan, 0),
            ["qos", var qos] when Parsed(qos) is { } priority => Numbers(Vlan, vf, vlan, priority),
            ["qos", var qos, "proto", "802.1ad"] when Parsed(qos) is { } priority => NetlinkAttributes.Of(
                VlanList,
                NetlinkAttributes.Of(
                    VlanInfo,
                    (ReadOnlySpan<byte>)
                        [
                            .. BitConverter.GetBytes(vf),
                            .. BitConverter.GetBytes(vlan),
                            .. BitConverter.GetBytes(priority),
                            .. BitConverter.GetBytes(BinaryPrimitives.ReverseEndianness(ServiceTag)),
                            0,
                            0,
                        ]
                )
            ),
            _ => null,
        };

    private static byte[] Numbers(int type, params ReadOnlySpan<int> numbers)
    {
        var bytes = new byte[numbers.Length * sizeof(int)];
        for (var i = 0; i < numbers.Length; i++)
            BitConverter.TryWriteBytes(bytes.AsSpan(i * sizeof(int)), numbers[i]);
        return NetlinkAttributes.Of(type, bytes);
    }

    private static int? Parsed(string number) =>
        int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var parsed) ? parsed : null;

    private static byte[]? ParsedMac(string address)
    {
        var parts = address.Split(':');
        var bytes = new byte[MacBytes];
        for (var i = 0; i < parts.Length; i++)
        {
            if (
                parts.Length != MacBytes
                || !byte.TryParse(parts[i], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out bytes[i])
            )
                return null;
        }

        return bytes;
    }

    /// <summary>The n-th number of 32 bits of an attribute; null when it has none.</summary>
    private static int? Number(NetlinkAttributes info, int type, int n) =>
        info.Bytes(type) is var bytes && bytes.Length >= (n + 1) * sizeof(int)
            ? BitConverter.ToInt32(bytes.Span[(n * sizeof(int))..])
            : null;

    /// <summary>The kernel says -1 for what the driver has not told.</summary>
    private static string? Word(ImmutableArray<string> words, int? number) =>
        number is { } n && n >= 0 && n < words.Length ? words[n] : null;

    private static string? MacOf(ReadOnlyMemory<byte> bytes) =>
        bytes.Length >= sizeof(int) + MacBytes
            ? string.Join(':', bytes.Slice(sizeof(int), MacBytes).ToArray().Select(b => b.ToString("x2", CultureInfo.InvariantCulture)))
            : null;

    private static string? VlanOf(NetlinkAttributes info)
    {
        if (Number(info, Vlan, 1) is not { } vlan || Number(info, Vlan, 2) is not { } qos)
            return null;
        var tagged = NetlinkAttributes.List(info.Bytes(VlanList), out _).FirstOrDefault(a => a.Type == VlanInfo).Value;
        const int protoAt = 12; // struct ifla_vf_vlan_info
        var proto = tagged.Length >= protoAt + 2 ? BinaryPrimitives.ReadUInt16BigEndian(tagged.Span[protoAt..]) : CustomerTag;
        return proto == ServiceTag ? $"{vlan} qos {qos} proto 802.1ad"
            : qos == 0 ? $"{vlan}"
            : $"{vlan} qos {qos}";
    }
}
