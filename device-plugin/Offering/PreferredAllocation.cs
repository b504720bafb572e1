using System.Collections.Immutable;
using Hostdev.Planning.Places;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>
/// Chooses devices that lie close together: below one port, else one PCIe switch, else switches of one root port, else one root bus, else
/// on one NUMA node, else wherever.
/// </summary>
public static class PreferredAllocation
{
    /// <summary> <paramref name="size"/> IDs, those that must be included first, then ordered by ID; fewer when fewer are available. Among
    /// places that have enough, the one with the fewest free devices is taken, so that large requests still find a place later. </summary>
    public static ImmutableArray<string> Choose(
        IReadOnlyDictionary<string, CatalogUnit> units,
        ImmutableArray<string> available,
        ImmutableArray<string> mustInclude,
        int size
    )
    {
        var must = mustInclude.Distinct(StringComparer.Ordinal).ToList();
        if (must.Count >= size)
            return [.. must.Take(size)];
        var free = available.Concat(must).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        var picked =
            free.Count <= size
                ? free
                : Pick(
                    PlaceTree.Of(free.Select(id => (id, units.GetValueOrDefault(id)?.Place))),
                    must.ToHashSet(StringComparer.Ordinal),
                    size
                );
        return [.. must, .. picked.Except(must, StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    /// <summary>
    /// So many of a place that has as many: those that must be in are, and all lie as near to each other as so many can.
    /// </summary>
    private static IEnumerable<string> Pick(PlaceTree place, HashSet<string> must, int size)
    {
        if (size == 0)
            return [];
        var nearest = must.Count == 0 ? Nearest([place], size) : Around(place, must, size);
        return size == nearest.Count ? nearest.All : Divide(nearest, must, size);
    }

    /// <summary>
    /// The nearest of these places and all below them that has enough: of equally near ones that with the fewest devices, then that whose
    /// devices are near to the fewest others.
    /// </summary>
    private static PlaceTree Nearest(IEnumerable<PlaceTree> places, int size)
    {
        PlaceTree? best = null;
        var open = new Stack<PlaceTree>(places);
        while (open.TryPop(out var it))
        {
            foreach (var part in it.Parts.Where(p => p.Count >= size))
                open.Push(part);
            if (best is null || Compare(it, best, size) < 0)
                best = it;
        }

        return best!.Within(best.PortsTo(size));
    }

    /// <summary>The lowest place that has all these and enough, without what is farther from it than it must be.</summary>
    private static PlaceTree Around(PlaceTree place, HashSet<string> must, int size)
    {
        while (place.Parts.FirstOrDefault(p => p.Count >= size && must.IsSubsetOf(p.All)) is { } part)
            place = part;
        var ports = place.PortsTo(size);
        while (!must.IsSubsetOf(place.Within(ports).All))
            ports++;
        return place.Within(ports);
    }

    private static int Compare(PlaceTree one, PlaceTree other, int size)
    {
        var (ports, others) = (one.PortsTo(size), other.PortsTo(size));
        var difference = one.Kind.CompareTo(other.Kind);
        if (difference == 0)
            difference = ports.CompareTo(others);
        if (difference == 0)
            difference = one.CountWithin(ports).CompareTo(other.CountWithin(others));
        for (
            var (a, b) = (Wider(one), Wider(other));
            difference == 0 && a is not null && b is not null && a != b;
            (a, b) = (Wider(a), Wider(b))
        )
            difference = a.Kind != b.Kind ? b.Kind.CompareTo(a.Kind) : a.Count.CompareTo(b.Count);
        return difference != 0 ? difference : string.CompareOrdinal(one.First, other.First);
    }

    /// <summary>The lowest place around one that has more than it: those are near to it, and lose what is taken from it.</summary>
    private static PlaceTree? Wider(PlaceTree place)
    {
        var around = place.Parent;
        while (around is not null && around.Count == place.Count)
            around = around.Parent;
        return around;
    }

    /// <summary>
    /// From the parts of a place, none of which has enough: from those that have one which must be in, most of these first; then the
    /// largest, whole, and what is still lacking from where it is nearest and the fewest are, so that a larger part stays whole.
    /// </summary>
    private static List<string> Divide(PlaceTree place, HashSet<string> must, int size)
    {
        List<string> picked = [];
        var lacking = size - must.Count;
        var parts = place.Parts.Select(p => (Place: p, Must: In(p, must))).ToLookup(p => p.Must.Count > 0);
        foreach (
            var (part, inPart) in parts[true]
                .OrderByDescending(p => p.Must.Count)
                .ThenByDescending(p => p.Place.Count)
                .ThenBy(p => p.Place.First, StringComparer.Ordinal)
        )
        {
            var more = Math.Min(part.Count - inPart.Count, lacking);
            picked.AddRange(Pick(part, inPart, inPart.Count + more));
            lacking -= more;
        }

        var largestFirst = parts[false].Select(p => p.Place).OrderByDescending(p => p.Count).ThenBy(p => p.First, StringComparer.Ordinal);
        var rest = new Queue<PlaceTree>(largestFirst);
        while (lacking > 0 && rest.TryPeek(out var largest))
        {
            if (largest.Count >= lacking)
            {
                picked.AddRange(Pick(Nearest(rest.Where(p => p.Count >= lacking), lacking), [], lacking));
                return picked;
            }

            picked.AddRange(rest.Dequeue().All);
            lacking -= largest.Count;
        }

        return picked;
    }

    private static HashSet<string> In(PlaceTree place, HashSet<string> must) =>
        must.Count == 0 ? must : place.All.Where(must.Contains).ToHashSet(StringComparer.Ordinal);
}
