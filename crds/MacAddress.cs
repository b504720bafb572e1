using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using Hostdev.Crds.Parsing;

namespace Hostdev.Crds;

/// <summary>An Ethernet address of one interface: six bytes as <c>52:54:00:12:34:56</c>, hexadecimal, lower case, not of a group.</summary>
[JsonConverter(typeof(MacAddressConverter))]
public readonly record struct MacAddress(ulong Value)
{
    internal const string Form = "write six bytes in hexadecimal, in lower case and quotes, for example \"52:54:00:12:34:56\"";

    private const int Bytes = 6;
    private const ulong Group = 0x01_00_00_00_00_00;
    private const ulong LocallyAdministered = 0x02_00_00_00_00_00;

    /// <summary>What the kernel says for an address that nobody has set.</summary>
    public static MacAddress None { get; }

    /// <summary>
    /// The same for the same parts, and of the range that belongs to no manufacturer (IEEE 802, "locally administered"): 46 bits of a hash,
    /// so that among 10,000 of them two are alike once in a million clusters.
    /// </summary>
    /// <param name="parts">None of them has a NUL.</param>
    public static MacAddress Made(params ReadOnlySpan<string> parts)
    {
        var hash = BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', parts!))));
        return new MacAddress(((hash >> 16) & ~Group) | LocallyAdministered);
    }

    public static bool TryParse([NotNullWhen(true)] string? text, out MacAddress address)
    {
        address = None;
        if (text?.Split(':') is not { Length: Bytes } parts)
            return false;
        ulong value = 0;
        foreach (var part in parts)
        {
            if (part is not [(>= '0' and <= '9') or (>= 'a' and <= 'f'), (>= '0' and <= '9') or (>= 'a' and <= 'f')])
                return false;
            value = (value << 8) | byte.Parse(part, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        }

        address = new MacAddress(value);
        return value != 0 && (value & Group) == 0;
    }

    public static MacAddress Parse(string text) =>
        TryParse(text, out var address) ? address : throw new FormatException($"\"{text}\" is no address of one interface: {Form}");

    public override string ToString()
    {
        var value = Value;
        return string.Join(
            ':',
            Enumerable.Range(0, Bytes).Select(i => ((byte)(value >> (8 * (Bytes - 1 - i)))).ToString("x2", CultureInfo.InvariantCulture))
        );
    }
}
