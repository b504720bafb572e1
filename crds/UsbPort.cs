using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json.Serialization;
using Hostdev.Crds.Parsing;

namespace Hostdev.Crds;

/// <summary>
/// A socket for a USB device: the controller's name in sysfs and the ports on the way from it, as <c>0000:01:00.0/1.4</c>. Numbers of buses
/// and devices change at every boot and replug; these do not. A socket that has a bus for each speed is one
/// (kernel <c>Documentation/ABI/testing/sysfs-bus-usb: portN/peer</c>).
/// </summary>
/// <param name="Controller">For example <c>0000:01:00.0</c>, or <c>xhci-hcd.1.auto</c> of a platform device.</param>
/// <param name="Ports">From the root hub down, each 1 to 255; seven at most (USB 2.0, 4.1.1).</param>
[JsonConverter(typeof(UsbPortConverter))]
public sealed record UsbPort(string Controller, ImmutableArray<byte> Ports) : IComparable<UsbPort>
{
    internal const string Example = "0000:01:00.0/1.4";

    private const int MostTiers = 7;

    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out UsbPort? port)
    {
        port = null;
        var slash = text?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        if (slash <= 0)
            return false;
        var controller = text![..slash];
        if (
            !controller.Any(char.IsAsciiLetterOrDigit)
            || controller.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not (':' or '.' or '-' or '_' or '@'))
        )
            return false;
        var ports = ImmutableArray.CreateBuilder<byte>();
        foreach (var part in text[(slash + 1)..].Split('.'))
        {
            if (!byte.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number == 0 || part[0] == '0')
                return false;
            ports.Add(number);
        }

        if (ports.Count > MostTiers)
            return false;
        port = new UsbPort(controller, ports.ToImmutable());
        return true;
    }

    /// <exception cref="FormatException">It is none; the message has the form.</exception>
    public static UsbPort Parse(string text) =>
        TryParse(text, out var port)
            ? port
            : throw new FormatException($"\"{text}\" is no USB port: write the controller and the ports from it on, as {Example}");

    public int CompareTo(UsbPort? other)
    {
        if (other is null)
            return 1;
        if (string.CompareOrdinal(Controller, other.Controller) is not 0 and var difference)
            return difference;
        return Ports.AsSpan().SequenceCompareTo(other.Ports.AsSpan());
    }

    public bool Equals(UsbPort? other) => other is not null && CompareTo(other) == 0;

    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);

    public static bool operator <(UsbPort left, UsbPort right) => left.CompareTo(right) < 0;

    public static bool operator >(UsbPort left, UsbPort right) => left.CompareTo(right) > 0;

    public static bool operator <=(UsbPort left, UsbPort right) => left.CompareTo(right) <= 0;

    public static bool operator >=(UsbPort left, UsbPort right) => left.CompareTo(right) >= 0;

    public override string ToString() => $"{Controller}/{string.Join('.', Ports)}";
}
