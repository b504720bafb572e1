using System.Collections.Immutable;
using Hostdev.Crds.Words;

namespace Hostdev.Planning;

/// <summary>How a unit is brought about for whoever is given it.</summary>
/// <param name="Steps">In order; empty while it is there, and while something is in the way.</param>
/// <param name="Obstacle">Why it cannot be brought about now; null when it can.</param>
public sealed record OnAllocate(ImmutableArray<PlanStep> Steps, Obstacle? Obstacle = null);

/// <summary>What is in the way, as a sentence.</summary>
public sealed record Obstacle(Reason Reason, string Message);
