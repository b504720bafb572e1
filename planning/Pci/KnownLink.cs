using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>The widest link that a card was seen with in a slot, over boots.</summary>
/// <param name="Ids"><c>vendor:device</c>: another card in the slot is judged by what it shows itself.</param>
/// <param name="Width">Lanes.</param>
public sealed record KnownLink(string Ids, int Width)
{
    /// <summary>
    /// What is known after a reading: what it shows of cards that were not known, or have more lanes now. What it does not show stays.
    /// </summary>
    public static ImmutableSortedDictionary<DeviceId, KnownLink> After(
        ImmutableSortedDictionary<DeviceId, KnownLink> known,
        HostInventory inventory
    ) =>
        known.SetItems(
            from function in inventory.Functions.Values
            where function is { LinkWidth: not null, IsBridge: false, Unreadable.IsEmpty: true }
            let shown = new KnownLink(IdsOf(function), function.LinkWidth!.Value)
            where !(known.GetValueOrDefault(function.Address) is { } link && link.Ids == shown.Ids && link.Width >= shown.Width)
            select KeyValuePair.Create((DeviceId)function.Address, shown)
        );

    /// <summary>
    /// Cards of policies whose links have fewer lanes than they had. An idle card lowers the speed of its link and not its width, so the
    /// width alone tells. Functions of one slot share a link: it is said of the first; of virtual functions, of the physical one.
    /// </summary>
    internal static IEnumerable<Finding> Findings(PlanningInput input, ImmutableArray<Unit> units)
    {
        var cards =
            from unit in units
            from member in unit.Functions()
            let function = input.Inventory.Functions.GetValueOrDefault(member.Address)
            let card = function?.PhysicalFunction is { } pf ? input.Inventory.Functions.GetValueOrDefault(pf) : function
            where card is not null
            select (unit.Policy, Card: card);
        foreach (var (policy, card) in cards.OrderBy(c => c.Card.Address).DistinctBy(c => (c.Policy, c.Card.Address.SlotName)))
        {
            if (
                card.LinkWidth is not { } now
                || input.Links.GetValueOrDefault(card.Address) is not { } before
                || before.Ids != IdsOf(card)
                || before.Width <= now
            )
                continue;
            yield return new Finding(
                policy,
                card.Address.ToString(),
                FindingState.Noticed,
                Reasons.LinkNarrower,
                $"{card.Address} has a PCIe link of x{now}, and had x{before.Width} before: it is given out, and is slower. Reseat the "
                    + "card, exchange its riser or cable, and look at the slot's width (bifurcation) in the firmware; where it is "
                    + "meant to be so, remove links.json from the agent's state directory, and restart the agent"
            );
        }
    }

    private static string IdsOf(PciFunction function) => $"{function.Vendor}:{function.Device}";
}
