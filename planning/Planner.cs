using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Planning.Lending;
using Hostdev.Planning.Pci;
using Hostdev.Planning.Sriov;

namespace Hostdev.Planning;

/// <summary>
/// From what is there, what is wanted, who uses what and what we own: what to do now. Pure and level-triggered: the same state gives the
/// same plan, whatever happened before, so a crash at any step is met by planning again. Its phases hand values on (docs/adr/0021).
/// </summary>
public static class Planner
{
    public static Plan Plan(PlanningInput input)
    {
        if (input.Inventory.Unlisted is not null)
            return Planning.Plan.Nothing; // everything would seem to be unplugged
        var situation = new Situation(input);
        var policies = EffectivePolicy.InOrderOfPrecedence(input.Policies);
        ImmutableArray<PolicyWishes> wishes = [.. policies.Select(p => PolicyWishes.Of(situation, p))];
        var decisions = Claims.Decide(situation.Graph, wishes);
        var restored = Restoration.Restrict(situation, Targets.Of(decisions));
        var goingBack = GoingBack.Of(situation, restored.Targets);
        var (targets, leftToGo) = goingBack.Restrict(restored.Targets);
        var health = HealthPlanner.Plan(situation, targets.Units);
        var cordoned = CordonedUnits.Of(situation, health.Units);
        ImmutableArray<Work> work = [.. LaneBuilder.WorkOn(situation, targets, goingBack), .. health.Work];
        return new Plan
        {
            Lanes = input.Halt is null ? LaneBuilder.Build(situation.Graph, work) : [],
            Units = [.. cordoned.Units.Select(u => u with { Vmms = VmmsOf(policies, u) }).OrderBy(u => u.Id)],
            Findings = InOrder([
                .. wishes.SelectMany(w => w.Findings),
                .. decisions.SelectMany(d => d.Findings),
                .. restored.Findings,
                .. leftToGo,
                .. work.SelectMany(w => w.Findings),
                .. LoanSteps.WhatIsLost(situation),
                .. Adoption.Findings(situation, targets.Units),
                .. KubeVirtLimits.Findings(targets.Units),
                .. LowMmio.Findings(input.Inventory, targets.Units),
                .. KnownLink.Findings(input, targets.Units),
                .. PcieErrors.Findings(situation, targets.Units),
                .. cordoned.Findings,
            ]),
            Policies = [.. policies.Zip(wishes, (policy, wished) => Match(policy, wished, decisions))],
            Resources = [.. situation.Names.Used.Keys],
            Choices = ChoicesInForce.Of(situation, wishes.Select(w => w.Chosen), targets),
            Attributes = [.. targets.Attributes.Select(t => t.File).Union(goingBack.Attributes.Select(o => o.File))],
            AsksWhoUses = decisions.Any(d => d.Wish.Ruling.AsksWhoUses) || targets.Units.Any(u => u.OnAllocate is { AsksWhoUses: true }),
            AsksForRoom = wishes.Any(w => w.AsksForRoom),
            Halt = input.Halt,
        };
    }

    private static ImmutableArray<Vmm> VmmsOf(ImmutableArray<EffectivePolicy> policies, Unit unit) =>
        policies.FirstOrDefault(p => p.Identity.Uid == unit.Policy.Uid)?.Spec?.VmmArguments ?? [];

    /// <summary>What is said of one device for one policy stays in the order in which it was found.</summary>
    private static ImmutableArray<Finding> InOrder(IEnumerable<Finding> findings) =>
        [.. findings.OrderBy(f => f.Policy?.ToString() ?? "", StringComparer.Ordinal).ThenBy(f => f.Device, StringComparer.Ordinal)];

    private static PolicyMatch Match(EffectivePolicy policy, PolicyWishes wished, ImmutableArray<Decision> decisions)
    {
        var granted = decisions.Where(d => d.IsGranted && d.Wish.Policy.Uid == policy.Identity.Uid).ToList();
        return new(
            policy.Identity,
            wished.Matched + granted.Sum(d => d.Wish.Matched),
            policy.NotUnderstood,
            wished.Hint,
            wished.Missing + granted.Sum(d => d.Wish.Missing)
        );
    }
}
