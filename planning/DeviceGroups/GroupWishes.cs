using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Planning.DeviceGroups;

/// <summary>
/// What a policy wishes that has devices in groups: which go together is known only when it is known which of them others have.
/// </summary>
/// <param name="Given">What each unit has that somebody has.</param>
internal sealed record GroupWishes(
    PolicyIdentity Policy,
    DeviceGroup Group,
    ImmutableArray<Piece> Pieces,
    ImmutableDictionary<DeviceId, ImmutableArray<DeviceId>> Given
)
{
    private ImmutableArray<int> Needs => [.. Group.Members.Select(m => m.Count ?? 1)];

    private Nearness Within => Group.Within ?? Nearness.NumaNode;

    /// <summary>
    /// One wish for each group, then those for pieces that would make more groups if they could be had, which say why they cannot, then
    /// what is said of all others.
    /// </summary>
    /// <param name="isFree">Whether no policy of precedence has anything of what a wish claims.</param>
    public IEnumerable<Wish> Compose(Func<Wish, bool> isFree)
    {
        var free = Pieces.Where(p => !p.Wish.Ruling.Refuses && p.Unit is not null && isFree(p.Wish)).ToHashSet();
        var standing = Standing(free);
        var kept = standing.SelectMany(g => g).ToHashSet();
        var withPods = free.Where(p => !kept.Contains(p) && HolderOf(p) is not null).ToHashSet();
        var made = Make(free.Where(p => !kept.Contains(p) && !withPods.Contains(p)));
        var used = made.SelectMany(g => g).Concat(kept).ToHashSet();
        var rest = Pieces.Where(p => !used.Contains(p)).ToList();
        // With what cannot be had now: these are the ones whose obstacles matter.
        var possible = new GroupComposer(Needs, Within, rest.Where(p => !withPods.Contains(p))).Compose();
        var lacking = possible.SelectMany(g => g).Where(p => !free.Contains(p)).ToHashSet();
        return
        [
            .. standing.Concat(made).OrderBy(g => g[0].Device).Select(g => GroupUnit.WishFor(Group, g)),
            .. rest.Where(lacking.Contains).Select(p => isFree(p.Wish) ? OfLacking(p) : p.Wish),
            .. rest.Where(p => !lacking.Contains(p)).Select(Left),
        ];

        Wish Left(Piece piece)
        {
            if (withPods.Contains(piece))
                return OfLeft(piece, WithPod(piece), isUseAsked: false);
            var missing = possible.Where(g => g.Contains(piece)).SelectMany(g => g).Where(lacking.Contains).ToList();
            // Were it used, that would be said of it too.
            return OfLeft(piece, LeftOver(piece, [.. missing.Select(p => p.Device.ToString())]), isUseAsked: missing.Count > 0);
        }
    }

    /// <summary>
    /// Of what is in force first, so that nothing comes and goes because another could be had for a moment; then of what a pod would get
    /// now; then of all.
    /// </summary>
    private List<ImmutableArray<Piece>> Make(IEnumerable<Piece> pieces)
    {
        var left = pieces.ToHashSet();
        List<ImmutableArray<Piece>> made = [];
        foreach (
            var isMeant in (ImmutableArray<Func<Piece, bool>>)[p => p is { IsInForce: true, IsClear: true }, p => p.IsClear, _ => true]
        )
        {
            made.AddRange(new GroupComposer(Needs, Within, left.Where(isMeant)).Compose());
            left.ExceptWith(made.SelectMany(g => g));
        }

        return made;
    }

    /// <summary>What each group is made of, and how much of it is there: goes on after "matches no device of this node".</summary>
    public string Hint =>
        $" in groups of {Listed(Needs)} within {Words(Within)}: there {(Total().Sum() == 1 ? "is" : "are")} {Listed(Total())}";

    /// <summary>
    /// Groups that pods have, or had before the boot, as far as all of it is still to be had, and still what is asked for.
    /// </summary>
    private List<ImmutableArray<Piece>> Standing(HashSet<Piece> free) =>
        [
            .. Given
                .OrderBy(g => g.Key)
                .Select(g => (g.Key, Pieces: GroupComposer.InOrder(free.Where(p => p.Unit!.Claims.All(g.Value.Contains)))))
                .Where(g => g.Pieces is [var first, ..] && first.Unit!.Id == g.Key && GroupComposer.AreOne(Needs, g.Pieces))
                .Select(g => g.Pieces),
        ];

    /// <summary>The unit that somebody has it with.</summary>
    private DeviceId? HolderOf(Piece piece) =>
        Given.Where(g => piece.Wish.Claims.Any(g.Value.Contains)).Select(g => g.Key).Order().FirstOrDefault();

    /// <summary>
    /// It says what is in the way of it and has nothing: were it kept from policies after this one, they would give it back, it could be
    /// had then, be in no group all the same, and go to them again.
    /// </summary>
    private static Wish OfLacking(Piece piece) =>
        piece.Wish with
        {
            Claims = [],
            StandsOn = [],
            Granted = new Targets { Awaited = piece.Wish.Granted.Awaited },
        };

    private static Wish OfLeft(Piece piece, Finding finding, bool isUseAsked) =>
        piece.Wish with
        {
            Claims = [],
            StandsOn = [],
            Granted = Targets.None,
            Behind = () => [],
            Ruling = new Ruling([], null, isUseAsked || piece.Wish.Ruling.AsksWhoUses),
            Findings = [finding],
        };

    private Finding WithPod(Piece piece) =>
        new(
            Policy,
            piece.Device.ToString(),
            FindingState.Waiting,
            Reasons.StillHeld,
            $"{piece.Device} is with a pod as a part of {HolderOf(piece)}, which is no group that is asked for now: it is put into another "
                + "when that pod is gone"
        );

    /// <param name="missing">With which it would be in a group, if they could be had.</param>
    private Finding LeftOver(Piece piece, ImmutableArray<string> missing)
    {
        var why =
            Lately(piece) is { } failed ? failed.Message
            : missing.Length > 0 ? $"it would be in a group with {string.Join(", ", missing)}, of which is said why it cannot be had"
            : Enumerable.Range(0, Needs.Length).Any(m => piece.Counts[m] > Needs[m])
                ? $"its IOMMU group has {Listed(piece.Counts)} that are only had together, and a group has {Listed(Needs)}"
            : $"nothing that is free within {Words(Within)} makes a group of {Listed(Needs)} with it";
        return new Finding(
            Policy,
            piece.Device.ToString(),
            FindingState.Noticed,
            Reasons.LeftOver,
            $"{piece.Device} ({Group.Members[piece.First].Name}) is left over, and stays with the host: {why}"
        );
    }

    /// <summary>What keeps it from being had whoever uses it.</summary>
    private static Finding? Lately(Piece piece) =>
        piece.Unit is null
            ? piece.Wish.InTheWay.FirstOrDefault(f => !f.Reason.IsUse && f.Reason != Reasons.Protected && f.State == FindingState.Blocked)
            : null;

    private ImmutableArray<int> Total() => [.. Needs.Select((_, m) => Pieces.Sum(p => p.Counts[m]))];

    private string Listed(ImmutableArray<int> counts)
    {
        var parts = Group.Members.Select((m, i) => (counts[i], m.Name)).Where(c => c.Item1 > 0).Select(c => $"{c.Item1} {c.Name}").ToList();
        return parts.Count == 0 ? "none of them" : string.Join(" and ", parts);
    }

    private static string Words(Nearness within) =>
        within switch
        {
            Nearness.Switch => "one PCIe switch",
            Nearness.RootPort => "one root port",
            Nearness.NumaNode => "one NUMA node",
            _ => "the machine",
        };
}
