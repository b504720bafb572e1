using System.Text.Json.Nodes;
using Google.Protobuf;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>A protobuf message that is written field by field. A value that is absent writes nothing.</summary>
internal sealed class ProtobufMessage
{
    private readonly MemoryStream _bytes = new();
    private readonly CodedOutputStream _output;

    public ProtobufMessage() => _output = new CodedOutputStream(_bytes);

    public byte[] ToArray()
    {
        _output.Flush();
        return _bytes.ToArray();
    }

    public ProtobufMessage Message(int number, ProtobufMessage message)
    {
        _output.WriteTag(number, WireFormat.WireType.LengthDelimited);
        _output.WriteBytes(ByteString.CopyFrom(message.ToArray()));
        return this;
    }

    public ProtobufMessage Text(int number, JsonNode? value)
    {
        if (JsonType.Text(value) is not { } text) return this;
        _output.WriteTag(number, WireFormat.WireType.LengthDelimited);
        _output.WriteString(text);
        return this;
    }

    public ProtobufMessage Texts(int number, JsonNode? values)
    {
        foreach (var value in values as JsonArray ?? []) Text(number, value);
        return this;
    }

    public ProtobufMessage Flag(int number, JsonNode? value)
    {
        if (!JsonType.IsTrue(value)) return this;
        _output.WriteTag(number, WireFormat.WireType.Varint);
        _output.WriteBool(true);
        return this;
    }

    public ProtobufMessage Integer(int number, JsonNode? value)
    {
        if (!JsonType.TryInteger(value, out var integer)) return this;
        _output.WriteTag(number, WireFormat.WireType.Varint);
        _output.WriteInt64(integer);
        return this;
    }

    public ProtobufMessage Double(int number, JsonNode? value)
    {
        if (value is null) return this;
        _output.WriteTag(number, WireFormat.WireType.Fixed64);
        _output.WriteDouble(JsonType.Double(value));
        return this;
    }
}
