using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Planning.Pci;

/// <summary>What an admin should know of a unit that stands in nobody's way.</summary>
internal static class UnitFindings
{
    public static void Say(PlanningContext context, UnitRequest request, Unit unit)
    {
        SayWhatIsInForce(context, request, unit);
        var reach = new ResetReach(
            context.Inventory,
            ((Handout.VfioGroup)unit.Handout).Assigned.Select(m => context.Inventory.Functions[m.Address])
        );
        var besides = reach.BesidesGroup(context.Inventory.GroupOf(request.Primary)!);
        if (besides.IsEmpty)
            return;
        var told = reach.Told.ToList();
        var these = string.Join(", ", told.Select(f => f.Address));
        context.Notice(
            request.Policy,
            request.Primary.Address.ToString(),
            Reasons.SharedReset,
            $"{these} {(told.Count == 1 ? "is" : "are")} not reset on {(told.Count == 1 ? "its" : "their")} own, "
                + "and a reset of the bus would reset "
                + $"{GroupProblems.List(besides.Select(f => $"{f.Address} ({f.Driver ?? "no driver"})"))} too, which "
                + $"{(besides.Length == 1 ? "is" : "are")} in other IOMMU groups: "
                + "it is not done, so the next VM may find the device as the last one left it; use a slot of its own, where that matters"
        );
    }

    /// <summary>Parts of the machine that an earlier version took: a stricter rule refuses what is newly taken.</summary>
    private static void SayWhatIsInForce(PlanningContext context, UnitRequest request, Unit unit)
    {
        if (request.AllowProtected.Contains(Protection.System))
            return;
        foreach (var function in unit.Functions().Select(m => context.Inventory.Functions[m.Address]))
        {
            if (!context.Input.Ownership.Functions.TryGetValue(function.Address, out var owned))
                continue;
            if (
                !SystemFunctions.IsSystem(function, owned.OriginalDriver)
                || !context.Inventory.Facts.PassthroughDrivers.Contains(function.Driver ?? "")
            )
                continue;
            context.Notice(
                request.Policy,
                function.Address.ToString(),
                Reasons.Protected,
                $"{function.Address} was taken from the host before this was looked for, and stays so: it is "
                    + $"{SystemFunctions.WhatItIs(function, owned.OriginalDriver)}; "
                    + "narrow the policy to give it back, or list System in allowProtected together with the address"
            );
        }
    }
}
