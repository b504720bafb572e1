using System.Collections.Immutable;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// Drivers that leave the DMA of their devices alone, so that VFIO takes a group with such a member (<c>driver_managed_dma</c>; kernel
/// <c>drivers/iommu/iommu.c: iommu_device_use_default_domain</c>).
/// The kernel shows the flag nowhere. What is not known has it not.
/// </summary>
internal static class OwnDmaDrivers
{
    private const string VfioUsers = "/sys/module/vfio_pci_core/holders";

    /// <summary>
    /// Those that not their name tells: modules that use VFIO's core, and NVIDIA's driver where it was built for virtual GPUs.
    /// </summary>
    public static ImmutableArray<string> Read(HostFileReader files)
    {
        var names = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var module in files.List(VfioUsers))
        {
            names.Add(module);
            names.Add(module.Replace('_', '-'));
        }

        // The module that makes virtual GPUs exists in that build alone (NVIDIA open-gpu-kernel-modules, nv-pci.c: NV_USE_VFIO_PCI_CORE).
        if (names.Any(n => n.StartsWith("nvidia_vgpu_vfio", StringComparison.Ordinal)) || files.Exists("/sys/module/nvidia_vgpu_vfio"))
            names.Add("nvidia");
        return [.. names];
    }
}
