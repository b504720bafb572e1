using Hostdev.Crds;

namespace Hostdev.Planning.Attributes;

/// <summary>A file below a device's own directory in sysfs, which a policy may have written.</summary>
/// <param name="Device">A PCI function, or a mediated device.</param>
/// <param name="Name">Its path below the directory.</param>
public sealed record AttributeFile(DeviceId Device, string Name)
{
    /// <summary>The device's directory, as on the host.</summary>
    public string Directory => $"/sys/bus/{(Device.AsPci is null ? "mdev" : "pci")}/devices/{Device}";

    /// <summary>As on the host.</summary>
    public override string ToString() => $"{Directory}/{Name}";
}
