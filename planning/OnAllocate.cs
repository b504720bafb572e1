using System.Collections.Immutable;
using Hostdev.Crds.Words;

namespace Hostdev.Planning;

/// <summary>How a unit is brought about for whoever is given it.</summary>
/// <param name="Brings">What is only then as it is to be, as it is then: while nothing of it is so, the unit is not there.</param>
/// <param name="Steps">In order; empty while it is there, and while something is in the way.</param>
/// <param name="Obstacle">Why it cannot be brought about now; null when it can.</param>
public sealed record OnAllocate(ImmutableArray<BoundDevice> Brings, ImmutableArray<PlanStep> Steps, Obstacle? Obstacle = null)
{
    /// <summary>Whether it is offered depends on who uses what it would take.</summary>
    public bool AsksWhoUses => Steps.Any(s => !s.MustBeFree.IsEmpty);
}

/// <summary>What is in the way, as a sentence.</summary>
public sealed record Obstacle(Reason Reason, string Message);
