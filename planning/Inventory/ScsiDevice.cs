using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Hostdev.Crds;

namespace Hostdev.Planning.Inventory;

public sealed record ScsiDevice
{
    /// <summary>What names it whatever its address is.</summary>
    public required ScsiDisk Id { get; init; }

    /// <summary>Host:channel:target:LUN, as of now: the kernel gives the lowest free host number.</summary>
    public required string Address { get; init; }

    /// <summary><c>sgN</c>.</summary>
    public required string GenericName { get; init; }

    /// <summary>SCSI peripheral device type: 0 disk, 1 tape, 5 CD, 8 changer.</summary>
    public required int Type { get; init; }

    public string? Vendor { get; init; }

    public string? Model { get; init; }

    /// <summary>From VPD page 0x80; null where the device has none.</summary>
    public string? Serial { get; init; }

    /// <summary>The name in the world that its file <c>wwid</c> has; null where it has none.</summary>
    public string? Wwid { get; init; }

    public PciAddress? Controller { get; init; }

    /// <summary>The USB device that it is a part of; null for all others.</summary>
    public UsbPort? UsbDevice { get; init; }

    public ImmutableArray<ChildDevice> Children { get; init; } = [];

    /// <summary>What decides who it is and could not be read.</summary>
    public ImmutableArray<ReadProblem> Unreadable { get; init; } = [];

    /// <summary>A disk behind libata, whatever bus it speaks (kernel <c>drivers/ata/libata-scsi.c</c>: its vendor is <c>ATA</c>).</summary>
    [JsonIgnore]
    public bool IsLibata => Vendor == "ATA";

    /// <summary>What it calls itself, by which it is known again: its wwid, or else its serial number; null where it has neither.</summary>
    [JsonIgnore]
    public string? Name => Wwid ?? Serial;

    /// <summary>The block node, where it is a disk or a CD that its driver has; null else.</summary>
    [JsonIgnore]
    public string? BlockNode => Children.FirstOrDefault(c => c.Kind == ChildKind.Disk)?.Node;

    public string Node => $"/dev/{GenericName}";
}
