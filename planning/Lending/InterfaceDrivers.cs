using System.Collections.Immutable;
using Hostdev.Crds.Parsing;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Lending;

/// <summary>
/// Which driver each interface of a USB device had, as <c>1.0=usb-storage 1.1=</c>: an interface that has no driver is named too, because
/// it is to have none again.
/// </summary>
public sealed record InterfaceDrivers(ImmutableSortedDictionary<string, string> ByInterface)
{
    public static InterfaceDrivers Of(IEnumerable<UsbInterface> interfaces) =>
        new(interfaces.ToImmutableSortedDictionary(i => i.Name, i => i.Driver ?? "", StringComparer.Ordinal));

    /// <summary>The driver that an interface had; empty when it had none, null when it was not there.</summary>
    public string? Of(string name) => ByInterface.GetValueOrDefault(name);

    public bool Equals(InterfaceDrivers? other) => other is not null && ToString() == other.ToString();

    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);

    /// <exception cref="FormatException">It is none; the message has the form.</exception>
    public static InterfaceDrivers Parse(string text)
    {
        var drivers = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var entry in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (entry.Split('=') is not [{ Length: > 0 } name, var driver] || !drivers.TryAdd(name, driver))
                throw new FormatException(
                    $"\"{text}\" says not which interfaces have which drivers: 1.0=usb-storage 1.1= is meant, each interface once"
                );
        }

        return new InterfaceDrivers(drivers.ToImmutable());
    }

    public override string ToString() => string.Join(' ', ByInterface.Select(i => $"{i.Key}={i.Value}"));
}

public sealed class InterfaceDriversConverter() : ParsedStringConverter<InterfaceDrivers>(InterfaceDrivers.Parse);
