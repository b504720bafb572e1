using System.Collections.Immutable;
using Hostdev.Crds;

namespace Hostdev.Planning.Inventory;

/// <summary>An IOMMU group: the unit of ownership.</summary>
/// <param name="Members">PCI functions of the group, ordered, bridges included. Empty for an mdev's own group.</param>
/// <param name="Type">As <c>iommu_group/type</c> prints it; not an indicator of use.</param>
public sealed record IommuGroup(int Number, ImmutableArray<PciAddress> Members, string? Type)
{
    /// <summary>What else the kernel has in the group (platform devices, as a rule), ordered by name.</summary>
    public ImmutableArray<OtherGroupMember> OtherMembers { get; init; } = [];

    /// <summary>
    /// The ranges that the firmware wants mapped one to one for good, as <c>0xSTART-0xEND</c>: the <c>direct</c> lines of
    /// <c>reserved_regions</c> (kernel
    /// <c>Documentation/ABI/testing/sysfs-kernel-iommu_groups</c>). The kernel gives such a group to no VM; <c>direct-relaxable</c> ones
    /// are not here.
    /// </summary>
    public ImmutableArray<string> DirectRegions { get; init; } = [];
}

/// <summary>A member of an IOMMU group that is no PCI function.</summary>
/// <param name="Name">As the group's <c>devices</c> directory calls it, for example <c>fe2a0000.ethernet</c>.</param>
/// <param name="Driver">The bound driver; null when none.</param>
public sealed record OtherGroupMember(string Name, string? Driver);
