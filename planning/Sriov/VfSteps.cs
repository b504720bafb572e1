using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
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

    /// <summary>Gives a physical function back that no policy manages: its number of VFs and its autoprobe as recorded.</summary>
    public static ImmutableArray<LaneStep> Release(PlanningContext context, OwnedPhysicalFunction owned, HashSet<DeviceId> going)
    {
        if (!context.Inventory.Functions.TryGetValue(owned.Address, out var pf) || pf.Sriov is not { NumVfs: { } now } sriov)
        {
            return context.Inventory.Functions.ContainsKey(owned.Address)
                ? []
                : Lane(owned.Address, [new JournalRecord.ForgetPhysicalFunction(owned.Address)]);
        }

        if (context.Unreadable(pf) is { } unreadable)
        {
            context.Releasing(owned.Address, owned.PolicyUid, unreadable.Reason, unreadable.Message);
            return [];
        }

        var vfs = sriov.VirtualFunctions.Values.ToImmutableArray();
        List<PlanStep> steps = [];
        if (sriov.Autoprobe != owned.OriginalAutoprobe && owned.SetupOpen)
            steps.Add(new PlanStep.SetAutoprobe(owned.Address, owned.OriginalAutoprobe));
        if (!AreOurs(owned, now) && now > 0)
            return Lane(owned.Address, [.. steps, new JournalRecord.ForgetPhysicalFunction(owned.Address)]);
        if (now != owned.OriginalNumVfs && now > 0)
        {
            going.UnionWith(vfs.Select(vf => (DeviceId)vf));
            if (ReleaseWaits(context, owned.Address, vfs))
                return Lane(owned.Address, steps);
            steps.AddRange(RemoveAll(context, owned.Address, vfs));
        }

        if (now != owned.OriginalNumVfs && owned.OriginalNumVfs > 0)
            steps.Add(new PlanStep.SetNumVfs(owned.Address, owned.OriginalNumVfs, []));
        steps.Add(new JournalRecord.ForgetPhysicalFunction(owned.Address));
        return Lane(owned.Address, steps);
    }

    /// <summary>Removes all VFs when there are others than wanted: the kernel goes from N to M only through 0.</summary>
    public static ImmutableArray<LaneStep> Remove(PlanningContext context, VfTarget target, HashSet<DeviceId> going)
    {
        var sriov = context.Inventory.Functions[target.Address].Sriov!;
        if (target.NumVfs is not { } wanted || sriov.NumVfs is not > 0 || sriov.NumVfs == wanted)
            return [];
        var vfs = sriov.VirtualFunctions.Values.ToImmutableArray();
        going.UnionWith(vfs.Select(vf => (DeviceId)vf));
        return Lane(target.Address, RemoveAll(context, target.Address, vfs));
    }

    /// <summary>Makes VFs where there are none, or goes on where making them was interrupted.</summary>
    public static ImmutableArray<LaneStep> Create(PlanningContext context, VfTarget target)
    {
        var pf = context.Inventory.Functions[target.Address];
        var sriov = pf.Sriov!;
        var owned = context.Input.Ownership.PhysicalFunctions.GetValueOrDefault(target.Address);
        if (target.NumVfs is { } wanted && sriov.NumVfs == 0 && wanted > 0)
        {
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
            return RestoreAutoprobe(context, owned, sriov);
        var mayFinish = !context.Input.Setbacks.ContainsKey(Purpose.Vfs(target.Address));
        if (owned is { SetupOpen: true } && mayFinish && (target.NumVfs is null || sriov.NumVfs == target.NumVfs))
            return FinishSetup(context, owned, sriov);
        return owned is { OriginalNumVfs: 0, SetupOpen: false } && target.NumVfs == 0 && sriov.NumVfs == 0
            ? Lane(target.Address, [new JournalRecord.ForgetPhysicalFunction(target.Address)])
            : [];
    }

    /// <summary>
    /// Making VFs is put off and there are none: meanwhile the host's own setting holds. A purpose of its own, so that what put it off is
    /// not forgotten.
    /// </summary>
    private static ImmutableArray<LaneStep> RestoreAutoprobe(PlanningContext context, OwnedPhysicalFunction owned, SriovCapability sriov)
    {
        var purpose = Purpose.Release(owned.Address);
        if (context.Input.Setbacks.ContainsKey(purpose))
            return [];
        List<PlanStep> steps = [];
        if (sriov.Autoprobe != owned.OriginalAutoprobe)
            steps.Add(new PlanStep.SetAutoprobe(owned.Address, owned.OriginalAutoprobe));
        steps.Add(new JournalRecord.CloseVfSetup(owned.Address, sriov.NumVfs));
        return [.. steps.Select(s => new LaneStep(purpose, s))];
    }

    /// <summary>
    /// Overrides, autoprobe as it was, then a probe of every VF. A VF that fails fails alone: its steps have its unit's purpose.
    /// </summary>
    private static ImmutableArray<LaneStep> FinishSetup(PlanningContext context, OwnedPhysicalFunction owned, SriovCapability sriov)
    {
        var vfs = sriov
            .VirtualFunctions.Values.Where(context.Inventory.Functions.ContainsKey)
            .Select(a => context.Inventory.Functions[a])
            .ToList();
        var ours = Purpose.Vfs(owned.Address);
        List<LaneStep> steps = [];
        foreach (var vf in vfs)
        {
            if (context.Functions.GetValueOrDefault(vf.Address) is not { } target || vf.Driver == target.Driver)
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
        var native = owned.OriginalAutoprobe ? [] : vfs.Where(v => v.Driver is null && context.Native.Contains(v.Address)).ToList();
        if (native.Count > 0 && !sriov.Autoprobe)
            steps.Add(new LaneStep(ours, new PlanStep.SetAutoprobe(owned.Address, true)));
        steps.AddRange(native.Select(v => new LaneStep(ours, new PlanStep.Probe(v.Address, null))));
        var back = new PlanStep.SetAutoprobe(owned.Address, owned.OriginalAutoprobe);
        if (native.Count > 0 || sriov.Autoprobe != owned.OriginalAutoprobe)
            steps.Add(new LaneStep(ours, back));
        foreach (var vf in vfs.Except(native))
        {
            var target = context.Functions.GetValueOrDefault(vf.Address);
            if (target is null && vf.Driver is null)
                steps.Add(new LaneStep(ours, new PlanStep.Probe(vf.Address, null)));
            if (target is not null && vf.Driver != target.Driver)
                steps.Add(new LaneStep(Purpose.Take(target.UnitId), new PlanStep.Probe(vf.Address, target.Driver)));
        }

        steps.Add(new LaneStep(ours, new JournalRecord.CloseVfSetup(owned.Address, sriov.NumVfs)));
        return [.. steps];
    }

    private static IEnumerable<PlanStep> RemoveAll(PlanningContext context, PciAddress pf, ImmutableArray<PciAddress> vfs) =>
        [
            new PlanStep.SetNumVfs(pf, 0, vfs),
            .. vfs.Where(vf => context.Input.Ownership.Functions.ContainsKey(vf)).Select(vf => new JournalRecord.ForgetFunction(vf)),
        ];

    /// <summary>Whether a unit's function is made and taken in one go by <see cref="Create"/>.</summary>
    public static bool Makes(PlanningContext context, Unit unit) =>
        unit.Device.AsPci is { } address
        && context.Inventory.Functions[address].PhysicalFunction is { } pf
        && context.Input.Ownership.PhysicalFunctions.GetValueOrDefault(pf) is { SetupOpen: true }
        && context.PhysicalFunctions.ContainsKey(pf);

    private static bool ReleaseWaits(PlanningContext context, PciAddress pf, ImmutableArray<PciAddress> vfs)
    {
        var owner = context.Input.Ownership.PhysicalFunctions.GetValueOrDefault(pf)?.PolicyUid;
        if (context.Input.Setbacks.TryGetValue(Purpose.Vfs(pf), out var setback))
        {
            context.Releasing(pf, owner, setback.Reason, setback.Message);
            return true;
        }

        var users = context.Input.Usage.InWords(vfs.Select(a => (DeviceId)a));
        if (users.IsEmpty)
            return false;
        context.Releasing(
            pf,
            owner,
            Reasons.ReleaseWaits,
            $"the VFs of {pf} are removed as soon as all are let go; in use: {string.Join("; ", users)}"
        );
        return true;
    }

    private static ImmutableArray<LaneStep> Lane(PciAddress pf, IEnumerable<PlanStep> steps) =>
        [.. steps.Select(s => new LaneStep(Purpose.Vfs(pf), s))];
}
