using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;

namespace Hostdev.Crds.Kinds;

/// <summary>
/// Stands for a JSON value: equal for values that mean the same, whatever the order of their keys and the way their strings are escaped. 64 bits of SHA-256: enough to see
/// that somebody edited a spec by hand, at 8 bytes for each policy of each node.
/// </summary>
public readonly record struct SpecDigest(ulong Value)
{
    public static SpecDigest Of(JsonElement value)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer)) Write(writer, value);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(buffer.GetBuffer().AsSpan(0, (int)buffer.Length), hash);
        return new SpecDigest(BitConverter.ToUInt64(hash));
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
                writer.WriteStartObject();
                foreach (var property in value.EnumerateObject().OrderBy(p => p.Name, StringComparer.Ordinal))
                {
                    writer.WritePropertyName(property.Name);
                    Write(writer, property.Value);
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in value.EnumerateArray()) Write(writer, item);
                writer.WriteEndArray();
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
}
