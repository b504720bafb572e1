using Hostdev.Crds;
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
    /// Refuses virtual functions for VMs. Where the policy leaves some to the host they are made all the same, and it is noticed.
    /// </summary>
    public static Objection? NotIsolated(VfNumberCase it)
    {
        var offered = it.Offered.SelectMany(p => p.Vfs).ToList();
        if (it.Wanted == 0 || offered.Count == 0 || SharedWith(it.Situation.Inventory, it.Function) is not { } shared)
            return null;
        var fate = $"{it.Address} is in one IOMMU group with {shared}, and so would be its VFs, none of which could be passed";
        const string remedy = "enable ACS in firmware, or use another slot";
        return Enumerable.Range(0, it.Wanted).All(i => offered.Exists(r => r.Contains(i)))
            ? Objection.Of(Reasons.VfsNotIsolated, $"{fate}: {(it.Now > 0 ? "their number is left as it is" : "none is made")}; {remedy}")
            : Objection.Notices(Reasons.VfsNotIsolated, $"{fate}: they are made for those that the policy leaves to the host; {remedy}");
    }

    /// <summary>Whether virtual functions that are made now come into the group of their physical function.</summary>
    public static bool IsShared(HostInventory inventory, PciFunction pf) => SharedWith(inventory, pf) is not null;

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
