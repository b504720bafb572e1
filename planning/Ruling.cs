using System.Collections.Immutable;
using Hostdev.Crds.Words;

namespace Hostdev.Planning;

/// <summary>What a chain of checks says of a case.</summary>
/// <param name="Findings">In the order of the checks.</param>
/// <param name="Refusal">What refuses it; null when nothing does.</param>
/// <param name="AsksWhoUses">What is said depends on who uses what: a rule for what is new was met.</param>
internal sealed record Ruling(ImmutableArray<Finding> Findings, Objection? Refusal, bool AsksWhoUses)
{
    public static Ruling Nothing { get; } = new([], null, false);

    public bool Refuses => Refusal is not null;

    /// <summary>
    /// What else is in the way, behind what refuses it and in the order in which it would be met: asked for only where somebody wants to
    /// see all of it at once.
    /// </summary>
    public Func<ImmutableArray<Finding>> Behind { get; init; } = () => [];

    /// <summary>Everything in the way, with what is behind the first.</summary>
    public ImmutableArray<Finding> InTheWay => [.. Findings.Where(f => f.State.IsInTheWay), .. Behind()];

    /// <summary>Where this refuses a case: with what chains behind it would say, which are not asked otherwise.</summary>
    public Ruling Before(params ImmutableArray<Func<Ruling>> chains) =>
        Refusal is { EndsAll: false } ? this with { Behind = () => [.. Behind(), .. chains.SelectMany(c => c().InTheWay)] } : this;

    /// <summary>This and what another chain says of the case, which is asked where this one refuses nothing.</summary>
    public Ruling Then(Ruling next) =>
        new([.. Findings, .. next.Findings], next.Refusal, AsksWhoUses || next.AsksWhoUses) { Behind = next.Behind };

    /// <summary>It is refused only for as long as somebody uses it.</summary>
    public bool Waits => Refusal?.State == FindingState.Waiting;
}
