using System.Globalization;
using Hostdev.Crds;

namespace Hostdev.Planning.Attributes;

/// <summary>
/// What a policy may have set of a device: a file below its own directory in sysfs, or what its network interface has for one of its
/// virtual functions (rtnetlink), which is no file, and is read, written, remembered and put back all the same.
/// </summary>
/// <param name="Device">A PCI function, or a mediated device; of a virtual function's setting its physical function.</param>
/// <param name="Name">The path below the directory; in the words of ip-link(8), <c>vf 3 vlan</c>, for a virtual function.</param>
public sealed record AttributeFile(DeviceId Device, string Name)
{
    /// <summary>Which virtual function it is of, by index; null for a file. No file that is written has a space in its path.</summary>
    public int? Vf =>
        Name.Split(' ') is ["vf", var index, _] && int.TryParse(index, NumberStyles.None, CultureInfo.InvariantCulture, out var vf)
            ? vf
            : null;

    /// <summary>The device's directory, as on the host.</summary>
    public string Directory => $"/sys/bus/{(Device.AsPci is null ? "mdev" : "pci")}/devices/{Device}";

    /// <param name="setting">One of <see cref="VfSettings"/>.</param>
    public static AttributeFile OfVf(PciAddress physicalFunction, int vf, string setting) =>
        new(physicalFunction, string.Create(CultureInfo.InvariantCulture, $"vf {vf} {setting}"));

    /// <summary>As on the host.</summary>
    public override string ToString() => Vf is null ? $"{Directory}/{Name}" : $"{Name} of {Device}";
}
