using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>
/// Tokens of companions: IDs that stand for no device. Whoever asks for a unit and a token in one container is told of the unit's member by
/// the unit's answer, so any token will do, and none is named after a unit (docs/adr/0040).
/// </summary>
public static class Tokens
{
    /// <summary>What is remembered of a token that was given out: it has no device and no node.</summary>
    public static Allocation Given(ResourceName name, string id, DateTimeOffset at) =>
        new()
        {
            Id = id,
            Resource = name.Value,
            Functions = [],
            Nodes = [],
            AnsweredAt = at,
        };

    /// <summary>
    /// The tokens of each companion's name: for each unit of its resource as many as the unit has members of that name, and as many healthy
    /// ones as there would be for the units that are given out now. Those that somebody has come first, so that the unhealthy ones are
    /// nobody's as long as there are such; then the lowest numbers.
    /// </summary>
    /// <param name="held">IDs that somebody has.</param>
    public static IEnumerable<AdvertisedResource> Of(IEnumerable<CatalogUnit> units, IReadOnlySet<string> held) =>
        from unit in units
        from companion in unit.Unit.Companions
        group unit by companion.Name into tokens
        select new AdvertisedResource(tokens.Key, List(tokens.Key, tokens.Count(), tokens.Count(u => u.Problem is null), held));

    /// <summary>
    /// Units that have not the companions of the others under their resource name, with why they are given to nobody: a VM that asks for
    /// companions is given any unit. What the earliest policy offers is kept, of that what most units have.
    /// </summary>
    public static ImmutableDictionary<string, OfferProblem> Unlike(IEnumerable<Unit> units)
    {
        var problems = ImmutableDictionary.CreateBuilder<string, OfferProblem>(StringComparer.Ordinal);
        foreach (var resource in units.GroupBy(u => u.Resource))
        {
            var alike = resource
                .GroupBy(InWords, StringComparer.Ordinal)
                .OrderBy(g => g.Min(u => u.Policy.CreationTimestamp ?? DateTimeOffset.MaxValue))
                .ThenByDescending(g => g.Count())
                .ThenBy(g => g.Min(u => u.Id))
                .ToList();
            foreach (var unit in alike.Skip(1).SelectMany(g => g))
            {
                problems[unit.Id.ToString()] = new OfferProblem(
                    Reasons.CompanionsDiffer,
                    $"{unit.Id} has {InWords(unit)}, but others of {unit.Resource} have {alike[0].Key}: a VM that asks for companions "
                        + "would be given any of them; declare the same companions for all, or use another resourceName for these"
                );
            }
        }

        return problems.ToImmutable();
    }

    /// <summary>The names of a unit's companions, each as often as it has it.</summary>
    private static string InWords(Unit unit) =>
        unit.Companions.IsEmpty
            ? "no companion"
            : "the companions " + string.Join(", ", unit.Companions.Select(c => c.Name.Value).Order(StringComparer.Ordinal));

    private static ImmutableArray<AdvertisedDevice> List(ResourceName name, int all, int healthy, IReadOnlySet<string> held)
    {
        var given = held.Where(id => TokenId.Is(id, name)).Order(StringComparer.Ordinal);
        // As many numbers as there may be tokens, and as are held: enough are free among them.
        var free = Enumerable.Range(0, all + held.Count).Select(n => TokenId.Of(name, n)).Where(id => !held.Contains(id));
        return
        [
            .. given
                .Concat(free)
                .Take(all)
                .Select((id, i) => new AdvertisedDevice(id, i < healthy, NumaNode: null))
                .OrderBy(d => d.Id, StringComparer.Ordinal),
        ];
    }
}
