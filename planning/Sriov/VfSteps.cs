using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Planning.Attributes;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;

namespace Hostdev.Planning.Sriov;

/// <summary>
/// Making and removing virtual functions. The order is that of contracts/kernel.md, "More about binding and VFs": autoprobe off, the
/// number, overrides, autoprobe as it was, then a probe of every VF, so that each is bound exactly once.
/// </summary>
internal static class VfSteps
{
    /// <summary>
    /// Whether the virtual functions that are there are those that Hostdev has made: another number than it left is somebody else's.
    /// </summary>
    public static bool AreOurs(OwnedPhysicalFunction? owned, int? now) =>
        owned is not null && (owned.SetupOpen || owned.Made is null || owned.Made == now);

    /// <summary>The VFs that go when a physical function is given back: ours, where there were others or none before.</summary>
    public static IEnumerable<DeviceId> RemovedBy(Situation situation, OwnedPhysicalFunction owned) =>
        situation.Inventory.Functions.GetValueOrDefault(owned.Address) is { Sriov: { NumVfs: > 0 and var now } sriov } pf
        && situation.Unreadable(pf) is null
        && now != owned.OriginalNumVfs
        && AreOurs(owned, now)
            ? sriov.VirtualFunctions.Values.Select(vf => (DeviceId)vf)
            : [];

    /// <summary>The VFs that go because others are wanted.</summary>
    public static IEnumerable<DeviceId> RemovedBy(Situation situation, VfTarget target)
    {
        var sriov = situation.Inventory.Functions[target.Address].Sriov!;
        return Removes(sriov, target) ? sriov.VirtualFunctions.Values.Select(vf => (DeviceId)vf) : [];
    }

    /// <summary>Gives a physical function back that no policy manages: its number of VFs and its autoprobe as recorded.</summary>
    public static Work Release(Situation situation, OwnedPhysicalFunction owned)
    {
        var forget = new JournalRecord.ForgetPhysicalFunction(owned.Address);
        if (!situation.Inventory.Functions.TryGetValue(owned.Address, out var pf))
            return Lane(owned.Address, [forget]);
        if (pf.Sriov is not { NumVfs: { } now } sriov)
            return Lane(owned.Address, []);
        var it = new VfReleaseCase(situation, owned, pf);
        var ruling = VfReleaseChecks.OfAny.Judge(it);
        if (ruling.Refuses)
            return Lane(owned.Address, []) with { Findings = ruling.Findings };
        List<PlanStep> steps = [];
        if (sriov.Autoprobe != owned.OriginalAutoprobe && owned.SetupOpen)
            steps.Add(new PlanStep.SetAutoprobe(owned.Address, owned.OriginalAutoprobe));
        if (!AreOurs(owned, now) && now > 0)
            return Lane(owned.Address, [.. steps, forget]);
        if (now != owned.OriginalNumVfs && now > 0)
        {
            var removal = VfReleaseChecks.OfRemoval.Judge(it);
            if (removal.Refuses)
                return Lane(owned.Address, steps) with { Findings = removal.Findings };
            steps.AddRange(RemoveAll(situation, owned.Address, it.VirtualFunctions));
        }

        if (now != owned.OriginalNumVfs && owned.OriginalNumVfs > 0)
            steps.Add(new PlanStep.SetNumVfs(owned.Address, owned.OriginalNumVfs, []));
        return Lane(owned.Address, [.. steps, forget]);
    }

    /// <summary>Removes all VFs where others are wanted: the kernel goes from N to M only through 0.</summary>
    public static Work Remove(Situation situation, VfTarget target)
    {
        var sriov = situation.Inventory.Functions[target.Address].Sriov!;
        return Lane(target.Address, Removes(sriov, target) ? RemoveAll(situation, target.Address, [.. sriov.VirtualFunctions.Values]) : []);
    }

    /// <summary>Makes VFs where there are none, or goes on where making them was interrupted.</summary>
    public static Work Create(Situation situation, Targets targets, VfTarget target)
    {
        var pf = situation.Inventory.Functions[target.Address];
        var sriov = pf.Sriov!;
        var owned = situation.Input.Ownership.PhysicalFunctions.GetValueOrDefault(target.Address);
        if (target.NumVfs is { } wanted && sriov.NumVfs == 0 && wanted > 0)
        {
            if (!AttributeSteps.MayMakeVfs(situation, targets, target.Address))
                return Lane(target.Address, []);
            List<PlanStep> steps = [];
            if (owned is null)
                steps.Add(new JournalRecord.RecordPhysicalFunction(target.Address, target.PolicyUid, 0, sriov.Autoprobe));
            if (owned is not { SetupOpen: true } || owned.Asked != wanted)
                steps.Add(new JournalRecord.OpenVfSetup(target.Address, wanted));
            if (sriov.Autoprobe)
                steps.Add(new PlanStep.SetAutoprobe(target.Address, false));
            steps.Add(new PlanStep.SetNumVfs(target.Address, wanted, []));
            return Lane(target.Address, steps);
        }

        if (owned is { SetupOpen: true } && target.NumVfs is null && sriov.NumVfs == 0)
            return RestoreAutoprobe(situation, owned, sriov);
        var mayFinish = !situation.Input.Setbacks.ContainsKey(Purpose.Vfs(target.Address));
        if (owned is { SetupOpen: true } && mayFinish && (target.NumVfs is null || sriov.NumVfs == target.NumVfs))
            return FinishSetup(situation, targets, owned, sriov);
        return owned is { OriginalNumVfs: 0, SetupOpen: false } && target.NumVfs == 0 && sriov.NumVfs == 0
            ? Lane(target.Address, [new JournalRecord.ForgetPhysicalFunction(target.Address)])
            : Lane(target.Address, []);
    }

    /// <summary>
    /// Making VFs is put off and there are none: meanwhile the host's own setting holds. A purpose of its own, so that what put it off is
    /// not forgotten.
    /// </summary>
    private static Work RestoreAutoprobe(Situation situation, OwnedPhysicalFunction owned, SriovCapability sriov)
    {
        var purpose = Purpose.Release(owned.Address);
        if (situation.Input.Setbacks.ContainsKey(purpose))
            return Lane(owned.Address, []);
        List<PlanStep> steps = [];
        if (sriov.Autoprobe != owned.OriginalAutoprobe)
            steps.Add(new PlanStep.SetAutoprobe(owned.Address, owned.OriginalAutoprobe));
        steps.Add(new JournalRecord.CloseVfSetup(owned.Address, sriov.NumVfs));
        return Lane(owned.Address, purpose, steps);
    }

    /// <summary>
    /// Overrides, autoprobe as it was, then a probe of every VF. A VF that fails fails alone: its steps have its unit's purpose.
    /// </summary>
    private static Work FinishSetup(Situation situation, Targets targets, OwnedPhysicalFunction owned, SriovCapability sriov)
    {
        var all = sriov.VirtualFunctions.Values.Where(situation.Inventory.Functions.ContainsKey).ToList();
        var vfs = all.Where(a => AttributeSteps.MayBind(situation, targets, a)).Select(a => situation.Inventory.Functions[a]).ToList();
        var ours = Purpose.Vfs(owned.Address);
        List<LaneStep> steps = [];
        foreach (var vf in vfs)
        {
            if (targets.Functions.GetValueOrDefault(vf.Address) is not { } target || vf.Driver == target.Driver)
                continue;
            var purpose = Purpose.Take(target.UnitId);
            if (vf.Driver is not null)
                steps.Add(new LaneStep(purpose, new PlanStep.ProveFree(vf.Address, target.Overridden)));
            steps.Add(new LaneStep(purpose, new JournalRecord.RecordFunction(vf.Address, vf.Driver, vf.DriverOverride, target.PolicyUid)));
            if (vf.DriverOverride != target.Driver)
                steps.Add(new LaneStep(purpose, new PlanStep.SetDriverOverride(vf.Address, target.Driver)));
            if (vf.Driver is { } driver)
                steps.Add(new LaneStep(purpose, new PlanStep.Unbind(vf.Address, driver, target.Overridden)));
        }

        // Where the host has autoprobe off, it is on while those are probed that a pool leaves to the host's own driver, whose name nobody
        // knows.
        var native = owned.OriginalAutoprobe ? [] : vfs.Where(v => v.Driver is null && targets.Native.Contains(v.Address)).ToList();
        if (native.Count > 0 && !sriov.Autoprobe)
            steps.Add(new LaneStep(ours, new PlanStep.SetAutoprobe(owned.Address, true)));
        steps.AddRange(native.Select(v => new LaneStep(ours, new PlanStep.Probe(v.Address, null))));
        var back = new PlanStep.SetAutoprobe(owned.Address, owned.OriginalAutoprobe);
        if (native.Count > 0 || sriov.Autoprobe != owned.OriginalAutoprobe)
            steps.Add(new LaneStep(ours, back));
        foreach (var vf in vfs.Except(native))
        {
            var target = targets.Functions.GetValueOrDefault(vf.Address);
            if (target is null && vf.Driver is null)
                steps.Add(new LaneStep(ours, new PlanStep.Probe(vf.Address, null)));
            if (target is not null && vf.Driver != target.Driver)
                steps.Add(new LaneStep(Purpose.Take(target.UnitId), new PlanStep.Probe(vf.Address, target.Driver)));
        }

        if (vfs.Count == all.Count)
            steps.Add(new LaneStep(ours, new JournalRecord.CloseVfSetup(owned.Address, sriov.NumVfs)));
        return new Work(owned.Address, [.. steps]);
    }

    private static bool Removes(SriovCapability sriov, VfTarget target) =>
        target.NumVfs is { } wanted && sriov.NumVfs is > 0 && sriov.NumVfs != wanted;

    private static IEnumerable<PlanStep> RemoveAll(Situation situation, PciAddress pf, ImmutableArray<PciAddress> vfs) =>
        [
            new PlanStep.SetNumVfs(pf, 0, vfs),
            .. vfs.Where(vf => situation.Input.Ownership.Functions.ContainsKey(vf)).Select(vf => new JournalRecord.ForgetFunction(vf)),
            .. AttributeSteps.ForgetWith(situation, pf, vfs),
        ];

    /// <summary>Whether a unit's function is made and taken in one go by <see cref="Create"/>.</summary>
    public static bool Makes(Situation situation, Targets targets, Unit unit) =>
        unit.Device.AsPci is { } address
        && situation.Inventory.Functions[address].PhysicalFunction is { } pf
        && situation.Input.Ownership.PhysicalFunctions.GetValueOrDefault(pf) is { SetupOpen: true }
        && targets.PhysicalFunctions.ContainsKey(pf);

    private static Work Lane(PciAddress pf, IEnumerable<PlanStep> steps) => Lane(pf, Purpose.Vfs(pf), steps);

    private static Work Lane(PciAddress pf, Purpose purpose, IEnumerable<PlanStep> steps) =>
        new(pf, [.. steps.Select(s => new LaneStep(purpose, s))]);
}
