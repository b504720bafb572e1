using Hostdev.Crds.Words;

namespace Hostdev.Planning.Mdev;

/// <summary>A mediated device of ours that is in no target.</summary>
internal sealed record MdevReleaseCase(Situation Situation, Targets Targets, OwnedMdev Owned) : ICase
{
    public Finding Say(FindingState state, Reason reason, string message) =>
        new(null, Owned.Uuid.ToString(), state, reason, message, Owned.PolicyUid);
}

/// <summary>What keeps a mediated device from being removed now, though no policy wants it.</summary>
internal static class MdevReleaseChecks
{
    public static Checks<MdevReleaseCase> All { get; } = new(ParentUnreadable, FailedLately, InUse);

    /// <summary>What policies want of a parent that cannot be read is not known: so nothing that is on it is removed.</summary>
    private static Objection? ParentUnreadable(MdevReleaseCase it) =>
        it.Situation.Inventory.MdevParents.All(p => p.Name != it.Situation.Inventory.Mdev(it.Owned.Uuid)!.Parent)
            ? Stays(
                Reasons.Unreadable,
                $"{it.Owned.Uuid} is left as it is, because its parent {it.Owned.Parent} cannot be read or is not in /sys/class/mdev_bus: "
                    + "look at dmesg"
            )
            : null;

    private static Objection? FailedLately(MdevReleaseCase it) =>
        it.Situation.Input.Setbacks.GetValueOrDefault(Purpose.Release(it.Owned.Uuid)) is { } setback
            ? Stays(setback.Reason, setback.Message)
            : null;

    private static Objection? InUse(MdevReleaseCase it)
    {
        var users = it.Situation.Input.Usage.UsersOf(it.Owned.Uuid);
        return users.IsEmpty ? null
            : it.Targets.IsWithAPod(it.Owned.Uuid, users) ? new Objection(FindingState.Releasing, Reasons.ReleaseWaits, null)
            : Stays(
                Reasons.ReleaseWaits,
                $"{it.Owned.Uuid} is removed as soon as it is let go; it is in use: {string.Join(", ", users.Select(u => u.Description))}"
            );
    }

    private static Objection Stays(Reason reason, string message) => new(FindingState.Releasing, reason, message);
}
