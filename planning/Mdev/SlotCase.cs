using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;

namespace Hostdev.Planning.Mdev;

/// <summary>One device of its type that a profile wants.</summary>
/// <param name="Accepted">The risks that the profile accepts.</param>
internal sealed record SlotCase(Situation Situation, PolicyIdentity Policy, MdevSlot Slot, ImmutableArray<Risk> Accepted) : ICase
{
    /// <summary>The virtual function that is to get its type, with vendor VFIO; null where there is none, or it has it.</summary>
    public PciFunction? NewFunction =>
        Slot is { IsThere: false, Id: DeviceId.OfPci(var address) } ? Situation.Inventory.Functions[address] : null;

    public Finding Say(FindingState state, Reason reason, string message) => new(Policy, Slot.Id.ToString(), state, reason, message);
}

/// <summary>
/// What keeps one device from being made now. A mediated device is kept apart by its driver; a virtual function by the IOMMU, so that it
/// is asked what is asked of every function.
/// </summary>
internal static class SlotChecks
{
    public static Checks<SlotCase> All { get; } = new([HostProblem, NotAlone, .. HostRisksOfFunctions(), FailedLately]);

    private static Objection? HostProblem(SlotCase it) =>
        it.NewFunction is { } function ? Objection.Of(HostConditions.Problem(it.Situation.Inventory, function)) : null;

    /// <summary>VFIO gives a group to one VM.</summary>
    private static Objection? NotAlone(SlotCase it)
    {
        var inventory = it.Situation.Inventory;
        if (it.NewFunction is not { } function || inventory.GroupOf(function) is not { } group)
            return null;
        var others = group
            .Members.Where(m => m != function.Address && inventory.Functions.GetValueOrDefault(m) is { IsBridge: false })
            .ToList();
        return others.Count == 0
            ? null
            : Objection.Of(
                Reasons.VfsNotIsolated,
                $"{function.Address} is in one IOMMU group with {string.Join(", ", others)}, and a group is given to one VM: "
                    + "enable ACS in firmware, or use another slot"
            );
    }

    private static IEnumerable<Func<SlotCase, Objection?>> HostRisksOfFunctions() =>
        HostRisks
            .Checks<SlotCase>(it => (it.Situation.Inventory.Facts, it.Accepted, it.Slot.Id.ToString()))
            .Select<Func<SlotCase, Objection?>, Func<SlotCase, Objection?>>(check => it => it.NewFunction is null ? null : check(it));

    private static Objection? FailedLately(SlotCase it)
    {
        var (input, purpose) = (it.Situation.Input, Purpose.Take(it.Slot.Id));
        return it.Slot.IsThere
            ? null
            : Objection.Of(input.Contested.GetValueOrDefault(purpose) ?? input.Setbacks.GetValueOrDefault(purpose));
    }
}
