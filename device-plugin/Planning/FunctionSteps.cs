
namespace Hostdev.DevicePlugin.Planning;

/// <summary>Taking one function from the host, and giving it back. Each emits only what is still missing, so that half a sequence is continued.</summary>
internal static class FunctionSteps
{
    public static IEnumerable<LaneStep> Take(PlanningContext context, FunctionTarget target)
    {
        var function = context.Inventory.Functions[target.Address];
        if (function.Driver == target.Driver) return []; // taken, or found so: a device on its vfio driver without our journal is adopted as it is
        List<PlanStep> steps = [new PlanStep.RecordFunction(function.Address, function.Driver, function.DriverOverride, target.PolicyUid)];
        if (function.DriverOverride != target.Driver) steps.Add(new PlanStep.SetDriverOverride(function.Address, target.Driver));
        if (function.Driver is { } driver) steps.Add(new PlanStep.Unbind(function.Address, driver, target.Overridden));
        steps.Add(new PlanStep.Probe(function.Address, target.Driver));
        return steps.Select(s => new LaneStep(LaneStep.Take(target.UnitId), s));
    }

    public static IEnumerable<LaneStep> Release(PlanningContext context, OwnedFunction owned)
    {
        var purpose = LaneStep.Release(owned.Address);
        if (!context.Inventory.Functions.TryGetValue(owned.Address, out var function))
        {
            // Unplugged, or its physical function's VFs were removed by somebody: a new device at this address starts afresh.
            return [new LaneStep(purpose, new PlanStep.ForgetFunction(owned.Address))];
        }

        if (context.Unreadable(function) is { } unreadable)
        {
            context.Findings.Add(new Finding(null, owned.Address.ToString(), FindingState.Releasing, Reasons.Unreadable, unreadable));
            return [];
        }

        var ours = function.Driver is not null && function.Driver != owned.OriginalDriver && context.Inventory.Facts.PassthroughDrivers.Contains(function.Driver);
        if (ours && ReleaseProblem(context, owned, purpose)) return [];
        List<PlanStep> steps = [];
        if (ours) steps.Add(new PlanStep.Unbind(owned.Address, function.Driver!, []));
        var driverless = ours || function.Driver is null;
        var probes = driverless && (function.IsVirtualFunction || owned.OriginalDriver is not null);
        // An override that names another driver than the function had was set while it was bound: it would keep that driver from coming back, so it comes after it.
        var late = probes && owned is { OriginalDriver: { } driver, OriginalOverride: { } wish } && wish != driver;
        var before = late ? null : owned.OriginalOverride;
        if (function.DriverOverride != before) steps.Add(new PlanStep.SetDriverOverride(owned.Address, before));
        // A virtual function was born without a driver because autoprobe was off while it was made: it goes back to whatever the host has for it.
        if (probes) steps.Add(new PlanStep.Probe(owned.Address, function.IsVirtualFunction ? null : owned.OriginalDriver));
        if (late) steps.Add(new PlanStep.SetDriverOverride(owned.Address, owned.OriginalOverride));
        steps.Add(new PlanStep.ForgetFunction(owned.Address));
        return steps.Select(s => new LaneStep(purpose, s));
    }

    private static bool ReleaseProblem(PlanningContext context, OwnedFunction owned, string purpose)
    {
        if (context.Input.Setbacks.TryGetValue(purpose, out var setback))
        {
            context.Findings.Add(new Finding(null, owned.Address.ToString(), FindingState.Releasing, setback.Reason, setback.Message));
            return true;
        }

        var users = context.Input.Usage.UsersOf(owned.Address);
        if (users.IsEmpty) return false;
        var message = $"{owned.Address} is given back as soon as it is let go; it is in use: {string.Join(", ", users.Select(u => u.Description))}";
        context.Findings.Add(new Finding(null, owned.Address.ToString(), FindingState.Releasing, Reasons.ReleaseWaits, message));
        return true;
    }
}
