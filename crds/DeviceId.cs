using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;
using Hostdev.Crds.Parsing;

namespace Hostdev.Crds;

/// <summary>
/// Which device of a node it is, whatever its bus: what names it in objects, files of state, messages and to the kubelet. It stays the same
/// over a boot. There are four forms of text, and no text is of two of them: a PCI address, a USB port, a SCSI disk, an mdev's UUID.
/// Ordered by class, then as the class orders them.
/// </summary>
[JsonConverter(typeof(DeviceIdConverter))]
public abstract record DeviceId : IComparable<DeviceId>
{
    private DeviceId() { }

    public abstract DeviceClass Class { get; }

    public sealed record OfPci(PciAddress Address) : DeviceId
    {
        public override DeviceClass Class => DeviceClass.Pci;

        public override string ToString() => Address.ToString();
    }

    public sealed record OfUsb(UsbPort Port) : DeviceId
    {
        public override DeviceClass Class => DeviceClass.Usb;

        public override string ToString() => Port.ToString();
    }

    public sealed record OfScsi(ScsiDisk Disk) : DeviceId
    {
        public override DeviceClass Class => DeviceClass.Scsi;

        public override string ToString() => Disk.ToString();
    }

    public sealed record OfMdev(MdevUuid Uuid) : DeviceId
    {
        public override DeviceClass Class => DeviceClass.Mdev;

        public override string ToString() => Uuid.ToString();
    }

    public static implicit operator DeviceId(PciAddress address) => new OfPci(address);

    public static implicit operator DeviceId(UsbPort port) => new OfUsb(port);

    public static implicit operator DeviceId(ScsiDisk disk) => new OfScsi(disk);

    public static implicit operator DeviceId(MdevUuid uuid) => new OfMdev(uuid);

    /// <summary>Its PCI address; null for a device of another class.</summary>
    public PciAddress? AsPci => this is OfPci(var address) ? address : null;

    /// <summary>Whether a text, a path or a message, has this very device.</summary>
    public bool IsNamedIn(string text) =>
        AsPci is { } address ? address.IsNamedIn(text) : text.Contains(ToString(), StringComparison.Ordinal);

    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out DeviceId? id)
    {
        id =
            PciAddress.TryParse(text, out var address) ? address
            : ScsiDisk.TryParse(text, out var disk) ? disk
            : MdevUuid.TryParse(text, out var uuid) ? uuid
            : UsbPort.TryParse(text, out var port) ? port
            : (DeviceId?)null;
        return id is not null;
    }

    /// <exception cref="FormatException">It is none; the message has all forms.</exception>
    public static DeviceId Parse(string text) =>
        TryParse(text, out var id)
            ? id
            : throw new FormatException(
                $"\"{text}\" is no device: write a PCI address (0000:3b:00.0), a USB port ({UsbPort.Example}), a SCSI "
                    + $"disk ({ScsiDisk.Example}) "
                    + "or the UUID of a mediated device"
            );

    public int CompareTo(DeviceId? other) =>
        (this, other) switch
        {
            (_, null) => 1,
            (OfPci(var a), OfPci(var b)) => a.CompareTo(b),
            (OfUsb(var a), OfUsb(var b)) => a.CompareTo(b),
            (OfScsi(var a), OfScsi(var b)) => a.CompareTo(b),
            (OfMdev(var a), OfMdev(var b)) => a.CompareTo(b),
            _ => Class.CompareTo(other.Class),
        };

    public static bool operator <(DeviceId left, DeviceId right) => left.CompareTo(right) < 0;

    public static bool operator >(DeviceId left, DeviceId right) => left.CompareTo(right) > 0;

    public static bool operator <=(DeviceId left, DeviceId right) => left.CompareTo(right) <= 0;

    public static bool operator >=(DeviceId left, DeviceId right) => left.CompareTo(right) >= 0;
}
