using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>
/// What a reset of the assigned functions reaches beside them. One that cannot be reset on its own is reset with everything below the
/// bridge above it, which VFIO does only when all of that is on
/// vfio-pci and the VM's (kernel <c>drivers/vfio/pci/vfio_pci_core.c: vfio_pci_ioctl_pci_hot_reset</c>).
/// </summary>
internal sealed class ResetReach
{
    private readonly HostInventory _inventory;
    private readonly ImmutableArray<PciFunction> _assigned;

    /// <param name="assigned">All that the VM gets.</param>
    public ResetReach(HostInventory inventory, IEnumerable<PciFunction> assigned)
    {
        _inventory = inventory;
        _assigned = [.. assigned];
        Dependent = [.. _assigned.Where(f => !ResetsAlone(f))];
    }

    /// <summary>
    /// The assigned functions that are not reset on their own. A reset by power management (<c>pm</c>) loses too little to count.
    /// </summary>
    public ImmutableArray<PciFunction> Dependent { get; }

    /// <summary>Those of them of which the kernel tells it.</summary>
    public IEnumerable<PciFunction> Told => Dependent.Where(f => !f.ResetsUntold);

    public bool Reaches(PciFunction other) => Dependent.Any(f => ReachedFrom(f, other));

    /// <summary>Whether a reset reaches it by the kernel's own word, and not only for all that is known.</summary>
    public bool SurelyReaches(PciFunction other) => Told.Any(f => ReachedFrom(f, other));

    /// <summary>
    /// The functions outside of the group that would be reset as well, ordered: while those are not the VM's too, nothing is reset.
    /// </summary>
    public ImmutableArray<PciFunction> BesidesGroup(IommuGroup group) =>
        [
            .. _inventory
                .Functions.Values.Where(o => !o.IsBridge && !group.Members.Contains(o.Address))
                .Where(o => Told.Any(f => BridgeAbove(f) is { } bridge && o.Path.Contains(bridge))),
        ];

    /// <summary>
    /// The assigned functions that nothing resets from one VM to the next: they have no reset of their own, and none with their bus. VFIO
    /// resets a bus of which it has everything; that the bus can be reset says the first function that was found there
    /// (contracts/kernel.md).
    /// </summary>
    /// <param name="ofUnit">All functions of the unit, the held ones too.</param>
    public IEnumerable<PciFunction> NeverReset(IReadOnlySet<PciAddress> ofUnit) =>
        _assigned.Where(f => f.HasNoReset && !ResetsWithItsBus(f, ofUnit));

    private bool ResetsWithItsBus(PciFunction function, IReadOnlySet<PciAddress> ofUnit)
    {
        if (BridgeAbove(function) is not { } bridge)
            return false;
        var below = _inventory.Functions.Values.Where(o => !o.IsBridge && o.Path.Contains(bridge)).ToList();
        return below.TrueForAll(o => ofUnit.Contains(o.Address)) && below.Exists(o => o.ResetMethods.Contains("bus"));
    }

    private bool ReachedFrom(PciFunction function, PciFunction other) =>
        BridgeAbove(function) is { } bridge
            ? other.Path.Contains(bridge)
            // No bus of the root complex is ever reset.
            : !function.IsIntegrated && function.Address.SlotName == other.Address.SlotName;

    private PciAddress? BridgeAbove(PciFunction function) =>
        function.Path is [.., var above] && (!_inventory.Functions.TryGetValue(above, out var bridge) || bridge.IsBridge) ? above : null;

    /// <summary>SR-IOV demands it of every virtual function.</summary>
    private static bool ResetsAlone(PciFunction function) =>
        function.IsVirtualFunction || function.ResetMethods.Any(m => m is "flr" or "af_flr" or "device_specific" or "acpi");
}
