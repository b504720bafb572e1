using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Planning.Mdev;

/// <summary>One mediated device that a profile wants.</summary>
internal sealed record SlotCase(Situation Situation, PolicyIdentity Policy, MdevSlot Slot, MdevTarget Target) : ICase
{
    public bool IsThere => Situation.Inventory.Mdev(Slot.Uuid) is not null;

    /// <summary>It is there, and is what the profile wants.</summary>
    public bool IsMade => Target.IsMade(Situation);

    public Finding Say(FindingState state, Reason reason, string message) => new(Policy, Slot.Uuid.ToString(), state, reason, message);
}

/// <summary>What keeps one mediated device from being made now.</summary>
internal static class SlotChecks
{
    public static Checks<SlotCase> All { get; } = new(FailedLately, Outdated);

    private static Objection? FailedLately(SlotCase it)
    {
        var (input, purpose) = (it.Situation.Input, Purpose.Take(it.Slot.Uuid));
        return it.IsMade ? null : Objection.Of(input.Contested.GetValueOrDefault(purpose) ?? input.Setbacks.GetValueOrDefault(purpose));
    }

    /// <summary>So it is nobody's, and goes as soon as nobody has it: then it is made as it is wanted.</summary>
    private static Objection? Outdated(SlotCase it) =>
        it.IsThere && !it.IsMade
            ? Objection.Waits(
                Reasons.ReleaseWaits,
                $"{it.Slot.Uuid} was made with other attributes than the profile has now, or not to the end: it is made anew as "
                    + "soon as it is let go"
            )
            : null;
}
