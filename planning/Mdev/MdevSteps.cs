using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Mdev;

/// <summary>Making mediated devices, and removing them.</summary>
internal static class MdevSteps
{
    /// <summary>What we made: by the journal, or, where it is lost, by what our UUIDs begin with.</summary>
    public static IEnumerable<OwnedMdev> Ours(Situation situation)
    {
        var owned = situation.Input.Ownership.Mdevs;
        return owned.Values.Concat(
            situation
                .Inventory.Mdevs.Where(m => m.Uuid.IsHostdevs && !owned.ContainsKey(m.Uuid))
                .Select(m => new OwnedMdev(m.Uuid, m.Parent, m.TypeId, ""))
        );
    }

    /// <summary>
    /// Those that are not there. Types of one parent compete for its room, and what one takes of another's is known when it is made: so
    /// one type is made on a parent at a time, in the order of policies.
    /// </summary>
    public static IEnumerable<Work> Create(Situation situation, Targets targets)
    {
        var begun = new Dictionary<string, string>(StringComparer.Ordinal);
        var wanted = targets.Units.Select(u => targets.Mdevs.GetValueOrDefault(u.Id)).OfType<MdevTarget>();
        foreach (var target in wanted.Where(t => situation.Inventory.Mdev(t.Uuid) is null))
        {
            begun.TryAdd(target.Parent.Name, target.TypeId);
            if (begun[target.Parent.Name] == target.TypeId)
                yield return Create(situation, target);
        }
    }

    private static Work Create(Situation situation, MdevTarget target) =>
        new(LaneOf(target.Parent, target.Uuid), [.. StepsOf(situation, target).Select(s => new LaneStep(Purpose.Take(target.Uuid), s))]);

    public static List<PlanStep> StepsOf(Situation situation, MdevTarget target)
    {
        List<PlanStep> steps = [];
        var owned = situation.Input.Ownership.Mdevs.GetValueOrDefault(target.Uuid);
        if (owned is not null && owned.Parent != target.Parent.Name)
            steps.Add(new JournalRecord.ForgetMdev(target.Uuid));
        if (owned is null || steps.Count > 0)
            steps.Add(new JournalRecord.RecordMdev(target.Uuid, target.Parent.Name, target.TypeId, target.PolicyUid));
        steps.Add(new PlanStep.CreateMdev(target.Uuid, target.Parent.Name, target.TypeId));
        return steps;
    }

    /// <summary>Makes one for whoever is given it.</summary>
    public static OnAllocate OnAllocate(Situation situation, MdevSlot slot, ImmutableArray<BoundDevice> brings, IEnumerable<PlanStep> steps)
    {
        if (slot.IsThere)
            return new OnAllocate(brings, []);
        var obstacle =
            situation.Input.Halt is { } halt ? new Obstacle(halt.Reason, halt.Message)
            : slot.NoRoom is not null ? new Obstacle(Reasons.NoRoom, slot.NoRoom)
            : null;
        return new OnAllocate(brings, obstacle is null ? [.. steps] : [], obstacle);
    }

    /// <summary>Removes one that nobody wants, as soon as nobody has it.</summary>
    public static Work Release(Situation situation, Targets targets, OwnedMdev owned)
    {
        var purpose = Purpose.Release(owned.Uuid);
        var forget = new LaneStep(purpose, new JournalRecord.ForgetMdev(owned.Uuid));
        if (situation.Inventory.Mdev(owned.Uuid) is null)
            return new Work(owned.Uuid, [forget]);
        var isParentThere = situation.Inventory.MdevParents.Any(p => p.Name == situation.Inventory.Mdev(owned.Uuid)!.Parent);
        var ruling = MdevReleaseChecks.All.Judge(
            new MdevReleaseCase(situation, targets, owned.Uuid, owned.PolicyUid)
            {
                Unreadable = isParentThere
                    ? null
                    : $"{owned.Uuid} is left as it is, because its parent {owned.Parent} cannot be read or is not in /sys/class/mdev_bus: "
                        + "look at dmesg",
                Ends = $"{owned.Uuid} is removed",
            }
        );
        return ruling.Refuses
            ? new Work(owned.Uuid, []) { Findings = ruling.Findings }
            : new Work(owned.Uuid, [new LaneStep(purpose, new PlanStep.RemoveMdev(owned.Uuid)), forget]);
    }

    /// <summary>What is done to the parent meanwhile is done before or after it.</summary>
    private static DeviceId LaneOf(MdevParent parent, MdevUuid uuid) => parent.PciAddress is { } address ? address : uuid;
}
