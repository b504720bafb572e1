using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Planning.Mdev;

/// <summary>One mediated device that a profile wants.</summary>
internal sealed record SlotCase(Situation Situation, PolicyIdentity Policy, MdevSlot Slot) : ICase
{
    public bool IsThere => Situation.Inventory.Mdev(Slot.Uuid) is not null;

    public Finding Say(FindingState state, Reason reason, string message) => new(Policy, Slot.Uuid.ToString(), state, reason, message);
}

/// <summary>What keeps one mediated device from being made now.</summary>
internal static class SlotChecks
{
    public static Checks<SlotCase> All { get; } = new(FailedLately);

    private static Objection? FailedLately(SlotCase it)
    {
        var (input, purpose) = (it.Situation.Input, Purpose.Take(it.Slot.Uuid));
        return it.IsThere ? null : Objection.Of(input.Contested.GetValueOrDefault(purpose) ?? input.Setbacks.GetValueOrDefault(purpose));
    }
}
