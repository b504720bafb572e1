using Hostdev.Crds;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// What the driver core knows of functions that cannot work without each other: the <c>supplier:*</c> and <c>consumer:*</c> links of a
/// device (kernel
/// <c>Documentation/ABI/testing/sysfs-devices-consumer</c>, <c>sysfs-class-devlink</c>). When the driver of a supplier goes, the core first
/// takes the drivers of its consumers away, through
/// links that it manages. Those between a graphics card and its sound function are stateless: they order power alone.
/// </summary>
internal static class DeviceLinks
{
    public static IEnumerable<PciAddress> Suppliers(DeviceFiles device) => Managed(device, "supplier:");

    public static IEnumerable<PciAddress> Consumers(DeviceFiles device) => Managed(device, "consumer:");

    private static IEnumerable<PciAddress> Managed(DeviceFiles device, string prefix)
    {
        foreach (var name in device.Names.Where(n => n.StartsWith(prefix, StringComparison.Ordinal)))
        {
            // Kernels before 5.11 leave the bus out.
            var other = name[prefix.Length..];
            if (other.StartsWith("pci:", StringComparison.Ordinal))
                other = other["pci:".Length..];
            if (PciAddress.TryParse(other, out var address) && IsManaged(device, name))
                yield return address;
        }
    }

    /// <summary>What cannot be told counts as managed: to take what others need does harm at once.</summary>
    private static bool IsManaged(DeviceFiles device, string link) =>
        device.TextBelow($"{link}/status") != "not tracked" && device.TextBelow($"{link}/sync_state_only") != "1";
}
