using System.Collections.Immutable;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Places;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>What is offered now: made whole from one plan and one reading of the machine, and swapped whole.</summary>
public sealed record Catalog
{
    public static Catalog Empty { get; } = new() { Units = ImmutableSortedDictionary<string, CatalogUnit>.Empty, Resources = [] };

    /// <summary>The reading that it was made from; null of the empty one.</summary>
    public HostInventory? Inventory { get; init; }

    public required ImmutableSortedDictionary<string, CatalogUnit> Units { get; init; }

    /// <summary>Every resource that a policy names, ordered, empty ones included.</summary>
    public required ImmutableArray<AdvertisedResource> Resources { get; init; }

    /// <param name="refused">IDs with a reason why they are not given out now, beyond what the inventory shows.</param>
    /// <param name="unsettled">IDs of which the inventory proves nothing, because they were changed for an answer since, or are
    /// being.</param>
    public static Catalog Build(
        Plan plan,
        HostInventory inventory,
        IReadOnlyDictionary<string, OfferProblem> refused,
        IReadOnlySet<string>? unsettled = null
    )
    {
        var units = plan.Units.ToImmutableSortedDictionary(
            u => u.Id.ToString(),
            u => Describe(u, inventory, refused.GetValueOrDefault(u.Id.ToString()), unsettled?.Contains(u.Id.ToString()) == true),
            StringComparer.Ordinal
        );
        var names = plan.Resources.Concat(plan.Units.Select(u => u.Resource)).Distinct().Order();
        return new Catalog
        {
            Inventory = inventory,
            Units = units,
            Resources =
            [
                .. names.Select(name => new AdvertisedResource(
                    name,
                    [.. units.Values.Where(u => u.Unit.Resource == name).Select(Advertised)]
                )),
            ],
        };
    }

    private static AdvertisedDevice Advertised(CatalogUnit it) => new(it.Unit.Id.ToString(), it.Problem is null, it.Place.NumaNode);

    private static CatalogUnit Describe(Unit unit, HostInventory inventory, OfferProblem? refused, bool isUnsettled)
    {
        var problem =
            OfferProblem.Of(Reasons.CordonedByAdmin, unit.CordonedByAdmin) // it is meant so, whatever else is the matter
            ?? (isUnsettled ? null : UnitReadiness.ProblemOf(unit, inventory))
            ?? OfferProblem.Of(Reasons.Faulty, unit.Fault)
            ?? refused
            ?? OfferProblem.Of(Reasons.Cordoned, unit.Cordoned ? $"{unit.Id} is cordoned: its policy is about to change it" : null);
        return new CatalogUnit(unit, problem, Place.Of(unit, inventory));
    }
}

/// <summary>Why something is not given out now.</summary>
public sealed record OfferProblem(Reason Reason, string Message)
{
    /// <summary>Null where there is nothing to say.</summary>
    public static OfferProblem? Of(Obstacle? obstacle) => obstacle is null ? null : new OfferProblem(obstacle.Reason, obstacle.Message);

    /// <summary>Null where there is nothing to say.</summary>
    public static OfferProblem? Of(Reason reason, string? message) => message is null ? null : new OfferProblem(reason, message);
}

/// <param name="Problem">Why it is not given out now; null when it is.</param>
public sealed record CatalogUnit(Unit Unit, OfferProblem? Problem, Place Place);
