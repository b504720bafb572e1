using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Planning.Pci;

/// <summary>What an admin should know of a unit that stands in nobody's way.</summary>
internal static class UnitFindings
{
    public static IEnumerable<Finding> Of(Situation situation, UnitRequest request, UnitForm form) =>
        [
            .. WhatIsHeld(request, form),
            .. WhatIsInForce(situation, request, form.Unit),
            .. WhatIsResetToo(situation, request, form.Unit),
            .. WhoResetsIt(request),
        ];

    private static IEnumerable<Finding> WhatIsHeld(UnitRequest request, UnitForm form) =>
        form
            .Held.Where(h => form.Unit.OnAllocate is null || h.Function.Driver == h.Driver)
            .Select(h => new Finding(
                request.Policy,
                h.Function.Address.ToString(),
                FindingState.Held,
                Reasons.HeldSibling,
                $"Held by {form.Unit.Id} ({h.Why})"
            ));

    /// <summary>Parts of the machine that an earlier version took: a stricter rule refuses what is newly taken.</summary>
    private static IEnumerable<Finding> WhatIsInForce(Situation situation, UnitRequest request, Unit unit)
    {
        foreach (var function in unit.Functions().Select(m => situation.Inventory.Functions[m.Address]))
        {
            if (!situation.Input.Ownership.Functions.TryGetValue(function.Address, out var owned))
                continue;
            if (
                request.Overrides(function, Protection.System)
                || !SystemFunctions.IsSystem(function, owned.OriginalDriver)
                || !situation.Inventory.Facts.PassthroughDrivers.Contains(function.Driver ?? "")
            )
                continue;
            yield return new Finding(
                request.Policy,
                function.Address.ToString(),
                FindingState.Noticed,
                Reasons.Protected,
                $"{function.Address} was taken from the host before this was looked for, and stays so: it is "
                    + $"{SystemFunctions.WhatItIs(function, owned.OriginalDriver)}; "
                    + $"narrow the policy to give it back, or {UsesInTheWay.Override(request, [(function, Protection.System)])}"
            );
        }
    }

    private static ImmutableArray<Finding> WhatIsResetToo(Situation situation, UnitRequest request, Unit unit)
    {
        var reach = new ResetReach(
            situation.Inventory,
            ((Handout.VfioGroup)unit.Handout).Assigned.Select(m => situation.Inventory.Functions[m.Address])
        );
        var besides = reach.BesidesGroup(situation.Inventory.GroupOf(request.Primary)!);
        if (besides.IsEmpty)
            return [];
        var told = reach.Told.ToList();
        var these = string.Join(", ", told.Select(f => f.Address));
        return
        [
            new Finding(
                request.Policy,
                request.Primary.Address.ToString(),
                FindingState.Noticed,
                Reasons.SharedReset,
                $"{these} {(told.Count == 1 ? "is" : "are")} not reset on {(told.Count == 1 ? "its" : "their")} own, "
                    + "and a reset of the bus would reset "
                    + $"{GroupProblems.List(besides.Select(f => $"{f.Address} ({f.Driver ?? "no driver"})"))} too, which "
                    + $"{(besides.Length == 1 ? "is" : "are")} in other IOMMU groups: "
                    + "it is not done, so the next VM may find the device as the last one left it; "
                    + "use a slot of its own, where that matters"
            ),
        ];
    }

    /// <summary>Who writes that nothing is to be reset may think that nothing is.</summary>
    private static IEnumerable<Finding> WhoResetsIt(UnitRequest request) =>
        request.Reset != ResetChoice.Never
            ? []
            :
            [
                request.Say(
                    FindingState.Noticed,
                    Reasons.ResetByVfio,
                    $"{request.Primary.Address}: reset: Never keeps Hostdev from resetting it; VFIO resets it all the same whenever a VM "
                        + "opens or closes it, and the VMM whenever the VM starts again"
                ),
            ];
}
