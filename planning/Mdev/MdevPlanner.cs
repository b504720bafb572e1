using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Mdev;

/// <summary>Mediated devices of one type on the cards that a profile names: each is a unit.</summary>
internal static class MdevPlanner
{
    public static PolicyWishes WishesOf(Situation situation, DesiredPolicy.OfMdevProfile policy)
    {
        var cards = MdevCard.MeantBy(situation, policy.Spec).Select(c => new CardCase(situation, policy, c)).ToList();
        var judged = cards.Select(c => (Card: c, Ruling: CardChecks.All.Judge(c))).ToList();
        var slots = judged.Where(j => !j.Ruling.Refuses).Select(j => MdevSlots.On(j.Card)).ToList();
        return new PolicyWishes
        {
            Matched = judged.Where(j => j.Ruling.Refuses).Sum(j => j.Card.Named ?? 1) + slots.Sum(s => s.Matched),
            Hint = cards.Count == 0 ? Hint(situation) : slots.Select(s => s.Full).FirstOrDefault(f => f is not null),
            Findings = [.. judged.SelectMany(j => j.Ruling.Findings), .. slots.Select(s => s.NoRoom).OfType<Finding>()],
            Behind = () => [.. judged.SelectMany(j => j.Ruling.Behind())],
            Missing = slots.Sum(s => s.Missing),
            AsksForRoom = slots.Any(s => s.AsksForRoom),
            Wishes = [.. slots.SelectMany(s => s.Slots).Select(s => WishFor(situation, policy, s))],
        };
    }

    private static Wish WishFor(Situation situation, DesiredPolicy.OfMdevProfile policy, MdevSlot slot)
    {
        var wish = new Wish
        {
            Policy = policy.Identity,
            Device = slot.Id,
            Ruling = SlotChecks.All.Judge(new SlotCase(situation, policy, slot)),
            Claims = [slot.Id],
        };
        return slot.Id is DeviceId.OfMdev(var uuid)
            ? OfMdev(wish, situation, policy, slot, uuid)
            : OfVirtualFunction(wish, situation, policy, slot, situation.Inventory.Functions[slot.Id.AsPci!.Value]);
    }

    private static Wish OfMdev(Wish wish, Situation situation, DesiredPolicy.OfMdevProfile policy, MdevSlot slot, MdevUuid uuid)
    {
        var target = MdevTarget.Of(policy, slot, uuid);
        var unit = UnitOf(policy, slot, new Handout.MediatedDevice { Uuid = uuid, TypeId = slot.TypeId });
        return wish with
        {
            What = $"{slot.Parent.Name}, which {uuid} is made on,",
            StandsOn = slot.Parent.PciAddress is { } address ? [address] : [],
            Granted = Granted(situation, policy, slot, unit, MdevSteps.StepsOf(situation, target)) with
            {
                Mdevs = IsWanted(situation, policy, slot) ? Targets.None.Mdevs.Add(uuid, target) : Targets.None.Mdevs,
            },
        };
    }

    private static Wish OfVirtualFunction(
        Wish wish,
        Situation situation,
        DesiredPolicy.OfMdevProfile policy,
        MdevSlot slot,
        PciFunction function
    )
    {
        var card = function.PhysicalFunction!.Value.ToString();
        var target = new VgpuTarget(function.Address, card, slot.TypeId, slot.TypeName, policy.Identity.Uid);
        var unit = UnitOf(
            policy,
            slot,
            new Handout.TypedFunction { Function = new UnitMember(function.Address, function.Driver ?? ""), TypeId = slot.TypeId }
        );
        return wish with
        {
            Granted = Granted(situation, policy, slot, unit, [VgpuSteps.StepOf(target)]) with
            {
                Vgpus = IsWanted(situation, policy, slot) ? Targets.None.Vgpus.Add(function.Address, target) : Targets.None.Vgpus,
            },
        };
    }

    private static bool IsOnDemand(DesiredPolicy.OfMdevProfile policy) => policy.Spec.Instances.Mode == MdevMode.OnDemand;

    /// <summary>
    /// Whether it is to be there whoever comes. What a pod has, it has whatever another hand does: it is made again like one that is always
    /// there.
    /// </summary>
    private static bool IsWanted(Situation situation, DesiredPolicy.OfMdevProfile policy, MdevSlot slot) =>
        !IsOnDemand(policy) || situation.Input.Given.Contains(slot.Id);

    private static Targets Granted(
        Situation situation,
        DesiredPolicy.OfMdevProfile policy,
        MdevSlot slot,
        Unit unit,
        IEnumerable<PlanStep> steps
    ) =>
        IsOnDemand(policy)
            ? new Targets
            {
                Units = [unit with { OnAllocate = MdevSteps.OnAllocate(situation, slot, unit.Handout.Drivers, steps) }],
                OnAllocate = [unit.Id],
            }
            : new Targets { Units = [unit] };

    private static Unit UnitOf(DesiredPolicy.OfMdevProfile policy, MdevSlot slot, Handout handout) =>
        new()
        {
            Id = slot.Id,
            Resource = policy.Spec.ResourceName,
            Policy = policy.Identity,
            Handout = handout,
            DeviceFile = policy.Spec.DeviceFile,
        };

    /// <summary>What parents there are, for a profile that names none of them.</summary>
    private static string Hint(Situation situation)
    {
        var typed = situation.Inventory.Functions.Values.Where(f => f.Vgpu is not null).Select(f => f.PhysicalFunction!.Value.ToString());
        var there = situation.Inventory.MdevParents.Select(p => p.Name).Concat(typed.Distinct(StringComparer.Ordinal)).ToList();
        return there.Count == 0
            ? ": no driver of this node makes mediated devices (/sys/class/mdev_bus is empty or not there), and no virtual "
                + "function can be given a type of vGPU"
            : $": devices of types can be made on {string.Join(", ", there)}";
    }
}
