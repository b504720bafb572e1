using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Hostdev.Crds.Kinds;

/// <summary>
/// Stands for a JSON value: equal for values that mean the same, whatever the order of their keys and the way their strings are escaped. 64
/// bits of SHA-256: enough to see that somebody edited a spec by hand, at 16 bytes for each policy of each node.
/// </summary>
/// <param name="Bytes">How long the value is as JSON, with every string that needs it escaped.</param>
public readonly record struct SpecDigest(ulong Value, int Bytes)
{
    // An operator digests 100,000 specs when it starts: what each would need for a moment is kept for the next.
    [ThreadStatic]
    private static ArrayBufferWriter<byte>? t_buffer;

    [ThreadStatic]
    private static Utf8JsonWriter? t_writer;

    public static SpecDigest Of(JsonElement value)
    {
        var buffer = t_buffer ??= new ArrayBufferWriter<byte>(4096);
        var writer = t_writer ??= new Utf8JsonWriter(buffer);
        buffer.ResetWrittenCount();
        writer.Reset(buffer);
        Write(writer, value);
        writer.Flush();
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(buffer.WrittenSpan, hash);
        return new SpecDigest(BitConverter.ToUInt64(hash), buffer.WrittenCount);
    }

    public override string ToString() => Value.ToString("x16", CultureInfo.InvariantCulture);

    private static void Write(Utf8JsonWriter writer, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Undefined:
                writer.WriteNullValue();
                break;
            case JsonValueKind.Object:
                WriteObject(writer, value);
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in value.EnumerateArray())
                    Write(writer, item);
                writer.WriteEndArray();
                break;
            case JsonValueKind.String when Plain(JsonMarshal.GetRawUtf8Value(value)[1..^1]) is { IsEmpty: false } text:
                writer.WriteStringValue(text);
                break;
            case JsonValueKind.String:
                writer.WriteStringValue(value.GetString());
                break;
            case JsonValueKind.Number when value.TryGetInt64(out var whole):
                writer.WriteNumberValue(whole);
                break;
            case JsonValueKind.Number:
                writer.WriteNumberValue(value.GetDouble()); // 1.0 and 1.00 are one number
                break;
            default:
                value.WriteTo(writer);
                break;
        }
    }

    private static void WriteObject(Utf8JsonWriter writer, JsonElement value)
    {
        var count = value.GetPropertyCount();
        var properties = ArrayPool<JsonProperty>.Shared.Rent(count);
        var next = 0;
        foreach (var property in value.EnumerateObject())
            properties[next++] = property;
        var sorted = properties.AsSpan(0, count);
        sorted.Sort(static (a, b) => Compare(a, b));
        writer.WriteStartObject();
        foreach (var property in sorted)
        {
            if (Plain(JsonMarshal.GetRawUtf8PropertyName(property)) is { IsEmpty: false } name)
                writer.WritePropertyName(name);
            else
                writer.WritePropertyName(property.Name);
            Write(writer, property.Value);
        }

        writer.WriteEndObject();
        ArrayPool<JsonProperty>.Shared.Return(properties, clearArray: true);
    }

    /// <summary>The text as it stands, where it stands for itself; empty where it is empty or has escapes.</summary>
    private static ReadOnlySpan<byte> Plain(ReadOnlySpan<byte> raw) => raw.Contains((byte)'\\') ? [] : raw;

    private static int Compare(JsonProperty a, JsonProperty b)
    {
        var left = JsonMarshal.GetRawUtf8PropertyName(a);
        var right = JsonMarshal.GetRawUtf8PropertyName(b);
        return left.Contains((byte)'\\') || right.Contains((byte)'\\')
            ? Encoding.UTF8.GetBytes(a.Name).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(b.Name))
            : left.SequenceCompareTo(right);
    }
}
