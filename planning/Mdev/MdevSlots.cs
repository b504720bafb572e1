using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Mdev;

/// <summary>One mediated device that a profile wants on a card, there or still to be made.</summary>
/// <param name="NoRoom">Why it cannot be made now; null when it can, or is there.</param>
internal sealed record MdevSlot(MdevUuid Uuid, MdevParent Parent, string TypeId, string? NoRoom = null);

/// <summary>What a profile gets of one card: the devices that are there, and as many more as there is room for.</summary>
/// <param name="Missing">How many there is no room for.</param>
/// <param name="NoRoom">Says so, and who has the room; null when all have theirs.</param>
internal sealed record MdevSlots(ImmutableArray<MdevSlot> Slots, int Missing, Finding? NoRoom)
{
    /// <summary>How many devices the policy counts here.</summary>
    public required int Matched { get; init; }

    /// <summary>Where none can be made and none need be: why there is none, going on after "matches no device of this node".</summary>
    public string? Full { get; init; }

    public static MdevSlots On(CardCase it)
    {
        var room = it.Makers.ToDictionary(m => m.Parent.Name, m => m.Type.AvailableInstances, StringComparer.Ordinal);
        var slots = ImmutableArray.CreateBuilder<MdevSlot>();
        var missing = 0;
        foreach (var uuid in Enumerable.Range(0, it.Wanted).Select(i => UuidOf(it, i)))
        {
            var maker = MakerOf(it, uuid, room);
            if (maker is { } found)
                slots.Add(new MdevSlot(uuid, found.Parent, found.Type.Id));
            else if (it.IsOnDemand)
                slots.Add(new MdevSlot(uuid, it.Makers[0].Parent, it.Makers[0].Type.Id, NoRoomFor(it, uuid)));
            else if (!it.TakesRoom)
                missing++;
        }

        return new MdevSlots(slots.ToImmutable(), missing, missing == 0 ? null : SayNoRoom(it, missing))
        {
            Matched = it.Named ?? slots.Count,
            Full =
                it.TakesRoom && slots.Count == 0
                    ? $": {it.Card.Name} has no room for one of type {it.TypeInWords} now, {WhoHasIt(it)}"
                    : null,
        };
    }

    /// <summary>
    /// By what does not change while the card stays: not by the node's name, which may, nor by the virtual function that happens to have
    /// room.
    /// </summary>
    private static MdevUuid UuidOf(CardCase it, int index) =>
        MdevUuid.Made(it.Policy.Identity.Uid, it.Card.Name, it.Makers[0].Type.Id, index.ToString(CultureInfo.InvariantCulture));

    /// <summary>Where it is, else the first with room left, which it takes.</summary>
    private static (MdevParent Parent, MdevType Type)? MakerOf(CardCase it, MdevUuid uuid, Dictionary<string, int> room)
    {
        if (it.Situation.Inventory.Mdev(uuid) is { } there)
            return it.Makers.Select(m => ((MdevParent, MdevType)?)m).FirstOrDefault(m => m!.Value.Item1.Name == there.Parent);
        foreach (var maker in it.Makers)
        {
            if (room[maker.Parent.Name] < 1)
                continue;
            room[maker.Parent.Name]--;
            return maker;
        }

        return null;
    }

    private static string NoRoomFor(CardCase it, MdevUuid uuid) =>
        $"{it.Card.Name} has no room for {uuid} now, {WhoHasIt(it)}: it can be made when some of those are gone";

    private static Finding SayNoRoom(CardCase it, int missing) =>
        it.Say(
            FindingState.Waiting,
            Reasons.NoRoom,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{it.Card.Name} has no room for {missing} of the {it.Wanted} devices of type {it.TypeInWords}, {WhoHasIt(it)}: "
            ) + "remove some of those, or ask for fewer; what there is room for is offered"
        );

    private static string WhoHasIt(CardCase it)
    {
        var parents = it.Card.Parents.Select(p => p.Name).ToHashSet(StringComparer.Ordinal);
        var there = it.Situation.Inventory.Mdevs.Where(m => parents.Contains(m.Parent)).ToList();
        var names = it.Situation.Input.Policies.ToDictionary(p => p.Identity.Uid, p => p.Identity.ToString(), StringComparer.Ordinal);
        var owners = there
            .GroupBy(m => (m.TypeId, Owner: OwnerOf(it, m, names)))
            .OrderBy(g => g.Key.Owner, StringComparer.Ordinal)
            .ThenBy(g => g.Key.TypeId, StringComparer.Ordinal)
            .Select(g => string.Create(CultureInfo.InvariantCulture, $"{g.Count()} of type {g.Key.TypeId} {g.Key.Owner}"))
            .ToList();
        return owners.Count == 0
            ? "and it has no mediated device, so its driver or firmware holds the room back"
            : $"and it has {string.Join(", ", owners)}";
    }

    private static string OwnerOf(CardCase it, MdevDevice mdev, Dictionary<string, string> names) =>
        !mdev.Uuid.IsHostdevs ? $"that Hostdev did not make ({mdev.Uuid})"
        : it.Situation.Input.Ownership.Mdevs.GetValueOrDefault(mdev.Uuid) is { } owned
        && names.GetValueOrDefault(owned.PolicyUid) is { } name
            ? $"for {name}"
        : "that Hostdev made before";
}
