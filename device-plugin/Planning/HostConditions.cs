using Hostdev.DevicePlugin.Inventory;

namespace Hostdev.DevicePlugin.Planning;

/// <summary>What the host must have before anything is taken from it, or made on it, for a VM.</summary>
internal static class HostConditions
{
    /// <summary>Why nothing of this host can be passed by VFIO; null when it can. Judged by the group itself: neither the command line nor firmware tables decide (contracts/kernel.md).</summary>
    public static (string Reason, string Message)? Problem(HostInventory inventory, PciFunction function)
    {
        var facts = inventory.Facts;
        if (inventory.GroupOf(function) is null) return (Reasons.NoIommu, $"{function.Address} has no IOMMU group: {IommuRemedy(facts)}");
        if (facts.InterruptRemapping == InterruptRemapping.No && !facts.UnsafeInterruptsAllowed)
        {
            return (Reasons.NoInterruptRemapping, $"{function.Address} cannot be passed safely: the host does not remap interrupts; enable it in firmware (VT-d or AMD-Vi with x2APIC) and remove intremap=off from the kernel command line");
        }

        return null;
    }

    /// <summary>Every driver must be there before the first function is unbound: half a group on vfio is no use, and the host has lost it. Null when it is.</summary>
    /// <param name="what">Begins the sentence: the address, or whose virtual functions.</param>
    public static string? MissingDriver(HostInventory inventory, string what, string driver) => inventory.Facts.PassthroughDrivers.Contains(driver)
        ? null
        : $"{what} needs the driver {driver}, which is not loaded or gives no devices to VFIO: run \"modprobe {driver}\" on the host and list it in /etc/modules-load.d";

    private static string IommuRemedy(HostFacts facts) => facts.Architecture switch
    {
        "x86_64" or "i686" => "enable VT-d or AMD-Vi in the firmware and boot with intel_iommu=on (Intel; AMD needs no argument)",
        "aarch64" => "enable the SMMU in the firmware",
        _ => "enable the IOMMU in the firmware",
    };
}
