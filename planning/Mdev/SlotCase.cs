using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;

namespace Hostdev.Planning.Mdev;

/// <summary>One device of its type that a profile wants.</summary>
internal sealed record SlotCase(Situation Situation, PolicyIdentity Policy, MdevSlot Slot) : ICase
{
    /// <summary>The virtual function that it is, with vendor VFIO.</summary>
    public PciFunction? Function => Slot.Id is DeviceId.OfPci(var address) ? Situation.Inventory.Functions[address] : null;

    public Finding Say(FindingState state, Reason reason, string message) => new(Policy, Slot.Id.ToString(), state, reason, message);
}

/// <summary>What keeps one device from being made now.</summary>
internal static class SlotChecks
{
    public static Checks<SlotCase> All { get; } = new(HostProblem, NotAlone, FailedLately);

    /// <summary>What VFIO needs of the host for a function; a mediated device brings its own group.</summary>
    private static Objection? HostProblem(SlotCase it) =>
        it is { Slot.IsThere: false, Function: { } function } ? Objection.Of(HostConditions.Problem(it.Situation.Inventory, function)) : null;

    /// <summary>VFIO gives a group to one VM.</summary>
    private static Objection? NotAlone(SlotCase it)
    {
        if (it is not { Slot.IsThere: false, Function: { } function } || it.Situation.Inventory.GroupOf(function) is not { } group)
            return null;
        var others = group
            .Members.Where(m => m != function.Address && it.Situation.Inventory.Functions.GetValueOrDefault(m) is { IsBridge: false })
            .ToList();
        return others.Count == 0
            ? null
            : Objection.Of(
                Reasons.VfsNotIsolated,
                $"{function.Address} is in one IOMMU group with {string.Join(", ", others)}, and a group is given to one VM: "
                    + "enable ACS in firmware, or use another slot"
            );
    }

    private static Objection? FailedLately(SlotCase it)
    {
        var (input, purpose) = (it.Situation.Input, Purpose.Take(it.Slot.Id));
        return it.Slot.IsThere ? null : Objection.Of(input.Contested.GetValueOrDefault(purpose) ?? input.Setbacks.GetValueOrDefault(purpose));
    }
}
