using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Pci;

namespace Hostdev.Planning.Sriov;

/// <summary>What keeps a physical function from being as it was, though no policy manages it.</summary>
internal static class VfReleaseChecks
{
    /// <summary>Whether anything of it may be written.</summary>
    public static Checks<VfReleaseCase> OfAny { get; } = new(Unreadable);

    /// <summary>Whether its virtual functions may be removed.</summary>
    public static Checks<VfReleaseCase> OfRemoval { get; } = new(FailedLately, InUse);

    private static Objection? Unreadable(VfReleaseCase it) =>
        it.Situation.Unreadable(it.Function) is { } problem ? Stays(problem.Reason, problem.Message) : null;

    private static Objection? FailedLately(VfReleaseCase it) =>
        it.Situation.Input.Setbacks.GetValueOrDefault(Purpose.Vfs(it.Owned.Address)) is { } setback
            ? Stays(setback.Reason, setback.Message)
            : null;

    private static Objection? InUse(VfReleaseCase it)
    {
        var users = it.Situation.Input.Usage.InWords(it.VirtualFunctions.Select(a => (DeviceId)a));
        return users.IsEmpty
            ? null
            : Stays(
                Reasons.ReleaseWaits,
                $"the VFs of {it.Owned.Address} are removed as soon as all are let go; in use: {string.Join("; ", users)}"
            );
    }

    private static Objection Stays(Reason reason, string message) => new(FindingState.Releasing, reason, message);
}
