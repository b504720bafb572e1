using Hostdev.Crds;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>Where a virtual function is given its type (NVIDIA vGPU, "vendor-specific VFIO framework").</summary>
internal static class VgpuFiles
{
    public const string CurrentName = "current_vgpu_type";

    public static KernelFile Current(PciAddress address) => new($"/sys/bus/pci/devices/{address}/nvidia/{CurrentName}", CurrentName);

    public static KernelFile Creatable(PciAddress address) =>
        new($"/sys/bus/pci/devices/{address}/nvidia/creatable_vgpu_types", "creatable_vgpu_types");
}
