using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Mdev;

/// <summary>One device of its type that a profile wants on a card, there or still to be made.</summary>
/// <param name="Id">The mediated device; with vendor VFIO the virtual function that is given the type.</param>
/// <param name="NoRoom">Why it cannot be made now; null when it can, or is there.</param>
internal sealed record MdevSlot(DeviceId Id, MdevParent Parent, string TypeId, bool IsThere, string? NoRoom = null)
{
    public string? TypeName { get; init; }
}

/// <summary>What a profile gets of one card: the devices that are there, and as many more as there is room for.</summary>
/// <param name="Missing">How many there is no room for.</param>
/// <param name="NoRoom">Says so, and who has the room; null when all have theirs.</param>
internal sealed record MdevSlots(ImmutableArray<MdevSlot> Slots, int Missing, Finding? NoRoom)
{
    /// <summary>Room that comes and goes without an event matters for it.</summary>
    public bool AsksForRoom { get; init; }

    public static MdevSlots On(CardCase it) => it.Card.IsVendorVfio ? OfVirtualFunctions(it) : OfMdevs(it);

    private static MdevSlots OfMdevs(CardCase it)
    {
        var room = it.Makers.ToDictionary(m => m.Parent.Name, m => m.Type.AvailableInstances, StringComparer.Ordinal);
        var slots = ImmutableArray.CreateBuilder<MdevSlot>();
        foreach (var uuid in Enumerable.Range(0, it.Wanted).Select(i => UuidOf(it, i)))
        {
            var isThere = it.Situation.Inventory.Mdev(uuid) is not null;
            var maker = MakerOf(it, uuid, room);
            if (maker is { } found)
                slots.Add(new MdevSlot(uuid, found.Parent, found.Type.Id, isThere));
            else if (it.IsOnDemand)
                slots.Add(new MdevSlot(uuid, it.Makers[0].Parent, it.Makers[0].Type.Id, isThere, NoRoomFor(it, uuid)));
        }

        return Of(it, slots.ToImmutable());
    }

    /// <summary>
    /// A type that a virtual function does not list now has no room. How much room there is no file says: more than one is tried, and the
    /// next look tells what is left.
    /// </summary>
    private static MdevSlots OfVirtualFunctions(CardCase it)
    {
        var slots = ImmutableArray.CreateBuilder<MdevSlot>();
        var type = VgpuSteps.TypeOf(it);
        foreach (var function in it.Situation.VgpuShares.For(it))
        {
            var parent = it.Card.Parents.First(p => p.PciAddress == function.Address);
            var isThere = VgpuSteps.IsThere(it.Situation, function, it);
            if (type is { } known && (isThere || it.IsOnDemand || it.Makers.Any(m => m.Parent == parent)))
            {
                var noRoom = isThere || it.Makers.Any(m => m.Parent == parent) ? null : NoRoomFor(it, function.Address);
                slots.Add(new MdevSlot(function.Address, parent, known.Id, isThere, noRoom) { TypeName = known.Name });
            }
        }

        var all = Of(it, slots.ToImmutable());
        return all with { AsksForRoom = all.Missing > 0 || all.Slots.Any(s => !s.IsThere) };
    }

    private static MdevSlots Of(CardCase it, ImmutableArray<MdevSlot> slots)
    {
        var missing = it.Wanted - slots.Length;
        return new MdevSlots(slots, missing, missing == 0 ? null : SayNoRoom(it, missing));
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

    private static string NoRoomFor(CardCase it, DeviceId slot) =>
        $"{it.Card.Name} has no room for {slot} now, {WhoHasIt(it)}: it can be made when some of those are gone";

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
        var owners = (it.Card.IsVendorVfio ? OwnersOfVfs(it) : OwnersOfMdevs(it))
            .GroupBy(o => o)
            .OrderBy(g => g.Key.Owner, StringComparer.Ordinal)
            .ThenBy(g => g.Key.TypeId, StringComparer.Ordinal)
            .Select(g => string.Create(CultureInfo.InvariantCulture, $"{g.Count()} of type {g.Key.TypeId} {g.Key.Owner}"))
            .ToList();
        var has =
            owners.Count > 0 ? $"and it has {string.Join(", ", owners)}"
            : it.Card.IsVendorVfio ? "and none of them has a type, so its driver or firmware holds the room back"
            : "and it has no mediated device, so its driver or firmware holds the room back";
        return it.Card.IsVendorVfio
            ? string.Create(CultureInfo.InvariantCulture, $"on its {it.Card.Parents.Length} virtual functions, {has}")
            : has;
    }

    private static IEnumerable<(string TypeId, string Owner)> OwnersOfMdevs(CardCase it)
    {
        var parents = it.Card.Parents.Select(p => p.Name).ToHashSet(StringComparer.Ordinal);
        return it
            .Situation.Inventory.Mdevs.Where(m => parents.Contains(m.Parent))
            .Select(m =>
                (
                    m.TypeId,
                    !m.Uuid.IsHostdevs
                        ? ByOthers(m.Uuid)
                        : ByUs(it, it.Situation.Input.Ownership.Mdevs.GetValueOrDefault(m.Uuid)?.PolicyUid)
                )
            );
    }

    private static IEnumerable<(string TypeId, string Owner)> OwnersOfVfs(CardCase it) =>
        it
            .VirtualFunctions.Where(f => f.Vgpu!.TypeId is not null)
            .Select(f =>
                (
                    f.Vgpu!.TypeId!,
                    VgpuSteps.Ours(it.Situation).FirstOrDefault(o => o.Address == f.Address && o.TypeId == f.Vgpu.TypeId) is { } owned
                        ? ByUs(it, owned.PolicyUid)
                        : ByOthers(f.Address)
                )
            );

    private static string ByOthers(DeviceId device) => $"that Hostdev did not make ({device})";

    private static string ByUs(CardCase it, string? policyUid) =>
        it.Situation.Input.Policies.FirstOrDefault(p => p.Identity.Uid == policyUid) is { } policy
            ? $"for {policy.Identity}"
            : "that Hostdev made before";
}
