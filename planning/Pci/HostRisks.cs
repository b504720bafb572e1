using System.Collections.Immutable;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>What of a host voids the isolation of all that is passed on it: one check for each risk of a host.</summary>
internal static class HostRisks
{
    private static readonly ImmutableArray<(Risk Risk, Func<HostFacts, Standing?> Find)> s_checks =
    [
        (Risks.UnsafeInterrupts, UnsafeInterrupts),
        (Risks.UnknownInterruptRemapping, UnknownInterruptRemapping),
        (Risks.AcsOverride, AcsOverride),
    ];

    /// <summary>The checks for a chain.</summary>
    /// <param name="of">Of a case: the host, what its policy accepts, and the words for what would be passed.</param>
    public static ImmutableArray<Func<T, Objection?>> Checks<T>(
        Func<T, (HostFacts Facts, ImmutableArray<Risk> Accepted, string What)> of
    ) =>
        [
            .. s_checks.Select<(Risk Risk, Func<HostFacts, Standing?> Find), Func<T, Objection?>>(check =>
                it =>
                {
                    var (facts, accepted, what) = of(it);
                    return check.Find(facts)?.Against(check.Risk, what, accepted.Contains(check.Risk), "");
                }
            ),
        ];

    /// <summary>
    /// Whatever /proc/interrupts shows: the kernel asks no group whether its interrupts are isolated any more (kernel
    /// <c>drivers/vfio/vfio_iommu_type1.c: vfio_iommu_type1_attach_group</c>, <c>drivers/iommu/iommufd/device.c</c>).
    /// </summary>
    private static Standing? UnsafeInterrupts(HostFacts facts)
    {
        List<string> modules = [];
        if (facts.UnsafeInterruptsAllowed)
            modules.Add("vfio_iommu_type1");
        if (facts.IommufdUnsafeInterruptsAllowed)
            modules.Add("iommufd");
        if (modules.Count == 0)
            return null;
        var parameters = string.Join(" and ", modules.Select(m => $"/sys/module/{m}/parameters/allow_unsafe_interrupts"));
        var lacks = facts.InterruptRemapping == InterruptRemapping.No;
        return new(
            $"allow_unsafe_interrupts of {string.Join(" and ", modules)} is on{(lacks ? " and the host does not remap interrupts" : "")}, "
                + "so VMs get devices whose interrupts nothing isolates",
            $"{(lacks ? "switch interrupt remapping on in the firmware, " : "")}write N to {parameters}, and take it out of "
                + "/etc/modprobe.d and the kernel command line"
        );
    }

    private static Standing? UnknownInterruptRemapping(HostFacts facts) =>
        facts.InterruptRemapping == InterruptRemapping.Unknown
            ? new("whether the host remaps interrupts is not known", "look for why /proc/interrupts cannot be read")
            : null;

    private static Standing? AcsOverride(HostFacts facts)
    {
        var arguments = facts.KernelArguments.Where(a => a.StartsWith("pcie_acs_override=", StringComparison.Ordinal)).ToList();
        return arguments.Count == 0
            ? null
            : new(
                $"{string.Join(" and ", arguments)} on the kernel command line makes IOMMU groups smaller than what the hardware isolates",
                "remove it and declare the groups as they are then, or use slots with ACS"
            );
    }
}
