using System.Diagnostics.CodeAnalysis;

namespace Hostdev.Crds;

/// <summary>
/// The UUID of a mediated device, in the 36-character lower-case form that the kernel prints and accepts (kernel
/// <c>Documentation/driver-api/vfio-mediated-device.rst</c>).
/// </summary>
public readonly record struct MdevUuid(Guid Value) : IComparable<MdevUuid>
{
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
