using System.Globalization;
using Hostdev.Crds;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>Where the kernel's PCI attributes are (kernel <c>Documentation/ABI/testing/sysfs-bus-pci</c>).</summary>
internal static class PciFiles
{
    public static KernelFile DriversProbe { get; } = new("/sys/bus/pci/drivers_probe", "drivers_probe");

    public static KernelFile Attribute(PciAddress address, string name) =>
        new(string.Create(CultureInfo.InvariantCulture, $"/sys/bus/pci/devices/{address}/{name}"), name);

    public static KernelFile Config(PciAddress address) => Attribute(address, "config");

    /// <summary>A link to the driver that it is bound to, by whose last part that is told.</summary>
    public static string DriverOf(PciAddress address) => Attribute(address, "driver").Path;

    public static KernelFile Unbind(string driver) => new($"/sys/bus/pci/drivers/{driver}/unbind", "unbind") { UnbindsFrom = driver };
}
