using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// A protobuf message that is written field by field (protobuf.dev/programming-guides/encoding). A value that is absent writes nothing.
/// </summary>
internal sealed class ProtobufMessage
{
    private const int VarintType = 0;
    private const int DoubleType = 1;
    private const int LengthType = 2;

    private readonly ArrayBufferWriter<byte> _bytes = new();

    public byte[] ToArray() => _bytes.WrittenSpan.ToArray();

    public ProtobufMessage Message(int number, ProtobufMessage message) => Bytes(number, message._bytes.WrittenSpan);

    public ProtobufMessage Text(int number, JsonNode? value) =>
        JsonType.Text(value) is { } text ? Bytes(number, Encoding.UTF8.GetBytes(text)) : this;

    public ProtobufMessage Texts(int number, JsonNode? values)
    {
        foreach (var value in values as JsonArray ?? [])
            Text(number, value);
        return this;
    }

    public ProtobufMessage Flag(int number, JsonNode? value) => JsonType.IsTrue(value) ? Tag(number, VarintType).Varint(1) : this;

    public ProtobufMessage Integer(int number, JsonNode? value) =>
        JsonType.TryInteger(value, out var integer) ? Tag(number, VarintType).Varint((ulong)integer) : this;

    public ProtobufMessage Double(int number, JsonNode? value)
    {
        if (value is null)
            return this;
        Tag(number, DoubleType);
        BinaryPrimitives.WriteDoubleLittleEndian(_bytes.GetSpan(sizeof(double)), JsonType.Double(value));
        _bytes.Advance(sizeof(double));
        return this;
    }

    private ProtobufMessage Bytes(int number, ReadOnlySpan<byte> bytes)
    {
        Tag(number, LengthType).Varint((ulong)bytes.Length);
        _bytes.Write(bytes);
        return this;
    }

    private ProtobufMessage Tag(int number, int type) => Varint((ulong)((number << 3) | type));

    /// <summary>Seven bits in each byte, the lowest first; the eighth says that more follow.</summary>
    private ProtobufMessage Varint(ulong value)
    {
        for (; value > 0x7f; value >>= 7)
            _bytes.Write([(byte)(value | 0x80)]);
        _bytes.Write([(byte)value]);
        return this;
    }
}
