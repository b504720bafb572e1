using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json.Serialization;
using Hostdev.Crds.Parsing;

namespace Hostdev.Crds;

/// <summary>A vendor, device or subsystem id: 16 bits, written as four hexadecimal digits (<c>8086</c>), as <c>lspci -n</c> does.</summary>
[JsonConverter(typeof(PciIdConverter))]
public readonly record struct PciId(ushort Value) : IComparable<PciId>
{
    internal const string Form = "write four hexadecimal digits in quotes, for example \"8086\"";

    public static bool TryParse([NotNullWhen(true)] string? text, out PciId id)
    {
        var ok = ushort.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) && text!.Length == 4;
        id = new PciId(value);
        return ok;
    }

    public static PciId Parse(string text) =>
        TryParse(text, out var id) ? id : throw new FormatException($"\"{text}\" is no PCI id: {Form}");

    public int CompareTo(PciId other) => Value.CompareTo(other.Value);

    public static bool operator <(PciId left, PciId right) => left.Value < right.Value;

    public static bool operator >(PciId left, PciId right) => left.Value > right.Value;

    public static bool operator <=(PciId left, PciId right) => left.Value <= right.Value;

    public static bool operator >=(PciId left, PciId right) => left.Value >= right.Value;

    public override string ToString() => Value.ToString("x4", CultureInfo.InvariantCulture);
}
