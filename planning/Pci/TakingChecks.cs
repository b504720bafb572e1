using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Planning.Pci;

/// <summary>What keeps that from being taken now which a unit still lacks; nothing does where it lacks nothing.</summary>
internal static class TakingChecks
{
    public static Checks<GroupCase> All { get; } = new(FailedLately, HasVirtualFunctions, NeededByHost, InUse);

    private static Objection? FailedLately(GroupCase it)
    {
        var purpose = Purpose.Take(it.Composed.Unit.Id);
        return it.ToTake.Count == 0
            ? null
            : Objection.Of(
                it.Situation.Input.Contested.GetValueOrDefault(purpose) ?? it.Situation.Input.Setbacks.GetValueOrDefault(purpose)
            );
    }

    private static Objection? HasVirtualFunctions(GroupCase it) =>
        Objection.Of(
            Reasons.HasVirtualFunctions,
            it.ToTake.Where(f => f.Sriov is { VirtualFunctions.Count: > 0 })
                .Select(f =>
                    $"{f.Address} has {f.Sriov!.VirtualFunctions.Count} virtual functions, which would go with "
                    + "it: remove them first, or select its virtual functions instead"
                )
                .FirstOrDefault()
        );

    private static Objection? NeededByHost(GroupCase it)
    {
        var protecting = UsesInTheWay.Protecting(it.Request, it.UsesOfWhatIsTaken);
        if (protecting.Count == 0)
            return null;
        var write = UsesInTheWay.Override(it.Request, protecting.Select(u => (u.Taken, u.Protection!.Value)));
        return Objection.Of(Reasons.Protected, $"{Sentence(protecting)}: the host needs it; free it, or {write}");
    }

    private static Objection? InUse(GroupCase it)
    {
        var busy = it.UsesOfWhatIsTaken.Where(u => u.Protection is null && !IsSaidAsVirtualFunctions(u)).ToList();
        if (busy.Count == 0)
            return null;
        var withdrawn = it.Request.Disruption == Disruption.Cordon && UnitForm.AsItIs(it) is not null;
        var then = it.Request.Binding == Binding.OnAllocate ? "it can be given to a pod" : "it is taken";
        return Objection.Waits(
            Reasons.InUse,
            $"{Sentence(busy)}: {then} as soon as nobody uses it{(withdrawn ? "; meanwhile it is not offered" : "")}"
        );
    }

    private static bool IsSaidAsVirtualFunctions(UseInTheWay use) =>
        use.User.Kind == UserKind.VirtualFunctions && use.Taken.Sriov is { VirtualFunctions.Count: > 0 };

    private static string Sentence(IEnumerable<UseInTheWay> users) => string.Join("; ", UsesInTheWay.InWords(users));
}
