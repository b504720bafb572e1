using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>What the host must have before anything is taken from it, or made on it, for a VM.</summary>
internal static class HostConditions
{
    private static readonly PciId Intel = new(0x8086);
    private static readonly PciId Amd = new(0x1022);

    /// <summary>
    /// Why nothing of this host can be passed by VFIO; null when it can. Judged by the group itself: neither the command line nor firmware
    /// tables decide (contracts/kernel.md).
    /// </summary>
    public static (Reason Reason, string Message)? Problem(HostInventory inventory, PciFunction function)
    {
        var facts = inventory.Facts;
        if (inventory.GroupOf(function) is null)
            return (Reasons.NoIommu, $"{function.Address} has no IOMMU group: {IommuRemedy(inventory, function)}");
        if (facts.InterruptRemapping == InterruptRemapping.No && !facts.UnsafeInterruptsAllowed)
        {
            return (
                Reasons.NoInterruptRemapping,
                $"{function.Address} cannot be passed safely: the host does not remap interrupts; enable it in "
                    + "firmware (VT-d or AMD-Vi with x2APIC) and remove intremap=off from the kernel command line"
            );
        }

        return null;
    }

    /// <summary>
    /// Every driver must be there before the first function is unbound: half a group on vfio is no use, and the host has lost it. Null when
    /// it is.
    /// </summary>
    /// <param name="what">Begins the sentence: the address, or whose virtual functions.</param>
    /// <param name="present">The driver that it is on now; null when it has none.</param>
    public static (Reason Reason, string Message)? MissingDriver(HostInventory inventory, string what, string driver, string? present)
    {
        if (inventory.Facts.PassthroughDrivers.Contains(driver))
            return null;
        if (driver != present)
        {
            return (
                Reasons.DriverMissing,
                $"{what} needs the driver {driver}, which is not loaded or gives no devices to VFIO: "
                    + $"run \"modprobe {driver}\" on the host and list it in /etc/modules-load.d"
            );
        }

        return (
            Reasons.NotSupported,
            $"{what} is on {driver}, as the policy asks, and that is no driver that gives whole devices to VFIO: "
                + "vGPU VFs of their vendor's driver are for a MdevProfile, take them out of the policy; "
                + "for other devices name vfio-pci or a variant of it"
        );
    }

    private static string IommuRemedy(HostInventory inventory, PciFunction function)
    {
        var facts = inventory.Facts;
        if (facts.IommuEnabled)
            return $"the IOMMU is on, and this function is left out of it: {LeftOut(facts, function)}";
        var off = SwitchedOff(inventory).ToList();
        if (off.Count > 0)
        {
            // Without the argument it depends on the kernel's configuration (CONFIG_INTEL_IOMMU_DEFAULT_ON).
            var on = off.Exists(a => a.StartsWith("intel_iommu=", StringComparison.Ordinal)) ? ", and boot with intel_iommu=on" : "";
            return $"remove {string.Join(" and ", off)} from the kernel command line, which turns the IOMMU off{on}";
        }

        return facts.Architecture switch
        {
            "x86_64" or "i686" => "enable VT-d or AMD-Vi in the firmware and boot with intel_iommu=on (Intel; AMD needs no argument)",
            "aarch64" => "enable the SMMU in the firmware",
            _ => "enable the IOMMU in the firmware",
        };
    }

    /// <summary>
    /// Kernel <c>Documentation/admin-guide/kernel-parameters.txt: intel_iommu=igfx_off</c>; else the firmware's tables name no IOMMU
    /// for it.
    /// </summary>
    private static string LeftOut(HostFacts facts, PciFunction function)
    {
        var graphics = function.Vendor == Intel && function.ClassCode >> 16 == 0x03;
        var argument = graphics ? facts.KernelArguments.FirstOrDefault(a => Options(a, "intel_iommu").Contains("igfx_off")) : null;
        return argument is not null
            ? $"igfx_off in {argument} on the kernel command line does that, remove it there"
            : "look at dmesg for DMAR, AMD-Vi or arm-smmu; "
                + "its firmware's tables name no IOMMU for it, which an update of the firmware may mend";
    }

    /// <summary>
    /// The arguments that turn the IOMMU off. The last of a name counts, and one that is for another vendor's IOMMU does nothing; the
    /// vendor is that of the host's own bridge.
    /// </summary>
    private static IEnumerable<string> SwitchedOff(HostInventory inventory)
    {
        var vendors = inventory.Functions.Values.Where(f => f.ClassCode >> 8 == 0x0600).Select(f => f.Vendor).ToHashSet();
        (string Name, PciId? Foreign)[] names = [("intel_iommu", Amd), ("amd_iommu", Intel), ("iommu", null)];
        foreach (var (name, _) in names.Where(n => n.Foreign is not { } other || !vendors.Contains(other)))
        {
            var last = inventory.Facts.KernelArguments.LastOrDefault(a => a.StartsWith(name + "=", StringComparison.Ordinal));
            if (last is not null && Options(last, name).Contains("off"))
                yield return last;
        }
    }

    private static string[] Options(string argument, string name) =>
        argument.StartsWith(name + "=", StringComparison.Ordinal) ? argument[(name.Length + 1)..].Split(',') : [];
}
