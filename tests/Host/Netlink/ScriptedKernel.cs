using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Host.Netlink;

namespace Hostdev.Tests.Host.Netlink;

/// <summary>A kernel whose answers to each request are written down as bytes, in the kernel's own layout.</summary>
internal sealed class ScriptedKernel : INetlinkSocket
{
    private readonly Dictionary<(ushort Type, byte Family), Queue<Func<uint, Reply[]>>> _answers = [];
    private readonly Queue<Reply> _pending = new();

    /// <summary>How many requests came.</summary>
    public int Requests { get; private set; }

    /// <summary>The next answer to this request; the last one given is repeated. The argument is the request's sequence number.</summary>
    public ScriptedKernel On(ushort type, byte family, Func<uint, Reply[]> answer)
    {
        if (!_answers.TryGetValue((type, family), out var answers))
            _answers[(type, family)] = answers = new();
        answers.Enqueue(answer);
        return this;
    }

    /// <summary>A dump in one datagram that ends well.</summary>
    public ScriptedKernel Has(ushort type, byte family, params byte[][] bodies) =>
        On(
            type,
            family,
            sequence =>
                [new(Errno.None, [.. bodies.SelectMany(b => Wire.Message((ushort)(type - 2), sequence, b)), .. Wire.Done(sequence)])]
        );

    public Errno Send(ReadOnlySpan<byte> message)
    {
        Requests++;
        var (type, sequence) = (BitConverter.ToUInt16(message[4..]), BitConverter.ToUInt32(message[8..]));
        var family = message.Length > 16 ? message[16] : (byte)0;
        var replies = !_answers.TryGetValue((type, family), out var answers)
            ? [new Reply(Errno.None, Wire.Done(sequence))]
            : (answers.Count > 1 ? answers.Dequeue() : answers.Peek())(sequence);
        foreach (var reply in replies)
            _pending.Enqueue(reply);
        return Errno.None;
    }

    public Errno Receive(out ReadOnlyMemory<byte> datagram)
    {
        datagram = default;
        if (!_pending.TryDequeue(out var reply))
            return Errno.ETIMEDOUT;
        datagram = reply.Datagram;
        return reply.Error;
    }
}

internal sealed record Reply(Errno Error, byte[] Datagram);

/// <summary>Bytes as linux/netlink.h and linux/rtnetlink.h lay them out.</summary>
internal static class Wire
{
    public static byte[] Message(ushort type, uint sequence, byte[] body, ushort flags = 2, int? length = null) =>
        [
            .. BitConverter.GetBytes(length ?? (16 + body.Length)),
            .. BitConverter.GetBytes(type),
            .. BitConverter.GetBytes(flags),
            .. BitConverter.GetBytes(sequence),
            .. BitConverter.GetBytes(0),
            .. Padded(body),
        ];

    public static byte[] Done(uint sequence, int error = 0, ushort flags = 2) => Message(3, sequence, BitConverter.GetBytes(error), flags);

    public static byte[] Error(uint sequence, int error) => Message(2, sequence, [.. BitConverter.GetBytes(error), .. new byte[16]]);

    public static byte[] Attribute(int type, params byte[] value) =>
        [.. BitConverter.GetBytes((ushort)(4 + value.Length)), .. BitConverter.GetBytes((ushort)type), .. Padded(value)];

    public static byte[] Attribute(int type, int value) => Attribute(type, BitConverter.GetBytes(value));

    public static byte[] Text(int type, string value) => Attribute(type, [.. System.Text.Encoding.ASCII.GetBytes(value), 0]);

    public static byte[] Link(int index, string name, params byte[][] attributes) =>
        [0, 0, 1, 0, .. BitConverter.GetBytes(index), .. new byte[8], .. Text(3, name), .. attributes.SelectMany(a => a)];

    public static byte[] Kind(string kind) => Attribute(18, Text(1, kind));

    public static byte[] Address4(int index, byte prefix, params byte[] address) =>
        [2, prefix, 0, 0, .. BitConverter.GetBytes(index), .. Attribute(1, address), .. Attribute(2, address)];

    public static byte[] Route4(byte prefix, byte table, byte protocol, params byte[][] attributes) =>
        [2, prefix, 0, 0, table, protocol, 0, 1, 0, 0, 0, 0, .. attributes.SelectMany(a => a)];

    private static byte[] Padded(byte[] bytes) => [.. bytes, .. new byte[(4 - (bytes.Length % 4)) % 4]];
}
