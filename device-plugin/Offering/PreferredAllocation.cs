using System.Collections.Immutable;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>
/// Chooses devices that lie close together: below one PCIe switch, else below one root port, else on one NUMA node, else wherever.
/// </summary>
public static class PreferredAllocation
{
    // From near to far. Devices whose place is unknown share nothing with anybody.
    private static readonly ImmutableArray<Func<CatalogUnit, string?>> Levels =
    [
        // a downstream port is each device's own: the switch is what lies above it
        u => u.Place.Path.Length > 1 ? string.Join('>', u.Place.Path[..^1]) : null,
        u => u.Place.Path.Length > 0 ? u.Place.Path[0].ToString() : null,
        u => u.Place.NumaNode is { } n ? $"node {n}" : null,
    ];

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
        var free = available.Concat(must).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        if (must.Count >= size)
            return [.. must.Take(size)];
        var rest = Pick(units, free, must, size, Levels.Length).Except(must, StringComparer.Ordinal).Order(StringComparer.Ordinal);
        return [.. must.Concat(rest).Take(size)];
    }

    /// <summary>
    /// Picks from one place: the nearest level at which a single part of it is enough; else whole parts, nearest to those that must be in,
    /// largest first.
    /// </summary>
    private static List<string> Pick(
        IReadOnlyDictionary<string, CatalogUnit> units,
        List<string> from,
        List<string> must,
        int size,
        int levels
    )
    {
        if (from.Count <= size)
            return from;
        for (var level = 0; level < levels; level++)
        {
            var fit = Parts(units, from, level)
                .Where(p => p.Count >= size && must.TrueForAll(p.Contains))
                .OrderBy(p => p.Count)
                .ThenBy(p => p[0], StringComparer.Ordinal)
                .FirstOrDefault();
            if (fit is not null)
                return Pick(units, fit, must, size, level);
        }

        if (levels == 0)
            return [.. must.Concat(from.Except(must, StringComparer.Ordinal)).Take(size)];
        var picked = new List<string>(must);
        foreach (
            var part in Parts(units, from, levels - 1)
                .OrderByDescending(p => p.Count(must.Contains))
                .ThenByDescending(p => p.Count)
                .ThenBy(p => p[0], StringComparer.Ordinal)
        )
        {
            var inPart = must.Where(part.Contains).ToList();
            var room = Math.Min(part.Count, size - picked.Count + inPart.Count);
            picked = [.. picked.Union(Pick(units, part, inPart, room, levels - 1), StringComparer.Ordinal)];
            if (picked.Count >= size)
                break;
        }

        return picked;
    }

    private static IEnumerable<List<string>> Parts(IReadOnlyDictionary<string, CatalogUnit> units, List<string> ids, int level) =>
        ids.GroupBy(id => (units.TryGetValue(id, out var unit) ? Levels[level](unit) : null) ?? $"alone {id}", StringComparer.Ordinal)
            .Select(g => g.ToList());
}
