using System.Collections.Immutable;
using Hostdev.Crds.Words;

namespace Hostdev.Planning;

/// <summary>How a unit is brought about for whoever is given it.</summary>
/// <param name="Brings">What is only then as it is to be, as it is then: while nothing of it is so, the unit is not there.</param>
/// <param name="Steps">In order; empty while it is there, and while something is in the way.</param>
/// <param name="Obstacle">Why it cannot be brought about now; null when it can.</param>
public sealed record OnAllocate(ImmutableArray<BoundDevice> Brings, ImmutableArray<PlanStep> Steps, Obstacle? Obstacle = null)
{
    /// <summary>A unit that is always there, as the host has it: its steps come before each answer, and change nothing of it.</summary>
    public static OnAllocate Lends(PlanStep.Lend step) => new([], [step]);

    /// <summary>As <see cref="Lends"/>, where something is in the way now.</summary>
    public static OnAllocate NotLent(Obstacle obstacle) => new([], [], obstacle);

    /// <summary>It is lent as the host has it, so that nothing has to be brought about.</summary>
    public bool IsLent => Brings.IsEmpty;

    /// <summary>Whether it is offered depends on who uses what it would take.</summary>
    public bool AsksWhoUses => Steps.Any(s => !s.MustBeFree.IsEmpty);
}

/// <summary>What is in the way, as a sentence.</summary>
public sealed record Obstacle(Reason Reason, string Message);
