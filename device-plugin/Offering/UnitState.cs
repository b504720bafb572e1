using System.Collections.Immutable;
using Hostdev.Crds;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>One group as it really is, read just now.</summary>
/// <param name="Group">The IOMMU group's number; null when the primary has none or is gone.</param>
/// <param name="Members">The group's functions that are no bridges, with their drivers (null: none).</param>
/// <param name="Cdevs">Cdev names (<c>vfioN</c>) by function, only where the host has a node for it.</param>
/// <param name="Silent">A function of the group that does not answer reads of its configuration space; null when all do.</param>
/// <param name="UnsafeBridge">A bridge of the group on a driver that VFIO does not accept, in words; null when all are fine.</param>
public sealed record UnitState(
    int? Group, ImmutableSortedDictionary<PciAddress, string?> Members, ImmutableSortedDictionary<PciAddress, string> Cdevs,
    string? UnsafeBridge = null, PciAddress? Silent = null)
{
    /// <summary>
    /// Drivers beside the passthrough ones that VFIO accepts on the rest of a group, because they manage the DMA of their devices
    /// themselves.
    /// </summary>
    public ImmutableArray<string> OwnDmaDrivers { get; init; } = [];
}
