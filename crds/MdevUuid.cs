using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using Hostdev.Crds.Parsing;

namespace Hostdev.Crds;

/// <summary>
/// The UUID of a mediated device, in the 36-character lower-case form that the kernel prints and accepts (kernel
/// <c>Documentation/driver-api/vfio-mediated-device.rst</c>).
/// </summary>
[JsonConverter(typeof(MdevUuidConverter))]
public readonly record struct MdevUuid(Guid Value) : IComparable<MdevUuid>
{
    /// <summary>The first six bytes of every UUID that Hostdev makes: <c>hostde</c> in ASCII.</summary>
    private const ulong Prefix = 0x686f73746465;

    private const ulong VariantMask = 0x3fff_ffff_ffff_ffff;

    /// <summary>Whether Hostdev made it: also where no policy and no journal know it any more.</summary>
    public bool IsHostdevs
    {
        get
        {
            Span<byte> bytes = stackalloc byte[16];
            Value.TryWriteBytes(bytes, bigEndian: true, out _);
            var high = BinaryPrimitives.ReadUInt64BigEndian(bytes);
            return high >> 16 == Prefix && ((high >> 12) & 0xf) == 8;
        }
    }

    /// <summary>
    /// One of Hostdev's: version 8 of RFC 9562, our prefix, and 74 bits of a hash of what it is for. The same parts give the same UUID, so
    /// that a mediated device is called the same after a reboot.
    /// </summary>
    /// <param name="parts">None of them has a NUL.</param>
    public static MdevUuid Made(params ReadOnlySpan<string> parts)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', parts!)));
        Span<byte> bytes = stackalloc byte[16];
        var high = (Prefix << 16) | 0x8000UL | (BinaryPrimitives.ReadUInt16BigEndian(hash) & 0xfffUL);
        BinaryPrimitives.WriteUInt64BigEndian(bytes, high);
        BinaryPrimitives.WriteUInt64BigEndian(
            bytes[8..],
            0x8000_0000_0000_0000 | (BinaryPrimitives.ReadUInt64BigEndian(hash.AsSpan(2)) & VariantMask)
        );
        return new MdevUuid(new Guid(bytes, bigEndian: true));
    }

    public static bool TryParse([NotNullWhen(true)] string? text, out MdevUuid uuid)
    {
        var ok = Guid.TryParseExact(text, "D", out var value);
        uuid = new MdevUuid(value);
        return ok;
    }

    public static MdevUuid Parse(string text) =>
        TryParse(text, out var uuid) ? uuid : throw new FormatException($"\"{text}\" is no UUID: write 8-4-4-4-12 hexadecimal digits");

    public int CompareTo(MdevUuid other) => string.CompareOrdinal(ToString(), other.ToString());

    public static bool operator <(MdevUuid left, MdevUuid right) => left.CompareTo(right) < 0;

    public static bool operator >(MdevUuid left, MdevUuid right) => left.CompareTo(right) > 0;

    public static bool operator <=(MdevUuid left, MdevUuid right) => left.CompareTo(right) <= 0;

    public static bool operator >=(MdevUuid left, MdevUuid right) => left.CompareTo(right) >= 0;

    public override string ToString() => Value.ToString("D");
}
