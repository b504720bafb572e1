using Hostdev.Crds.Words;

namespace Hostdev.Planning.Pci;

/// <summary>What keeps a function from going back to the host now, though it is in no target.</summary>
internal static class ReleaseChecks
{
    public static Checks<ReleaseCase> All { get; } =
        new(Unreadable, Unreturned, WithUnreadable, StillSomebodys, DriverMissing, FailedLately, InUse);

    private static Objection? Unreadable(ReleaseCase it) =>
        it.Situation.Unreadable(it.Function) is { } problem ? Stays(problem.Reason, problem.Message) : null;

    /// <summary>
    /// What a write of ours may still do to it is in nobody's hand: its record tells where it came from when that is done.
    /// </summary>
    private static Objection? Unreturned(ReleaseCase it) =>
        it.Situation.Input.Unreturned.FirstOrDefault(w => w.Device == it.Owned.Address) is { } write
            ? Stays(Reasons.StepTimedOut, $"{it.Owned.Address} is given back when a write of ours returns: {write.InWords()}")
            : null;

    /// <summary>
    /// A policy wants it and did not get it, because another member of its group, a bridge perhaps, could not be read: the policy says so.
    /// </summary>
    private static Objection? WithUnreadable(ReleaseCase it)
    {
        var inventory = it.Situation.Inventory;
        return
            it.IsNamed
            && inventory.GroupOf(it.Function)?.Members.Any(m => it.Situation.Unreadable(inventory.Functions[m]) is not null) == true
            ? SaidByItsPolicy(Reasons.Unreadable)
            : null;
    }

    /// <summary>
    /// Another hand took the function from us while a policy names it, or a pod has it: it may bring it back at any moment (a CNI does,
    /// libvirt does), and then only this record tells where the function came from. What has our override and not our driver was never
    /// taken, or failed to be: it is nobody's, and its record goes with what is undone.
    /// </summary>
    private static Objection? StillSomebodys(ReleaseCase it)
    {
        if (it.IsOurs || it.IsDriverless)
            return null;
        var (address, input) = (it.Owned.Address, it.Situation.Input);
        if (input.Usage.UsersOf(address).FirstOrDefault(u => u.Kind == UserKind.Pod) is { } pod)
        {
            return it.IsNamed
                ? SaidByItsPolicy(Reasons.ReleaseWaits)
                : Stays(
                    Reasons.ReleaseWaits,
                    $"{address} is given back as soon as it is let go; {pod.Description}, and something else on this host bound it to "
                        + it.Function.Driver
                );
        }

        var begun =
            it.Function.DriverOverride is { } now
            && now != it.Owned.OriginalOverride
            && it.Situation.Inventory.Facts.PassthroughDrivers.Contains(now);
        // What is taken for an answer alone is nobody's without one.
        if (begun || it.Targets.OnAllocate.Contains(address) || !it.Targets.Named.TryGetValue(address, out var unit))
            return null;
        return input.Setbacks.GetValueOrDefault(Purpose.Take(unit)) is { Reason.IsUse: false }
            ? null
            : SaidByItsPolicy(Reasons.ReleaseWaits);
    }

    /// <summary>
    /// A function has no driver because the one it had does not take it back. Until that is tried again the status says so, and the journal
    /// keeps it.
    /// </summary>
    private static Objection? DriverMissing(ReleaseCase it)
    {
        if (!it.IsDriverless || it.Owned.OriginalDriver is not { } had || it.Function.IsVirtualFunction)
            return null;
        return it.Situation.Input.Setbacks.GetValueOrDefault(it.Purpose) is { } setback
            ? Stays(
                Reasons.NotReturned,
                $"{it.Owned.Address} was on {had} before Hostdev had it, and has no driver now ({setback.Message}): run "
                    + $"\"modprobe {had}\" on the host; it is tried again. {Accept(it.Owned)}"
            )
            : null;
    }

    private static Objection? FailedLately(ReleaseCase it) =>
        IsTouched(it) && it.Situation.Input.Setbacks.GetValueOrDefault(it.Purpose) is { } setback
            ? Stays(setback.Reason, setback.Message)
            : null;

    /// <summary>
    /// What the host needs it for (it is the console, also without a driver) is no reason to keep it from the host's driver.
    /// </summary>
    private static Objection? InUse(ReleaseCase it)
    {
        if (!IsTouched(it))
            return null;
        var users = it.Situation.Input.Usage.UsersOf(it.Owned.Address).Where(u => !it.IsDriverless || u.Protection is null).ToList();
        return users.Count == 0 ? null
            : it.Targets.Awaited.Contains(it.Owned.Address) || it.Targets.IsWithAPod(it.Owned.Address, users)
                ? SaidByItsPolicy(Reasons.ReleaseWaits)
            : Stays(
                Reasons.ReleaseWaits,
                $"{it.Owned.Address} is given back as soon as it is let go; it is in use: "
                    + string.Join(", ", users.Select(u => u.Description))
            );
    }

    /// <summary>
    /// The host bound a function that was ours to another driver than it had before us. It is not taken from that one; the journal keeps it
    /// until somebody says what is meant.
    /// </summary>
    public static Finding? Elsewhere(ReleaseCase it) =>
        it.Owned.OriginalDriver is { } had && it.Function.Driver != had && !it.Function.IsVirtualFunction
            ? it.Say(
                FindingState.Releasing,
                Reasons.NotReturned,
                $"{it.Owned.Address} was on {had} before Hostdev had it, and is on {it.Function.Driver} now: bind it to {had}. "
                    + Accept(it.Owned)
            )
            : null;

    /// <summary>
    /// Without a driver it may be in an unbind by another hand that waits for its user: what is written to it now waits with that one (it
    /// holds the device's lock).
    /// </summary>
    private static bool IsTouched(ReleaseCase it) => it.IsOurs || it.IsDriverless;

    private static string Accept(OwnedFunction owned) =>
        $"If another driver is meant, write that driver's name to /sys/bus/pci/devices/{owned.Address}/driver_override and bind it";

    private static Objection Stays(Reason reason, string message) => new(FindingState.Releasing, reason, message);

    private static Objection SaidByItsPolicy(Reason reason) => new(FindingState.Releasing, reason, null);
}
