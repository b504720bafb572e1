using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>Whether one IOMMU group can be one unit: all of it, or nothing.</summary>
internal static class UnitPlanner
{
    public static Wish WishFor(Situation situation, UnitRequest request)
    {
        var it = GroupCase.Of(situation, request);
        var wish = new Wish
        {
            Policy = request.Policy,
            Device = request.Primary.Address,
            Ruling = GroupChecks.All.Judge(it),
            Named = it.Asked.Taken.ToImmutableDictionary(f => (DeviceId)f.Address, _ => (DeviceId)it.Asked.UnitId),
        };
        if (wish.Ruling.Refuses)
            return wish with { Ruling = wish.Ruling.Before(() => TakingChecks.All.Judge(it), () => RiskChecks.All.Judge(it)) };
        var taking = TakingChecks.All.Judge(it);
        // What waits would be taken without anybody's doing: a risk refuses it before.
        var isLate = LateBinding.IsMeant(it);
        if (isLate)
            wish = wish with { Ruling = wish.Ruling.Then(LateBinding.Checks.Judge(it)) };
        var areRisksAsked = !wish.Ruling.Refuses && (!taking.Refuses || taking.Waits || isLate);
        if (areRisksAsked)
            wish = wish with { Ruling = wish.Ruling.Then(RiskChecks.All.Judge(it)) };
        if (wish.Ruling.Refuses)
            return wish with { Ruling = wish.Ruling.Before(() => taking, () => areRisksAsked ? Ruling.Nothing : RiskChecks.All.Judge(it)) };
        wish = wish with { Behind = () => [.. taking.Behind(), .. areRisksAsked ? [] : RiskChecks.All.Judge(it).InTheWay] };
        if (isLate)
            return LateBinding.Grant(it, wish, taking, TargetsOf(situation, request, it.Composed.Unit));
        var form =
            !taking.Refuses ? it.Composed
            : taking.Waits ? UnitForm.AsItIs(it)
            : null;
        return wish with
        {
            Claims = ClaimsOf(it),
            Findings = form is null ? taking.Findings : [.. taking.Findings, .. UnitFindings.Of(situation, request, form)],
            Granted =
                form is not null ? TargetsOf(situation, request, form.Unit)
                : taking.Waits ? new Targets { Awaited = [.. it.Composed.Unit.Claims] }
                : Targets.None,
        };
    }

    public static ImmutableArray<DeviceId> ClaimsOf(GroupCase it) => [.. it.Shape.Taken.Concat(it.Shape.Carried).Select(f => f.Address)];

    private static Targets TargetsOf(Situation situation, UnitRequest request, Unit unit)
    {
        return new Targets
        {
            Units = [unit],
            Functions = unit.Functions()
                .ToImmutableDictionary(
                    m => (DeviceId)m.Address,
                    m => new FunctionTarget(
                        m.Address,
                        m.Driver,
                        request.Policy.Uid,
                        unit.Id,
                        OverriddenOf(request, situation.Inventory.Functions[m.Address]),
                        situation.Graph.Below(m.Address, Bond.Carried)
                    )
                ),
        };
    }

    private static ImmutableArray<UserKind> OverriddenOf(UnitRequest request, PciFunction function) =>
        [.. Enum.GetValues<UserKind>().Where(k => new DeviceUser(k, "").Protection is { } p && request.Overrides(function, p))];
}
