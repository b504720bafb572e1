using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json.Serialization;
using Hostdev.Crds.Parsing;

namespace Hostdev.Crds;

/// <summary>
/// The address of one PCI function as the kernel prints it: <c>dddd:bb:ss.f</c>, hexadecimal, lower case (kernel
/// <c>Documentation/ABI/testing/sysfs-bus-pci</c>). Domains have four digits and more: VMD controllers and Hyper-V make five-digit ones
/// (<c>10000:01:00.0</c>). Ordered by domain, bus, slot, function.
/// </summary>
[JsonConverter(typeof(PciAddressConverter))]
public readonly record struct PciAddress(uint Domain, byte Bus, byte Slot, byte Function) : IComparable<PciAddress>
{
    internal const string Form = "write domain:bus:slot.function in hexadecimal, for example 0000:3b:00.0";

    /// <summary>The routing ID within the domain (PCIe base specification, "Requester ID"): bus, slot and function in 16 bits.</summary>
    public int RoutingId => (Bus << 8) | (Slot << 3) | Function;

    /// <summary>The slot without the function, as in <c>0000:3b:00</c>.</summary>
    public string SlotName => string.Create(CultureInfo.InvariantCulture, $"{Domain:x4}:{Bus:x2}:{Slot:x2}");

    /// <summary>The function that lies <paramref name="offset"/> routing IDs further on, as SR-IOV counts virtual functions; null when that
    /// is past bus ff.</summary>
    public PciAddress? Offset(int offset)
    {
        var id = RoutingId + offset;
        return id is < 0 or > 0xffff ? null : new PciAddress(Domain, (byte)(id >> 8), (byte)((id >> 3) & 0x1f), (byte)(id & 7));
    }

    /// <summary>
    /// Parses the full form. The short form without domain is refused: it names another device on a machine with several domains.
    /// </summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out PciAddress address)
    {
        address = default;
        if (text is null)
            return false;
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon is < 4 or > 8 || text.Length != colon + 8 || text[colon + 3] != ':' || text[colon + 6] != '.')
            return false;
        if (
            !TryHex(text.AsSpan(0, colon), out var domain)
            || !TryHex(text.AsSpan(colon + 1, 2), out var bus)
            || !TryHex(text.AsSpan(colon + 4, 2), out var slot)
            || !TryHex(text.AsSpan(colon + 7, 1), out var function)
        )
            return false;
        if (slot > 0x1f || function > 7)
            return false;
        address = new PciAddress(domain, (byte)bus, (byte)slot, (byte)function);
        return true;
    }

    /// <summary>Parses the full form; throws <see cref="FormatException"/> with the expected form otherwise.</summary>
    public static PciAddress Parse(string text) =>
        TryParse(text, out var address) ? address : throw new FormatException($"\"{text}\" is no PCI address: {Form}");

    /// <summary>Whether a text, a path or a message, has this very address, in either case: 0000:01:00.0 is not in 10000:01:00.0.</summary>
    public bool IsNamedIn(string text)
    {
        var name = ToString();
        for (
            var at = text.IndexOf(name, StringComparison.OrdinalIgnoreCase);
            at >= 0;
            at = text.IndexOf(name, at + 1, StringComparison.OrdinalIgnoreCase)
        )
        {
            var end = at + name.Length;
            if ((at == 0 || !char.IsAsciiHexDigit(text[at - 1])) && (end == text.Length || !char.IsAsciiHexDigit(text[end])))
                return true;
        }

        return false;
    }

    public int CompareTo(PciAddress other) =>
        Domain != other.Domain ? Domain.CompareTo(other.Domain) : RoutingId.CompareTo(other.RoutingId);

    public static bool operator <(PciAddress left, PciAddress right) => left.CompareTo(right) < 0;

    public static bool operator >(PciAddress left, PciAddress right) => left.CompareTo(right) > 0;

    public static bool operator <=(PciAddress left, PciAddress right) => left.CompareTo(right) <= 0;

    public static bool operator >=(PciAddress left, PciAddress right) => left.CompareTo(right) >= 0;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Domain:x4}:{Bus:x2}:{Slot:x2}.{Function:x}");

    private static bool TryHex(ReadOnlySpan<char> text, out uint value)
    {
        value = 0;
        foreach (var c in text)
        {
            if (!char.IsAsciiHexDigit(c))
                return false;
            value = (value << 4) | (uint)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
        }

        return true;
    }
}
