using System.Text;

namespace Hostdev.DevicePlugin.Host.Netlink;

/// <summary>
/// One netlink message as it was received (kernel <c>include/uapi/linux/netlink.h: struct nlmsghdr</c>). All numbers are in the machine's
/// own byte order.
/// </summary>
internal readonly record struct NetlinkMessage(ushort Type, ushort Flags, uint Sequence, ReadOnlyMemory<byte> Body)
{
    public const int HeaderBytes = 16;
    public const ushort Error = 2; // NLMSG_ERROR
    public const ushort Done = 3; // NLMSG_DONE
    public const ushort Overrun = 4; // NLMSG_OVERRUN
    public const ushort FlagRequest = 0x1; // NLM_F_REQUEST
    public const ushort FlagAcknowledge = 0x4; // NLM_F_ACK
    public const ushort FlagDumpInterrupted = 0x10; // NLM_F_DUMP_INTR
    public const ushort FlagDump = 0x300; // NLM_F_DUMP

    /// <summary>A request as it is sent: header and body.</summary>
    public static byte[] Request(ushort type, ushort flags, uint sequence, ReadOnlySpan<byte> body)
    {
        var message = new byte[HeaderBytes + body.Length];
        BitConverter.TryWriteBytes(message, (uint)message.Length);
        BitConverter.TryWriteBytes(message.AsSpan(4), type);
        BitConverter.TryWriteBytes(message.AsSpan(6), (ushort)(flags | FlagRequest));
        BitConverter.TryWriteBytes(message.AsSpan(8), sequence);
        body.CopyTo(message.AsSpan(HeaderBytes));
        return message;
    }

    /// <summary>All messages of one datagram; false when a length lies: then nothing of it is to be trusted.</summary>
    public static bool TryParse(ReadOnlyMemory<byte> datagram, List<NetlinkMessage> messages)
    {
        while (datagram.Length > 0)
        {
            if (datagram.Length < HeaderBytes)
                return false;
            var header = datagram.Span;
            var length = BitConverter.ToUInt32(header);
            if (length < HeaderBytes || length > datagram.Length)
                return false;
            messages.Add(
                new NetlinkMessage(
                    BitConverter.ToUInt16(header[4..]),
                    BitConverter.ToUInt16(header[6..]),
                    BitConverter.ToUInt32(header[8..]),
                    datagram[HeaderBytes..(int)length]
                )
            );
            datagram = datagram[Math.Min(datagram.Length, Aligned((int)length))..];
        }

        return true;
    }

    /// <summary>Everything in netlink begins at a multiple of four (NLMSG_ALIGN, RTA_ALIGN).</summary>
    public static int Aligned(int length) => (length + 3) & ~3;
}

/// <summary>
/// The attributes of a message (kernel <c>include/uapi/linux/rtnetlink.h: struct rtattr</c>). Of one that comes twice the last counts, as
/// in the kernel's own parser.
/// </summary>
internal sealed class NetlinkAttributes
{
    private const int HeaderBytes = 4;
    private const int Nested = 0x8000; // NLA_F_NESTED
    private const int TypeMask = 0x3fff; // without NLA_F_NESTED and NLA_F_NET_BYTEORDER

    private readonly Dictionary<int, ReadOnlyMemory<byte>> _values = [];

    private NetlinkAttributes() { }

    /// <summary>Null when a length lies.</summary>
    public static NetlinkAttributes? TryParse(ReadOnlyMemory<byte> bytes)
    {
        var all = List(bytes, out var isWhole);
        if (!isWhole)
            return null;
        var result = new NetlinkAttributes();
        foreach (var (type, value) in all)
            result._values[type] = value;
        return result;
    }

    /// <summary>All attributes in their order, up to the first whose length lies.</summary>
    /// <param name="isWhole">Whether none does.</param>
    public static List<(int Type, ReadOnlyMemory<byte> Value)> List(ReadOnlyMemory<byte> bytes, out bool isWhole)
    {
        var result = new List<(int, ReadOnlyMemory<byte>)>();
        isWhole = true;
        while (bytes.Length > 0)
        {
            var length = bytes.Length < HeaderBytes ? 0 : BitConverter.ToUInt16(bytes.Span);
            isWhole = length >= HeaderBytes && length <= bytes.Length;
            if (!isWhole)
                break;
            result.Add((BitConverter.ToUInt16(bytes.Span[2..]) & TypeMask, bytes[HeaderBytes..length]));
            bytes = bytes[Math.Min(bytes.Length, NetlinkMessage.Aligned(length))..];
        }

        return result;
    }

    /// <summary>The texts of all attributes of a type in a list that has it several times; null when a length lies.</summary>
    public static List<string>? Texts(ReadOnlyMemory<byte> list, int type)
    {
        var all = List(list, out var isWhole);
        return isWhole ? [.. all.Where(a => a.Type == type).Select(a => Text(a.Value))] : null;
    }

    /// <summary>One attribute as it is sent, padded to where the next one begins.</summary>
    public static byte[] Of(int type, ReadOnlySpan<byte> value)
    {
        var bytes = new byte[NetlinkMessage.Aligned(HeaderBytes + value.Length)];
        BitConverter.TryWriteBytes(bytes, (ushort)(HeaderBytes + value.Length));
        BitConverter.TryWriteBytes(bytes.AsSpan(2), (ushort)type);
        value.CopyTo(bytes.AsSpan(HeaderBytes));
        return bytes;
    }

    /// <summary>Attributes in an attribute (NLA_F_NESTED).</summary>
    public static byte[] Of(int type, params ReadOnlySpan<byte[]> nested)
    {
        var all = new List<byte>();
        foreach (var one in nested)
            all.AddRange(one);
        return Of(type | Nested, [.. all]);
    }

    /// <summary>The attributes after a message's fixed part; null when the message is too short for it or a length lies.</summary>
    public static NetlinkAttributes? TryParse(NetlinkMessage message, int fixedBytes) =>
        message.Body.Length < fixedBytes
            ? null
            : TryParse(message.Body[Math.Min(message.Body.Length, NetlinkMessage.Aligned(fixedBytes))..]);

    public bool Has(int type) => _values.ContainsKey(type);

    /// <summary>Empty when it is not there.</summary>
    public ReadOnlyMemory<byte> Bytes(int type) => _values.GetValueOrDefault(type);

    /// <summary>False when it is there and has not the size of its type; absent gives null and true.</summary>
    public bool TryInt32(int type, out int? value)
    {
        value = null;
        if (!_values.TryGetValue(type, out var bytes))
            return true;
        if (bytes.Length != sizeof(int))
            return false;
        value = BitConverter.ToInt32(bytes.Span);
        return true;
    }

    /// <summary>Text up to its NUL, as names are; null when it is not there.</summary>
    public string? Text(int type)
    {
        return _values.TryGetValue(type, out var bytes) ? Text(bytes) : null;
    }

    private static string Text(ReadOnlyMemory<byte> bytes)
    {
        var end = bytes.Span.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes.Span : bytes.Span[..end]);
    }
}
