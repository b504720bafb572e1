using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Pci;
using Hostdev.Planning.Sriov;

namespace Hostdev.Planning;

/// <summary>
/// From what is there, what is wanted, who uses what and what we own: what to do now. Pure and level-triggered: the same state gives the
/// same plan, whatever happened before, so a crash at any step is met by planning again.
/// </summary>
public static class Planner
{
    public static Plan Plan(PlanningInput input)
    {
        if (input.Inventory.Unlisted is not null)
            return Planning.Plan.Nothing; // everything would seem to be unplugged
        var ordered = EffectivePolicy.InOrderOfPrecedence(input.Policies);
        var context = new PlanningContext(input);
        var names = ResourceNameClaims.Of(ordered.Select(p => p.Reported));
        var matches = ordered.Select(p => PlanPolicy(context, p, names)).ToImmutableArray();
        Restoration.LeaveOutNew(context);
        var lanes = LaneBuilder.Build(context);
        Adoption.Say(context);
        KubeVirtLimits.Say(context);
        return new Plan
        {
            Lanes = input.Halt is null ? lanes : [],
            Units = [.. context.Units.OrderBy(u => u.Id)],
            Findings =
            [
                .. context
                    .Findings.OrderBy(f => f.Policy?.ToString() ?? "", StringComparer.Ordinal)
                    .ThenBy(f => f.Device, StringComparer.Ordinal),
            ],
            Policies = matches,
            Resources = [.. names.Used.Keys],
            Choices = context.Choosing.InForce(),
            AsksWhoUses = context.AsksWhoUses,
            Halt = input.Halt,
        };
    }

    private static PolicyMatch PlanPolicy(PlanningContext context, EffectivePolicy policy, ResourceNameClaims names)
    {
        var frozen = policy.Frozen ?? policy.InForce as DesiredPolicy.Frozen;
        var finding = frozen is null
            ? null
            : new Finding(policy.Identity, policy.Identity.ToString(), FindingState.Blocked, frozen.Reason, frozen.Message);
        if (finding is not null)
            context.Findings.Add(finding);
        if (names.Conflicts.GetValueOrDefault(policy.Identity) is { } conflict)
        {
            context.Block(policy.Identity, policy.Identity.ToString(), Reasons.ResourceNameConflict, conflict);
            return new PolicyMatch(policy.Identity, 0, finding);
        }

        var matched = policy.InForce switch
        {
            DesiredPolicy.OfHostDevice p => HostDevicePlanner.Plan(context, p),
            DesiredPolicy.OfSriovPolicy p => SriovPlanner.Plan(context, p),
            DesiredPolicy.OfMdevProfile p => Unsupported(context, p.Identity),
            _ => 0,
        };
        var hint = matched == 0 && policy.InForce is DesiredPolicy.OfSriovPolicy sriov ? SriovPlanner.Hint(context, sriov.Spec) : null;
        return new PolicyMatch(policy.Identity, matched, finding, hint, context.Missing.GetValueOrDefault(policy.Identity.Uid));
    }

    private static int Unsupported(PlanningContext context, PolicyIdentity policy)
    {
        context.Block(
            policy,
            policy.ToString(),
            Reasons.NotSupported,
            $"{policy}: mediated devices cannot be passed by this version: remove the policy"
        );
        return 0;
    }
}
