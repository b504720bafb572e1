using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Sriov;

/// <summary>
/// Whether virtual functions that are yet to be made will be in groups of their own. Where a port above does not isolate what is behind it,
/// all of that is in one group, with the virtual functions (kernel <c>drivers/iommu/iommu.c: pci_device_group</c>): the physical function
/// stays with the host, so none of them can ever be passed.
/// </summary>
internal static class VfIsolation
{
    /// <summary>
    /// Why virtual functions for VMs are not made; null when they may be. Says it also where they are made because the policy leaves some
    /// to the host.
    /// </summary>
    public static (Reason Reason, string Message)? Problem(
        PlanningContext context,
        DesiredPolicy.OfSriovPolicy policy,
        PciFunction pf,
        int wanted
    )
    {
        var offered = policy.Spec.Pools.Where(p => p.ResourceName is not null).SelectMany(p => p.Vfs).ToList();
        if (wanted == 0 || offered.Count == 0 || SharedWith(context.Inventory, pf) is not { } shared)
            return null;
        var fate = $"{pf.Address} is in one IOMMU group with {shared}, and so would be its VFs, none of which could be passed";
        const string remedy = "enable ACS in firmware, or use another slot";
        if (Enumerable.Range(0, wanted).All(i => offered.Exists(r => r.Contains(i))))
        {
            return (
                Reasons.VfsNotIsolated,
                $"{fate}: {(pf.Sriov!.NumVfs > 0 ? "their number is left as it is" : "none is made")}; {remedy}"
            );
        }

        var message = $"{fate}: they are made for those that the policy leaves to the host; {remedy}";
        context.Findings.Add(new Finding(policy.Identity, pf.Address.ToString(), FindingState.Noticed, Reasons.VfsNotIsolated, message));
        return null;
    }

    private static string? SharedWith(HostInventory inventory, PciFunction pf)
    {
        if (inventory.GroupOf(pf) is not { } group)
            return null;
        // POWER makes groups by its own partitions, in which virtual functions are alone.
        if (
            !inventory.Facts.Architecture.StartsWith("ppc", StringComparison.Ordinal)
            && pf.Path.Cast<PciAddress?>().LastOrDefault(a => group.Members.Contains(a!.Value)) is { } port
        )
        {
            return $"the port above it ({port})";
        }

        return pf.Sriov!.VirtualFunctions.Values.Any(group.Members.Contains) ? "the VFs that are there" : null;
    }
}
