using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Mdev;

/// <summary>Mediated devices of one type on the cards that a profile names: each is a unit.</summary>
internal static class MdevPlanner
{
    public static PolicyWishes WishesOf(Situation situation, DesiredPolicy.OfMdevProfile policy)
    {
        var meant = MdevCard.MeantBy(situation, policy.Spec);
        var isMixed = meant.Any(c => !c.IsVendorVfio);
        var cards = meant.Select(c => new CardCase(situation, policy, c) { IsBesideMdevs = isMixed && c.IsVendorVfio }).ToList();
        var judged = cards.Select(c => (Card: c, Ruling: CardChecks.All.Judge(c))).ToList();
        var slots = judged.Where(j => !j.Ruling.Refuses).Select(j => MdevSlots.On(j.Card)).ToList();
        return new PolicyWishes
        {
            Matched = judged.Sum(j => Math.Max(1, j.Card.Wanted)),
            Hint = cards.Count == 0 ? Hint(situation) : null,
            Findings = [.. judged.SelectMany(j => j.Ruling.Findings), .. slots.Select(s => s.NoRoom).OfType<Finding>()],
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
            Ruling = SlotChecks.All.Judge(new SlotCase(situation, policy.Identity, slot, policy.Spec.AcceptRisks ?? [])),
            Claims = [slot.Id],
        };
        return slot.Id is DeviceId.OfMdev(var uuid)
            ? OfMdev(wish, situation, policy, slot, uuid)
            : OfVirtualFunction(wish, situation, policy, slot, situation.Inventory.Functions[slot.Id.AsPci!.Value]);
    }

    private static Wish OfMdev(Wish wish, Situation situation, DesiredPolicy.OfMdevProfile policy, MdevSlot slot, MdevUuid uuid)
    {
        var target = new MdevTarget(uuid, slot.Parent, slot.TypeId, policy.Identity.Uid);
        var unit = UnitOf(policy, slot, new Handout.MediatedDevice { Uuid = uuid, TypeId = slot.TypeId });
        return wish with
        {
            What = $"{slot.Parent.Name}, which {uuid} is made on,",
            StandsOn = slot.Parent.PciAddress is { } address ? [address] : [],
            Granted = IsOnDemand(policy)
                ? OnDemand(unit, MdevSteps.OnAllocate(situation, slot, MdevSteps.StepsOf(situation, target)))
                : new Targets { Units = [unit], Mdevs = Targets.None.Mdevs.Add(uuid, target) },
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
            Granted = IsOnDemand(policy)
                ? OnDemand(unit, MdevSteps.OnAllocate(situation, slot, [VgpuSteps.StepOf(target)]))
                : new Targets { Units = [unit], Vgpus = Targets.None.Vgpus.Add(function.Address, target) },
        };
    }

    private static bool IsOnDemand(DesiredPolicy.OfMdevProfile policy) => policy.Spec.Instances.Mode == MdevMode.OnDemand;

    private static Targets OnDemand(Unit unit, OnAllocate late) =>
        new() { Units = [unit with { OnAllocate = late }], OnAllocate = [unit.Id] };

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
