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
    public static Work Take(Situation situation, Targets wanted, Unit unit)
    {
        // What is taken, or was found so, is left alone: a device on its vfio driver without our journal is adopted as it is.
        var targets = unit.Functions()
            .Select(m => wanted.Functions[m.Address])
            .Where(t => situation.Inventory.Functions[t.Address].Driver != t.Driver)
            .ToList();
        return new Work(
            unit.Device,
            [
                .. targets
                    .Where(t => situation.Inventory.Functions[t.Address].Driver is not null)
                    .Select(t => new LaneStep(
                        Purpose.Take(t.UnitId),
                        new PlanStep.ProveFree(t.Address, t.Overridden) { Carried = t.Carried }
                    )
                    {
                        Unit = unit.Id,
                    }),
                .. targets.SelectMany(t => Take(situation, t)).Select(s => s with { Unit = unit.Id }),
            ]
        )
        {
            Touches = unit.Claims,
        };
    }

    private static IEnumerable<LaneStep> Take(Situation situation, FunctionTarget target)
    {
        var function = situation.Inventory.Functions[target.Address];
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

    public static Work Release(Situation situation, Targets targets, OwnedFunction owned)
    {
        // Unplugged, or its physical function's VFs were removed by somebody: a new device at this address starts afresh.
        if (!situation.Inventory.Functions.TryGetValue(owned.Address, out var function))
            return Release(owned, [new JournalRecord.ForgetFunction(owned.Address)]);
        var it = new ReleaseCase(situation, targets, owned, function);
        var ruling = ReleaseChecks.All.Judge(it);
        return ruling.Refuses ? Release(owned, []) with { Findings = ruling.Findings } : Release(it);
    }

    private static Work Release(ReleaseCase it)
    {
        var (situation, owned, function) = (it.Situation, it.Owned, it.Function);
        List<PlanStep> steps = [];
        if (it.IsOurs)
            steps.Add(new PlanStep.Unbind(owned.Address, function.Driver!, []));
        var namesOriginal =
            function.IsVirtualFunction && owned.OriginalDriver is not null && situation.SriovAbove(function) is { Autoprobe: false };
        var begunBack = namesOriginal && function.Driver == owned.OriginalDriver; // by an override of ours, which a crash left there
        // By whoever wrote it: ours is a passthrough driver.
        var meant = !it.IsOurs && !begunBack && function.Driver is not null && function.DriverOverride == function.Driver;
        var driverless = it.IsOurs || it.IsDriverless;
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
            steps.AddRange(ProbeForHost(it));
        late |= forced && owned.OriginalOverride != owned.OriginalDriver;
        if (late)
            steps.Add(new PlanStep.SetDriverOverride(owned.Address, owned.OriginalOverride));
        var elsewhere = driverless || meant ? null : ReleaseChecks.Elsewhere(it);
        if (elsewhere is null)
            steps.Add(new JournalRecord.ForgetFunction(owned.Address));
        return Release(owned, steps) with { Findings = elsewhere is null ? [] : [elsewhere] };
    }

    private static Work Release(OwnedFunction owned, IEnumerable<PlanStep> steps) =>
        new(owned.Address, [.. steps.Select(s => new LaneStep(Purpose.Release(owned.Address), s))]);

    /// <summary>
    /// A virtual function that we made is the host's for the first time: where autoprobe is off, it is on for one that a pool leaves to the
    /// host.
    /// </summary>
    private static IEnumerable<PlanStep> ProbeForHost(ReleaseCase it)
    {
        var (situation, owned, function) = (it.Situation, it.Owned, it.Function);
        var probe = new PlanStep.Probe(owned.Address, function.IsVirtualFunction ? null : owned.OriginalDriver);
        var isNew = owned.OriginalDriver is null && it.Targets.Native.Contains(owned.Address);
        if (!isNew || situation.SriovAbove(function) is not { Autoprobe: false })
            return [probe];
        var physicalFunctions = situation.Input.Ownership.PhysicalFunctions;
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
}
