using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>Reads what matters of the host as a whole.</summary>
internal sealed class HostFactsReader(HostFileReader files)
{
    /// <summary>
    /// Arguments by name: those of the IOMMU, of VFIO, of PCI, and those that keep a host driver or a firmware framebuffer off a device.
    /// </summary>
    private static readonly string[] ArgumentNames =
    [
        "intel_iommu",
        "amd_iommu",
        "amd_iommu_intr",
        "iommu",
        "intremap",
        "pci",
        "pcie_acs_override",
        "pcie_ports",
        "pcie_port_pm",
        "module_blacklist",
        "modprobe.blacklist",
        "initcall_blacklist",
        "rd.driver.pre",
        "rd.driver.blacklist",
        "video",
        "nomodeset",
        "nofb",
    ];

    private static readonly string[] ArgumentPrefixes = ["iommu.", "arm-smmu", "vfio", "pci-stub.", "pci_stub.", "mdev", "i915.enable_gvt"];

    public HostFacts Read(bool iommuEnabled, List<ReadProblem> problems)
    {
        var architecture = files.ReadText("/proc/sys/kernel/arch").Text is { Length: > 0 } text ? text : ThisArchitecture();
        return new HostFacts
        {
            KernelRelease = Required("/proc/sys/kernel/osrelease", problems),
            BootId = Required("/proc/sys/kernel/random/boot_id", problems),
            Architecture = architecture,
            IommuEnabled = iommuEnabled,
            InterruptRemapping = ReadInterruptRemapping(architecture),
            UnsafeInterruptsAllowed = AllowsUnsafeInterrupts("vfio_iommu_type1"),
            IommufdUnsafeInterruptsAllowed = AllowsUnsafeInterrupts("iommufd"),
            KernelArguments =
            [
                .. Required("/proc/cmdline", problems).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Where(Matters),
            ],
            PassthroughDrivers = [.. files.List("/sys/bus/pci/drivers").Where(GroupViability.IsPassthroughDriver)],
            OwnDmaDrivers = OwnDmaDrivers.Read(files),
            Iommufd = files.Exists("/dev/iommu"),
        };
    }

    private bool AllowsUnsafeInterrupts(string module) =>
        files.ReadText($"/sys/module/{module}/parameters/allow_unsafe_interrupts").Text is "Y" or "1";

    private static bool Matters(string argument)
    {
        var name = argument.Split('=', 2)[0];
        return ArgumentNames.Contains(name, StringComparer.Ordinal)
            || ArgumentPrefixes.Any(p => name.StartsWith(p, StringComparison.Ordinal));
    }

    /// <summary>
    /// On x86 a remapped interrupt's chip is called IR-something in <c>/proc/interrupts</c> (kernel
    /// <c>drivers/iommu/intel/irq_remapping.c</c>, <c>drivers/iommu/amd/iommu.c</c>).
    /// </summary>
    private InterruptRemapping ReadInterruptRemapping(string architecture)
    {
        if (architecture is not ("x86_64" or "i386" or "i686"))
            return InterruptRemapping.NotApplicable;
        var any = false;
        foreach (var line in files.ReadLines("/proc/interrupts"))
        {
            any = true;
            if (line.Contains(" IR-", StringComparison.Ordinal))
                return InterruptRemapping.Yes;
        }

        return any ? InterruptRemapping.No : InterruptRemapping.Unknown;
    }

    private string Required(string path, List<ReadProblem> problems)
    {
        var read = files.ReadText(path);
        if (read.Text is { Length: > 0 } text)
            return text;
        problems.Add(new ReadProblem(path, read.Complaint ?? "is empty"));
        return "";
    }

    /// <summary>For kernels before 6.1, which have no <c>/proc/sys/kernel/arch</c>.</summary>
    private static string ThisArchitecture() =>
        RuntimeInformation.OSArchitecture switch
        {
            Architecture.X64 => "x86_64",
            Architecture.X86 => "i686",
            Architecture.Arm64 => "aarch64",
            var other => other.ToString().ToLowerInvariant(),
        };
}
