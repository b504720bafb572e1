namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// Goes through a protobuf message field by field (protobuf.dev/programming-guides/encoding), the counterpart of
/// <see cref="ProtobufMessage"/>. Groups, which protobuf gave up, are taken for an error.
/// </summary>
/// <param name="message">Without its length.</param>
internal ref struct ProtobufFields(ReadOnlySpan<byte> message)
{
    private const int VarintType = 0;
    private const int Fixed64Type = 1;
    private const int LengthType = 2;
    private const int Fixed32Type = 5;
    private const ulong HighestNumber = (1 << 29) - 1;

    private ReadOnlySpan<byte> _rest = message;
    private ReadOnlySpan<byte> _bytes;
    private ulong _varint;
    private int _type;

    /// <summary>Of the field that <see cref="Next"/> came to.</summary>
    public int Number { get; private set; }

    /// <summary>What the field holds: a text, bytes, or a message.</summary>
    /// <exception cref="FormatException">It is a number.</exception>
    public readonly ReadOnlySpan<byte> Bytes =>
        _type == LengthType ? _bytes : throw new FormatException($"field {Number} has wire type {_type} instead of {LengthType}");

    /// <summary>The number that the field holds, of whatever width; false and true are 0 and 1.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public readonly long Integer =>
        _type == VarintType ? (long)_varint : throw new FormatException($"field {Number} has wire type {_type} instead of {VarintType}");

    /// <summary>False at the message's end.</summary>
    /// <exception cref="FormatException">The bytes are no message, or only a part of one.</exception>
    public bool Next()
    {
        if (_rest.IsEmpty)
            return false;
        var tag = Varint();
        if (tag >> 3 is 0 or > HighestNumber)
            throw new FormatException($"illegal field number {tag >> 3}");
        (Number, _type) = ((int)(tag >> 3), (int)(tag & 7));
        switch (_type)
        {
            case VarintType:
                _varint = Varint();
                break;
            case Fixed64Type:
                Take(sizeof(ulong));
                break;
            case LengthType:
                _bytes = Take(Varint());
                break;
            case Fixed32Type:
                Take(sizeof(uint));
                break;
            default:
                throw new FormatException($"field {Number} has the illegal wire type {_type}");
        }

        return true;
    }

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)_rest.Length)
            throw new FormatException("unexpected end");
        var taken = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return taken;
    }

    private ulong Varint()
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Take(1)[0];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
                return value;
        }

        throw new FormatException("a number of more than 64 bits");
    }
}
