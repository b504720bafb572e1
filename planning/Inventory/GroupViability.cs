using Hostdev.Crds;

namespace Hostdev.Planning.Inventory;

/// <summary>
/// Whether VFIO takes a group with a member on this or that driver (kernel <c>drivers/vfio/group.c</c>, since 6.0 <c>drivers/iommu/iommu.c:
/// iommu_group_claim_dma_owner</c>).
/// </summary>
public static class GroupViability
{
    /// <param name="ownDma">Drivers of this host that manage their own DMA, see <see cref="HostFacts.OwnDmaDrivers"/>.</param>
    public static bool Accepts(string? driver, IReadOnlyCollection<string> ownDma) =>
        driver is null or "pcieport" || IsPassthroughDriver(driver) || ownDma.Contains(driver);

    /// <summary>
    /// As <see cref="Accepts(string?, IReadOnlyCollection{string})"/> for a function as it is: one that VFIO shows as its own is, whatever
    /// its driver is called.
    /// </summary>
    public static bool Accepts(PciFunction function, HostFacts facts) =>
        function.VfioCdev is not null || Accepts(function.Driver, facts.OwnDmaDrivers);

    /// <summary>
    /// The variants of vfio-pci carry its name in theirs (<c>mlx5_vfio_pci</c>, <c>nvgrace-gpu-vfio-pci</c>), and so do those of other
    /// buses: kernel <c>drivers/vfio</c>.
    /// </summary>
    public static bool IsPassthroughDriver(string name) => name is "pci-stub" || IsVfioDriver(name);

    /// <summary>One by which VFIO gives devices to programs; pci-stub gives them to nobody.</summary>
    public static bool IsVfioDriver(string name) => name.Contains("vfio", StringComparison.Ordinal);

    /// <summary>Why VFIO refuses a group because of one of its bridges; null when it does not.</summary>
    public static string? BridgeProblem(PciAddress bridge, string? driver, IReadOnlyCollection<string> ownDma) =>
        Accepts(driver, ownDma) ? null : $"the bridge {bridge} is on the driver {driver}, with which VFIO refuses the group";
}
