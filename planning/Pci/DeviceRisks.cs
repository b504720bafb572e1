using System.Collections.Immutable;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>What of single devices voids their isolation, or keeps VMs from them: one check for each risk of a device.</summary>
internal static class DeviceRisks
{
    private static readonly ImmutableArray<(
        Risk Risk,
        Func<GroupCase, IEnumerable<PciFunction>> Find,
        Func<GroupCase, ImmutableArray<PciFunction>, Standing> Say
    )> s_checks =
    [
        (Risks.NoReset, WithoutReset, NoReset),
        (Risks.PhysicalFunctionOnVfio, BelowVfio, PhysicalFunctionOnVfio),
        (Risks.SlowUnbind, LateBinding.OfSlowDrivers, LateBinding.SlowUnbind),
        (Risks.Reset, HarmedByReset, ResetHarmful),
    ];

    /// <summary>The checks for the chain; what is assigned must be decided.</summary>
    public static ImmutableArray<Func<GroupCase, Objection?>> Checks { get; } =
    [
        .. s_checks.Select<
            (Risk Risk, Func<GroupCase, IEnumerable<PciFunction>> Find, Func<GroupCase, ImmutableArray<PciFunction>, Standing> Say),
            Func<GroupCase, Objection?>
        >(check =>
            it =>
            {
                ImmutableArray<PciFunction> found = [.. check.Find(it)];
                return found.IsEmpty
                    ? null
                    : check
                        .Say(it, found)
                        .Against(
                            check.Risk,
                            it.Primary.Address.ToString(),
                            it.Request.Accepts(check.Risk, found),
                            check.Risk.Of == RiskOf.Device ? $" together with the address{it.Request.InMembers(found)}" : ""
                        );
            }
        ),
    ];

    private static IEnumerable<PciFunction> WithoutReset(GroupCase it) =>
        new ResetReach(it.Inventory, it.Assigned).NeverReset(it.Composed.Unit.Functions().Select(m => m.Address).ToHashSet());

    private static Standing NoReset(GroupCase it, ImmutableArray<PciFunction> found) =>
        new(
            $"the kernel knows no way to reset {GroupProblems.List(found.Select(f => f.Address.ToString()))}, so the next VM finds "
                + $"{(found.Length == 1 ? "it" : "them")} as the last one left {(found.Length == 1 ? "it" : "them")}",
            "use a device that has a reset (inventory shows which)"
        );

    /// <summary>
    /// A physical function that VFIO has asks whoever opens one of its virtual functions for a token; pci-stub asks for none (kernel
    /// <c>drivers/vfio/pci/vfio_pci_core.c: vfio_pci_validate_vf_token</c>).
    /// </summary>
    private static IEnumerable<PciFunction> BelowVfio(GroupCase it) =>
        it.Assigned.Where(f => it.Situation.PhysicalOf(f)?.Driver is { } driver && GroupViability.IsVfioDriver(driver));

    private static Standing PhysicalFunctionOnVfio(GroupCase it, ImmutableArray<PciFunction> found)
    {
        var physical = it.Situation.PhysicalOf(found[0])!;
        return new(
            $"its physical function {physical.Address} is on {physical.Driver}, and no VM can open it without the token of whoever has "
                + "that",
            $"give {physical.Address} back to its own driver"
        );
    }

    /// <summary>
    /// What is held too: no VM opens it, but the reset of a sibling reaches it where that is one of the bus, which VFIO makes at the last
    /// close and a VMM at each start of its machine (kernel <c>drivers/vfio/pci/vfio_pci_core.c: vfio_pci_dev_set_try_reset</c>). Whether
    /// it is one of the bus changes with the kernel and with what an admin writes to <c>reset_method</c>; what it costs does not.
    /// </summary>
    private static IEnumerable<PciFunction> HarmedByReset(GroupCase it) =>
        it
            .Composed.Unit.Functions()
            .Select(m => it.Inventory.Functions[m.Address])
            .Where(f => BoardsHarmedByReset.Of(f, it.Inventory.Facts) is not null);

    private static Standing ResetHarmful(GroupCase it, ImmutableArray<PciFunction> found)
    {
        var harmed = found.Select(f => (Function: f, Board: BoardsHarmedByReset.Of(f, it.Inventory.Facts)!)).ToList();
        return new(
            string.Join("; ", harmed.Select(h => h.Board.Harms(h.Function)))
                + "; VFIO resets a device whenever a VM opens or closes it, and no setting of Hostdev keeps it from that",
            harmed[0].Board.Remedy
        );
    }
}
