using Hostdev.Crds.Kinds;

namespace Hostdev.Planning.Mdev;

/// <summary>Mediated devices of one type on the cards that a profile names: each is a unit.</summary>
internal static class MdevPlanner
{
    public static PolicyWishes WishesOf(Situation situation, DesiredPolicy.OfMdevProfile policy)
    {
        var cards = MdevCard.MeantBy(situation, policy.Spec.Parents).Select(c => new CardCase(situation, policy, c)).ToList();
        var judged = cards.Select(c => (Card: c, Ruling: CardChecks.All.Judge(c))).ToList();
        var slots = judged.Where(j => !j.Ruling.Refuses).Select(j => MdevSlots.On(j.Card)).ToList();
        return new PolicyWishes
        {
            Matched = judged.Where(j => j.Ruling.Refuses).Sum(j => j.Card.Named ?? 1) + slots.Sum(s => s.Matched),
            Hint = cards.Count == 0 ? Hint(situation) : slots.Select(s => s.Full).FirstOrDefault(f => f is not null),
            Findings = [.. judged.SelectMany(j => j.Ruling.Findings), .. slots.Select(s => s.NoRoom).OfType<Finding>()],
            Missing = slots.Sum(s => s.Missing),
            Wishes = [.. slots.SelectMany(s => s.Slots).Select(s => WishFor(situation, policy, s))],
        };
    }

    private static Wish WishFor(Situation situation, DesiredPolicy.OfMdevProfile policy, MdevSlot slot)
    {
        var target = new MdevTarget(slot.Uuid, slot.Parent, slot.TypeId, policy.Identity.Uid)
        {
            Attributes = policy.Spec.Instances.Attributes ?? [],
        };
        var it = new SlotCase(situation, policy.Identity, slot, target);
        var isOnDemand = policy.Spec.Instances.Mode == MdevMode.OnDemand;
        var unit = new Unit
        {
            Id = slot.Uuid,
            Resource = policy.Spec.ResourceName,
            Policy = policy.Identity,
            Handout = new Handout.MediatedDevice { Uuid = slot.Uuid, TypeId = slot.TypeId },
            DeviceFile = policy.Spec.DeviceFile,
            OnAllocate = isOnDemand ? MdevSteps.OnAllocate(situation, target, slot.NoRoom) : null,
        };
        return new Wish
        {
            Policy = policy.Identity,
            Device = slot.Uuid,
            What = $"{slot.Parent.Name}, which {slot.Uuid} is made on,",
            Ruling = SlotChecks.All.Judge(it),
            Claims = [slot.Uuid],
            StandsOn = slot.Parent.PciAddress is { } address ? [address] : [],
            Granted = isOnDemand
                ? new Targets { Units = [unit], OnAllocate = [slot.Uuid] }
                : new Targets { Units = [unit], Mdevs = Targets.None.Mdevs.Add(slot.Uuid, target) },
        };
    }

    /// <summary>What parents there are, for a profile that names none of them.</summary>
    private static string Hint(Situation situation)
    {
        var there = situation.Inventory.MdevParents.Select(p => p.Name).ToList();
        return there.Count == 0
            ? ": no driver of this node makes mediated devices (/sys/class/mdev_bus is empty or not there)"
            : $": mediated devices can be made on {string.Join(", ", there)}";
    }
}
