using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Hostdev.Crds;

namespace Hostdev.Planning.Inventory;

public sealed record UsbDevice
{
    /// <summary>The socket that it is in, which stays the same over boots and replugs.</summary>
    public required UsbPort Port { get; init; }

    /// <summary>As sysfs names it now: <c>1-4.2</c>. The number of the bus may be another at the next boot.</summary>
    public required string PortPath { get; init; }

    public required PciId Vendor { get; init; }

    public required PciId Product { get; init; }

    public string? Manufacturer { get; init; }

    public string? ProductName { get; init; }

    public string? Serial { get; init; }

    public required int BusNumber { get; init; }

    public required int DeviceNumber { get; init; }

    /// <summary>Class 09.</summary>
    public required bool IsHub { get; init; }

    /// <summary>The PCI function of the host controller; null when it is no PCI device.</summary>
    public PciAddress? Controller { get; init; }

    public ImmutableArray<ChildDevice> Children { get; init; } = [];

    /// <summary>The interfaces of the configuration that is in use, ordered by name.</summary>
    public ImmutableArray<UsbInterface> Interfaces { get; init; } = [];

    /// <summary>What decides who it is and could not be read.</summary>
    public ImmutableArray<ReadProblem> Unreadable { get; init; } = [];

    /// <summary>Drivers bound to its interfaces, each once, ordered.</summary>
    public ImmutableArray<string> Drivers =>
        [.. Interfaces.Select(i => i.Driver).OfType<string>().Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    /// <summary>Which device it is beside its socket.</summary>
    [JsonIgnore]
    public UsbIdentity Identity => new(Vendor, Product, Serial);

    public string Node => $"/dev/bus/usb/{BusNumber:D3}/{DeviceNumber:D3}";
}

/// <param name="Name">Configuration and number, for example <c>1.0</c>: what follows the colon in sysfs.</param>
/// <param name="Class">Class, subclass and protocol, for example <c>080650</c>.</param>
/// <param name="Driver">Null when it has none.</param>
public sealed record UsbInterface(string Name, uint Class, string? Driver)
{
    /// <summary>A process has it (kernel <c>drivers/usb/core/devio.c: usbfs_driver</c>), and no driver of the host's.</summary>
    [JsonIgnore]
    public bool IsClaimed => Driver == "usbfs";
}
