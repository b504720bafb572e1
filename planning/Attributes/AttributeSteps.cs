using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;
using Hostdev.Planning.Sriov;

namespace Hostdev.Planning.Attributes;

/// <summary>Writing files of physical and virtual functions, and having them as they were.</summary>
internal static class AttributeSteps
{
    /// <summary>
    /// What is not set and may be: of each purpose in the order of the policy, up to the first that may not, because what comes after it
    /// was written with it in mind.
    /// </summary>
    public static IEnumerable<Work> Set(Situation situation, Targets targets) =>
        Judged(situation, targets.Attributes)
            .Where(j => !j.Ruling.Refuses)
            .Select(j => new Work(j.Case.Target.File.Device, [.. Set(j.Case, targets)]));

    /// <summary>What is said of those that are not set: of each purpose the first that stands in the way.</summary>
    public static IEnumerable<Finding> Findings(Situation situation, IEnumerable<AttributeTarget> attributes) =>
        Judged(situation, attributes).SelectMany(j => j.Ruling.Findings);

    /// <summary>Whether virtual functions may be made: everything that comes before them is set.</summary>
    public static bool MayMakeVfs(Situation situation, Targets targets, PciAddress pf) =>
        targets
            .Attributes.Where(t => t.PhysicalFunction == pf && t.When == AttributeTime.BeforeVfs)
            .All(t => new AttributeCase(situation, t).IsSet);

    /// <summary>Whether a function may get its driver: what comes before that, of it and of its physical function, is set.</summary>
    public static bool MayBind(Situation situation, Targets targets, PciAddress function) =>
        FirstUnset(situation, targets.Attributes, function) is null;

    /// <summary>What keeps a function that binds late from being had by anybody: it is not what was asked for; null when it is.</summary>
    public static Obstacle? Unset(Situation situation, IEnumerable<AttributeTarget> attributes, PciAddress function) =>
        FirstUnset(situation, attributes, function) is { } unset
            ? new Obstacle(
                Reasons.Changing,
                $"{unset.File} is not set to \"{unset.Value}\" yet, which comes before {function} is given out"
            )
            : null;

    private static AttributeTarget? FirstUnset(Situation situation, IEnumerable<AttributeTarget> attributes, PciAddress function) =>
        situation.Inventory.Functions[function].PhysicalFunction is { } pf
            ? attributes.FirstOrDefault(t =>
                t.PhysicalFunction == pf
                && t.When == AttributeTime.AfterVfs
                && IsFor(situation, t, function)
                && !new AttributeCase(situation, t).IsSet
            )
            : null;

    /// <summary>Puts files back that no policy wants written, the last one first.</summary>
    public static IEnumerable<Work> Release(Situation situation, GoingBack goingBack) =>
        goingBack.Attributes.Reverse().Select(o => Release(situation, goingBack, o));

    /// <summary>
    /// What is void when virtual functions go: files in their directories, what the interface had for them, and what was written to files
    /// that cannot be read, because it has to be written anew for those that come.
    /// </summary>
    public static IEnumerable<PlanStep> ForgetWith(Situation situation, PciAddress pf, ImmutableArray<PciAddress> vfs) =>
        situation
            .Input.Ownership.Attributes.Where(o =>
                (o.File.Device.AsPci == pf && (o.Original is null || o.File.Vf is not null))
                || (o.File.Device.AsPci is { } address && vfs.Contains(address))
            )
            .Select(o => (PlanStep)new JournalRecord.ForgetAttribute(o.File.Device, o.File.Name));

    /// <summary>Those that are due, of each purpose up to the first that is refused.</summary>
    private static IEnumerable<(AttributeCase Case, Ruling Ruling)> Judged(Situation situation, IEnumerable<AttributeTarget> attributes)
    {
        foreach (var ofPurpose in attributes.GroupBy(t => t.Purpose))
        {
            foreach (var it in ofPurpose.Select(t => new AttributeCase(situation, t)).Where(c => !c.IsSet))
            {
                if (!it.IsDue)
                    break;
                var ruling = AttributeChecks.All.Judge(it);
                yield return (it, ruling);
                if (ruling.Refuses)
                    break;
            }
        }
    }

    /// <summary>
    /// A function that is in service and must have no driver for it gets that back by a purpose of its own, whatever comes of the write:
    /// bad input loses nothing.
    /// </summary>
    private static IEnumerable<LaneStep> Set(AttributeCase it, Targets targets)
    {
        var (target, was, bound) = (it.Target, it.Reading!.Text, it.Bound);
        var record = new JournalRecord.RecordAttribute(
            target.File.Device,
            target.File.Name,
            was is null ? null : AttributeValue.ToWrite(was),
            target.Value,
            target.Policy.Uid
        );
        if (bound is not null)
            yield return Step(new PlanStep.Unbind(bound.Address, bound.Driver!, []));
        yield return Step(record);
        yield return Step(
            new PlanStep.SetAttribute(target.File, target.Value) { Was = was, Concerned = it.Changes ? [target.Subject] : [] }
        );
        if (bound is not null && targets.Functions.GetValueOrDefault(bound.Address) is { } taken)
            yield return new LaneStep(Purpose.Take(taken.UnitId), new PlanStep.Probe(bound.Address, bound.Driver) { Again = true });

        LaneStep Step(PlanStep step) => new(target.Purpose, step);
    }

    private static Work Release(Situation situation, GoingBack goingBack, OwnedAttribute owned)
    {
        var file = owned.File;
        var forget = new JournalRecord.ForgetAttribute(file.Device, file.Name);
        var subject = SubjectOf(situation, file);
        var purpose = Purpose.Set(subject?.Address ?? file.Device);
        if (subject is not { Address: var address } function)
            return Steps(forget);
        if (
            goingBack.VirtualFunctions.Contains(address)
            || situation.Unreadable(function) is not null
            || IsHeld(situation, goingBack, address)
        )
            return Steps();
        if (situation.Input.Attributes.GetValueOrDefault(file) is not { } reading)
            return Steps();
        if (owned.Original is not { } original || reading.IsAbsent || (reading.Text is { } text && !owned.IsOurs(text)))
            return Steps(forget);
        if (reading.Text is null)
            return Stays(Reasons.AttributeUnusable, $"{file} is to be \"{original}\" again, and it {reading.Complaint}");
        if (AttributeValue.Shows(reading.Text, original))
            return Steps(forget);
        if (situation.Input.Setbacks.GetValueOrDefault(purpose) is { } setback)
            return Stays(setback.Reason, setback.Message);
        if (file.Vf is null)
            return Steps(new PlanStep.SetAttribute(file, original) { Was = reading.Text, Restores = true }, forget);
        var users = situation.Input.Usage.UsersOf(address);
        return users.IsEmpty
            ? Steps(
                new PlanStep.SetAttribute(file, original)
                {
                    Was = reading.Text,
                    Restores = true,
                    Concerned = [address],
                },
                forget
            )
            : Stays(
                Reasons.InUse,
                $"{file} is \"{original}\" again as soon as {address} is let go; in use: "
                    + string.Join(", ", users.Select(u => u.Description))
            );

        Work Steps(params ReadOnlySpan<PlanStep> steps)
        {
            var lane = ImmutableArray.CreateBuilder<LaneStep>(steps.Length);
            foreach (var step in steps)
                lane.Add(new LaneStep(purpose, step));
            return new Work(file.Device, lane.ToImmutable());
        }

        Work Stays(Reason reason, string message) =>
            new(file.Device, [])
            {
                Findings = [new Finding(null, file.Device.ToString(), FindingState.Releasing, reason, message, owned.PolicyUid)],
            };
    }

    /// <summary>The function that a file is a setting of; null when it is gone.</summary>
    private static PciFunction? SubjectOf(Situation situation, AttributeFile file)
    {
        if (file.Device.AsPci is not { } address || !situation.Inventory.Functions.TryGetValue(address, out var function))
            return null;
        if (file.Vf is not { } vf)
            return function;
        return function.Sriov is { } sriov && sriov.VirtualFunctions.TryGetValue(vf, out var its)
            ? situation.Inventory.Functions.GetValueOrDefault(its)
            : null;
    }

    /// <summary>What a VM has was divided so: it stays until that goes back, which waits for the same users and says so.</summary>
    private static bool IsHeld(Situation situation, GoingBack goingBack, PciAddress address) =>
        goingBack
            .PhysicalFunctions.Where(o => o.Address == address)
            .SelectMany(o => VfSteps.RemovedBy(situation, o))
            .Concat(goingBack.Functions.Where(o => o.Address == address).Select(o => (DeviceId)o.Address))
            .Any(d => !situation.Input.Usage.UsersOf(d).IsEmpty);

    /// <summary>The physical function's own are for all its virtual functions, as far as they are not one's.</summary>
    private static bool IsFor(Situation situation, AttributeTarget target, PciAddress vf) =>
        target.File.Device.AsPci == vf
        || (
            target.File.Device.AsPci == target.PhysicalFunction
            && (target.Vf is null || target.Vf == situation.Inventory.Functions[vf].VfIndex)
        );
}
