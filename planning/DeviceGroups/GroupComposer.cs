using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Planning.Places;

namespace Hostdev.Planning.DeviceGroups;

/// <summary>
/// Makes as many device groups of pieces as there are pieces for, the nearest first: from the ports up to what is allowed at most, each
/// place makes what it can of what the places in it left over. A group that is made lower takes of each member what it needs and no more,
/// so that no fewer can be made above. The same pieces give the same groups.
/// </summary>
/// <param name="needs">How many of each member a group has.</param>
internal sealed class GroupComposer(ImmutableArray<int> needs, Nearness within, IEnumerable<Piece> pieces)
{
    private readonly ImmutableSortedDictionary<string, Piece> _pieces = pieces.ToImmutableSortedDictionary(
        p => p.Device.ToString(),
        p => p,
        StringComparer.Ordinal
    );

    /// <summary>Whether these are one group, all of them.</summary>
    public static bool AreOne(ImmutableArray<int> needs, IReadOnlyCollection<Piece> pieces) =>
        Enumerable.Range(0, needs.Length).All(m => pieces.Sum(p => p.Counts[m]) == needs[m]);

    /// <summary>The groups, each in the order of members and addresses, the one with the lowest first device first.</summary>
    public ImmutableArray<ImmutableArray<Piece>> Compose()
    {
        List<ImmutableArray<Piece>> made = [];
        Visit(PlaceTree.Of(_pieces.Select(p => (p.Key, (Place?)p.Value.Place))), made);
        return [.. made.Select(g => InOrder(g)).OrderBy(g => g[0].Device)];
    }

    public static ImmutableArray<Piece> InOrder(IEnumerable<Piece> group) => [.. group.OrderBy(p => p.First).ThenBy(p => p.Device)];

    /// <summary>Makes what a place can; what is left of it.</summary>
    private List<Piece> Visit(PlaceTree place, List<ImmutableArray<Piece>> made)
    {
        var free = place.Kind == PlaceKind.Device ? [_pieces[place.First]] : place.Parts.SelectMany(p => Visit(p, made)).ToList();
        while (IsNearEnough(place) && Mixture(free) is { } mixture)
        {
            List<Piece> taken = [];
            Take(place, mixture, [.. free], taken);
            made.Add([.. taken]);
            free.RemoveAll(taken.Contains);
        }

        return free;
    }

    private bool IsNearEnough(PlaceTree place) =>
        place.Kind == PlaceKind.Device
        || within switch
        {
            Nearness.Switch => place is { Kind: PlaceKind.Port, Parent.Kind: PlaceKind.Port },
            Nearness.RootPort => place.Kind == PlaceKind.Port,
            Nearness.NumaNode => place.Kind <= PlaceKind.NumaNode || _pieces.Values.All(p => p.Place.NumaNode is null),
            _ => true,
        };

    /// <summary>
    /// How many of each kind make one group, those that have several members in them first; null when these pieces make none.
    /// </summary>
    private Dictionary<string, int>? Mixture(List<Piece> free)
    {
        var kinds = free.GroupBy(p => p.Kind, StringComparer.Ordinal)
            .Select(g => (Kind: g.Key, g.First().Counts, There: g.Count()))
            .OrderByDescending(k => k.Counts.Sum())
            .ThenBy(k => k.Kind, StringComparer.Ordinal)
            .ToList();
        var mixture = new Dictionary<string, int>(StringComparer.Ordinal);
        return Fill(0, [.. needs]) ? mixture : null;

        bool Fill(int kind, int[] lacking)
        {
            if (Array.TrueForAll(lacking, l => l == 0))
                return true;
            // Without enough of one member, how many there are of the others makes no difference.
            for (var member = 0; member < lacking.Length; member++)
            {
                if (kinds.Skip(kind).Sum(k => k.There * k.Counts[member]) < lacking[member])
                    return false;
            }

            var (name, counts, there) = kinds[kind];
            var most = Enumerable.Range(0, lacking.Length).Where(m => counts[m] > 0).Min(m => lacking[m] / counts[m]);
            for (var many = Math.Min(there, most); many >= 0; many--)
            {
                if (!Fill(kind + 1, [.. lacking.Select((l, m) => l - (many * counts[m]))]))
                    continue;
                if (many > 0)
                    mixture.Add(name, many);
                return true;
            }

            return false;
        }
    }

    /// <summary>
    /// So many of each kind, from as few parts as can be: each time from the one that has most of what is lacking, and of such ones from
    /// that which is left with least.
    /// </summary>
    private void Take(PlaceTree place, Dictionary<string, int> lacking, HashSet<Piece> free, List<Piece> taken)
    {
        if (place.Kind == PlaceKind.Device)
        {
            var piece = _pieces[place.First];
            if (!free.Contains(piece) || lacking.GetValueOrDefault(piece.Kind) == 0)
                return;
            lacking[piece.Kind]--;
            taken.Add(piece);
            return;
        }

        var parts = place.Parts.ToList();
        while (parts.Count > 0 && lacking.Values.Any(l => l > 0))
        {
            var best = parts
                .Select(p => (Part: p, Has: Has(p, lacking, free)))
                .OrderByDescending(p => p.Has.Useful)
                .ThenBy(p => p.Has.Other)
                .ThenBy(p => p.Part.First, StringComparer.Ordinal)
                .First()
                .Part;
            Take(best, lacking, free, taken);
            parts.Remove(best);
        }
    }

    private (int Useful, int Other) Has(PlaceTree part, Dictionary<string, int> lacking, HashSet<Piece> free)
    {
        var there = part.All.Select(id => _pieces[id]).Where(free.Contains).ToList();
        var useful = there.GroupBy(p => p.Kind, StringComparer.Ordinal).Sum(g => Math.Min(g.Count(), lacking.GetValueOrDefault(g.Key)));
        return (useful, there.Count - useful);
    }
}
