using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>
/// Taking one function from the host, and giving it back. Each emits only what is still missing, so that half a sequence is continued.
/// </summary>
internal static class FunctionSteps
{
    /// <summary>
    /// All of a unit that is still to be taken. Every member that has a driver is proven free before the first write to any of them: half a
    /// group is no use, and the host has lost it.
    /// </summary>
    public static IEnumerable<LaneStep> Take(PlanningContext context, Unit unit)
    {
        // What is taken, or was found so, is left alone: a device on its vfio driver without our journal is adopted as it is.
        var targets = unit.Functions()
            .Select(m => context.Functions[m.Address])
            .Where(t => context.Inventory.Functions[t.Address].Driver != t.Driver)
            .ToList();
        return targets
            .Where(t => context.Inventory.Functions[t.Address].Driver is not null)
            .Select(t => new LaneStep(Purpose.Take(unit.Id), new PlanStep.ProveFree(t.Address, t.Overridden) { Carried = t.Carried }))
            .Concat(targets.SelectMany(t => Take(context, t)));
    }

    private static IEnumerable<LaneStep> Take(PlanningContext context, FunctionTarget target)
    {
        var function = context.Inventory.Functions[target.Address];
        List<PlanStep> steps =
        [
            new JournalRecord.RecordFunction(function.Address, function.Driver, function.DriverOverride, target.PolicyUid),
        ];
        if (function.DriverOverride != target.Driver)
            steps.Add(new PlanStep.SetDriverOverride(function.Address, target.Driver));
        if (function.Driver is { } driver)
        {
            steps.Add(new PlanStep.Unbind(function.Address, driver, target.Overridden) { Carried = target.Carried });
        }

        steps.Add(new PlanStep.Probe(function.Address, target.Driver));
        return steps.Select(s => new LaneStep(Purpose.Take(target.UnitId), s));
    }

    public static IEnumerable<LaneStep> Release(PlanningContext context, OwnedFunction owned)
    {
        var purpose = Purpose.Release(owned.Address);
        if (!context.Inventory.Functions.TryGetValue(owned.Address, out var function))
        {
            // Unplugged, or its physical function's VFs were removed by somebody: a new device at this address starts afresh.
            return [new LaneStep(purpose, new JournalRecord.ForgetFunction(owned.Address))];
        }

        if (context.Unreadable(function) is { } unreadable)
        {
            context.Releasing(owned.Address, owned.PolicyUid, unreadable.Reason, unreadable.Message);
            return [];
        }

        // A policy wants it and did not get it, because another member of its group, a bridge perhaps, could not be read: the policy says
        // so.
        if (context.Wanted.ContainsKey(owned.Address) && IsWithUnreadable(context, function))
            return [];
        var ours =
            function.Driver is not null
            && function.Driver != owned.OriginalDriver
            && context.Inventory.Facts.PassthroughDrivers.Contains(function.Driver);
        if (!ours && function.Driver is not null && IsStillSomebodys(context, owned, function))
            return [];
        if (!ours && function.Driver is null && DriverIsMissing(context, owned, function))
            return [];
        // Without a driver it may be in an unbind by another hand that waits for its user: what is written to it now waits with that one
        // (it holds the device's lock).
        if ((ours || function.Driver is null) && ReleaseProblem(context, owned, function, purpose))
            return [];
        List<PlanStep> steps = [];
        if (ours)
            steps.Add(new PlanStep.Unbind(owned.Address, function.Driver!, []));
        var namesOriginal =
            function.IsVirtualFunction && owned.OriginalDriver is not null && context.SriovAbove(function) is { Autoprobe: false };
        var begunBack = namesOriginal && function.Driver == owned.OriginalDriver; // by an override of ours, which a crash left there
        // By whoever wrote it: ours is a passthrough driver.
        var meant = !ours && !begunBack && function.Driver is not null && function.DriverOverride == function.Driver;
        var driverless = ours || function.Driver is null;
        var probes = driverless && (function.IsVirtualFunction || owned.OriginalDriver is not null);
        // An override that names another driver than the function had was set while it was bound: it would keep that driver from coming
        // back, so it comes after it.
        var late = probes && owned is { OriginalDriver: { } driver, OriginalOverride: { } wish } && wish != driver;
        // With autoprobe off a virtual function gets its driver by an override alone.
        var forced = probes && namesOriginal;
        var before =
            forced ? owned.OriginalDriver
            : late ? null
            : owned.OriginalOverride;
        if (function.DriverOverride != before && !meant)
            steps.Add(new PlanStep.SetDriverOverride(owned.Address, before));
        // A virtual function was born without a driver because autoprobe was off while it was made: it goes back to whatever the host has
        // for it.
        if (probes)
            steps.AddRange(ProbeForHost(context, owned, function));
        late |= forced && owned.OriginalOverride != owned.OriginalDriver;
        if (late)
            steps.Add(new PlanStep.SetDriverOverride(owned.Address, owned.OriginalOverride));
        if (driverless || meant || !IsElsewhere(context, owned, function))
            steps.Add(new JournalRecord.ForgetFunction(owned.Address));
        return steps.Select(s => new LaneStep(purpose, s));
    }

    private static bool IsWithUnreadable(PlanningContext context, PciFunction function) =>
        context.Inventory.GroupOf(function)?.Members.Any(m => context.Unreadable(context.Inventory.Functions[m]) is not null) == true;

    /// <summary>
    /// Whether another hand took the function from us while a policy names it, or a pod has it: it may bring it back at any moment (a CNI
    /// does, libvirt does), and then only this record tells where the function came from. What has our override and not our driver was
    /// never
    /// taken, or failed to be: it is nobody's, and its record goes with what is undone.
    /// </summary>
    private static bool IsStillSomebodys(PlanningContext context, OwnedFunction owned, PciFunction function)
    {
        if (context.Input.Usage.UsersOf(owned.Address).FirstOrDefault(u => u.Kind == UserKind.Pod) is { } pod)
        {
            if (context.Wanted.ContainsKey(owned.Address))
                return true;
            var away = $"{pod.Description}, and something else on this host bound it to {function.Driver}";
            context.Releasing(
                owned.Address,
                owned.PolicyUid,
                Reasons.ReleaseWaits,
                $"{owned.Address} is given back as soon as it is let go; {away}"
            );
            return true;
        }

        var passthrough = context.Inventory.Facts.PassthroughDrivers;
        var begun = function.DriverOverride is { } now && now != owned.OriginalOverride && passthrough.Contains(now);
        if (begun || !context.Wanted.TryGetValue(owned.Address, out var unit))
            return false;
        return !context.Input.Setbacks.TryGetValue(Purpose.Take(unit), out var setback) || setback.Reason.IsUse;
    }

    /// <summary>
    /// A virtual function that we made is the host's for the first time: where autoprobe is off, it is on for one that a pool leaves to the
    /// host.
    /// </summary>
    private static IEnumerable<PlanStep> ProbeForHost(PlanningContext context, OwnedFunction owned, PciFunction function)
    {
        var probe = new PlanStep.Probe(owned.Address, function.IsVirtualFunction ? null : owned.OriginalDriver);
        var isNew = owned.OriginalDriver is null && context.Native.Contains(owned.Address);
        if (!isNew || context.SriovAbove(function) is not { Autoprobe: false })
            return [probe];
        var physicalFunctions = context.Input.Ownership.PhysicalFunctions;
        if (physicalFunctions.GetValueOrDefault(function.PhysicalFunction!.Value) is not { SetupOpen: false } pf)
            return [probe];
        return
        [
            new JournalRecord.OpenVfSetup(pf.Address, pf.Asked),
            new PlanStep.SetAutoprobe(pf.Address, true),
            probe,
            new PlanStep.SetAutoprobe(pf.Address, false),
            new JournalRecord.CloseVfSetup(pf.Address, pf.Made),
        ];
    }

    /// <summary>
    /// Whether a function has no driver because the one it had does not take it back. Until that is tried again the status says so, and the
    /// journal keeps it.
    /// </summary>
    private static bool DriverIsMissing(PlanningContext context, OwnedFunction owned, PciFunction function)
    {
        if (owned.OriginalDriver is not { } had || function.IsVirtualFunction)
            return false;
        if (!context.Input.Setbacks.TryGetValue(Purpose.Release(owned.Address), out var setback))
            return false;
        Say(
            context,
            owned,
            $"{owned.Address} was on {had} before Hostdev had it, and has no driver now ({setback.Message}): run "
                + $"\"modprobe {had}\" on the host; it is tried again. {Accept(owned)}"
        );
        return true;
    }

    /// <summary>
    /// Whether the host bound a function that was ours to another driver than it had before us. It is not taken from that one; the journal
    /// keeps it until somebody says what is meant.
    /// </summary>
    private static bool IsElsewhere(PlanningContext context, OwnedFunction owned, PciFunction function)
    {
        if (owned.OriginalDriver is not { } had || function.Driver == had || function.IsVirtualFunction)
            return false;
        Say(
            context,
            owned,
            $"{owned.Address} was on {had} before Hostdev had it, and is on {function.Driver} now: bind it to {had}. {Accept(owned)}"
        );
        return true;
    }

    private static string Accept(OwnedFunction owned) =>
        $"If another driver is meant, write that driver's name to /sys/bus/pci/devices/{owned.Address}/driver_override and bind it";

    private static void Say(PlanningContext context, OwnedFunction owned, string message) =>
        context.Releasing(owned.Address, owned.PolicyUid, Reasons.NotReturned, message);

    private static bool ReleaseProblem(PlanningContext context, OwnedFunction owned, PciFunction function, Purpose purpose)
    {
        if (context.Input.Setbacks.TryGetValue(purpose, out var setback))
        {
            context.Releasing(owned.Address, owned.PolicyUid, setback.Reason, setback.Message);
            return true;
        }

        // What the host needs it for (it is the console, also without a driver) is no reason to keep it from the host's driver.
        var users = context.Input.Usage.UsersOf(owned.Address).Where(u => function.Driver is not null || u.Protection is null).ToList();
        if (users.Count == 0)
            return false;
        if (context.Awaited.Contains(owned.Address))
            return true; // its policy says what it waits for
        var message =
            $"{owned.Address} is given back as soon as it is let go; it is in use: {string.Join(", ", users.Select(u => u.Description))}";
        context.Releasing(owned.Address, owned.PolicyUid, Reasons.ReleaseWaits, message);
        return true;
    }
}
