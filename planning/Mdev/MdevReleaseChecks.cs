using Hostdev.Crds;
using Hostdev.Crds.Words;

namespace Hostdev.Planning.Mdev;

/// <summary>A mediated device of ours, or a virtual function with a type of ours, that is in no target.</summary>
internal sealed record MdevReleaseCase(Situation Situation, Targets Targets, DeviceId Device, string PolicyUid) : ICase
{
    /// <summary>Why what policies want of it is not known, as a sentence; null when it is.</summary>
    public string? Unreadable { get; init; }

    /// <summary>What becomes of it, as the beginning of a sentence.</summary>
    public required string Ends { get; init; }

    public Finding Say(FindingState state, Reason reason, string message) =>
        new(null, Device.ToString(), state, reason, message, PolicyUid);
}

/// <summary>What keeps it from going now, though no policy wants it.</summary>
internal static class MdevReleaseChecks
{
    public static Checks<MdevReleaseCase> All { get; } = new(Unreadable, FailedLately, InUse);

    /// <summary>What policies want of what cannot be read is not known: so it stays.</summary>
    private static Objection? Unreadable(MdevReleaseCase it) => it.Unreadable is { } why ? Stays(Reasons.Unreadable, why) : null;

    private static Objection? FailedLately(MdevReleaseCase it) =>
        it.Situation.Input.Setbacks.GetValueOrDefault(Purpose.Release(it.Device)) is { } setback
            ? Stays(setback.Reason, setback.Message)
            : null;

    private static Objection? InUse(MdevReleaseCase it)
    {
        var users = it.Situation.Input.Usage.UsersOf(it.Device);
        return users.IsEmpty ? null
            : it.Targets.IsWithAPod(it.Device, users) ? new Objection(FindingState.Releasing, Reasons.ReleaseWaits, null)
            : Stays(
                Reasons.ReleaseWaits,
                $"{it.Ends} as soon as it is let go; it is in use: {string.Join(", ", users.Select(u => u.Description))}"
            );
    }

    private static Objection Stays(Reason reason, string message) => new(FindingState.Releasing, reason, message);
}
