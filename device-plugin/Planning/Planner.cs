using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;

namespace Hostdev.DevicePlugin.Planning;

/// <summary>
/// From what is there, what is wanted, who uses what and what we own: what to do now. Pure and level-triggered: the same state gives the same plan, whatever
/// happened before, so a crash at any step is met by planning again.
/// </summary>
public static class Planner
{
    public static Plan Plan(PlanningInput input)
    {
        if (input.Inventory.Unlisted is not null) return Planning.Plan.Nothing; // everything would seem to be unplugged
        var ordered = EffectivePolicy.InOrderOfPrecedence(input.Policies);
        var context = new PlanningContext(input);
        var names = ResourceNames.Check(ordered);
        var matches = ordered.Select(p => PlanPolicy(context, p, names)).ToImmutableArray();
        var lanes = LaneBuilder.Build(context);
        Adoption.Say(context);
        return new Plan
        {
            Lanes = input.Halt is null ? lanes : [],
            Units = [.. context.Units.OrderBy(u => u.Id, StringComparer.Ordinal)],
            Findings = [.. context.Findings.OrderBy(f => f.Policy?.ToString() ?? "", StringComparer.Ordinal).ThenBy(f => f.Device, StringComparer.Ordinal)],
            Policies = matches,
            Resources = [.. names.Used.Order()],
            Halt = input.Halt,
        };
    }

    private static PolicyMatch PlanPolicy(PlanningContext context, EffectivePolicy policy, ResourceNames names)
    {
        var frozen = policy.Frozen ?? policy.InForce as DesiredPolicy.Frozen;
        var finding = frozen is null ? null : new Finding(policy.Identity, policy.Identity.ToString(), FindingState.Blocked, frozen.Reason, frozen.Message);
        if (finding is not null) context.Findings.Add(finding);
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
        return new PolicyMatch(policy.Identity, matched, finding);
    }

    private static int Unsupported(PlanningContext context, PolicyIdentity policy)
    {
        context.Block(policy, policy.ToString(), Reasons.NotSupported, $"{policy}: mediated devices cannot be passed by this version: remove the policy");
        return 0;
    }
}

/// <summary>Which resource names are used, and which policies use one that they must not.</summary>
internal sealed record ResourceNames(ImmutableSortedSet<ResourceName> Used, ImmutableDictionary<PolicyIdentity, string> Conflicts)
{
    /// <summary>A name has one transport, and no two names may share KubeVirt's env name (contracts/kubevirt.md, 3 and 5). The policy of lower precedence loses.</summary>
    public static ResourceNames Check(ImmutableArray<EffectivePolicy> ordered)
    {
        var transports = new Dictionary<ResourceName, (string Transport, PolicyIdentity Policy)>();
        var envs = new Dictionary<string, (ResourceName Name, PolicyIdentity Policy)>(StringComparer.Ordinal);
        var conflicts = ImmutableDictionary.CreateBuilder<PolicyIdentity, string>();
        foreach (var policy in ordered)
        {
            foreach (var (name, transport) in NamesOf(policy.InForce))
            {
                var first = transports.GetValueOrDefault(name);
                var same = envs.GetValueOrDefault(name.EnvSuffix);
                if (first.Policy is not null && first.Transport != transport)
                {
                    conflicts.TryAdd(policy.Identity, $"{policy.Identity} uses {name} for {transport} devices but {first.Policy} uses it for {first.Transport} devices: a resource name has one kind of device; use another name");
                }
                else if (same.Policy is not null && same.Name != name)
                {
                    conflicts.TryAdd(policy.Identity, $"{policy.Identity} uses {name}, which KubeVirt cannot tell from {same.Name} of {same.Policy} (both become {name.EnvSuffix}): use another name");
                }
                else
                {
                    transports.TryAdd(name, (transport, policy.Identity));
                    envs.TryAdd(name.EnvSuffix, (name, policy.Identity));
                }
            }
        }

        return new ResourceNames([.. transports.Keys], conflicts.ToImmutable());
    }

    private static IEnumerable<(ResourceName Name, string Transport)> NamesOf(DesiredPolicy policy) => policy switch
    {
        DesiredPolicy.OfHostDevice p => [(p.Spec.ResourceName, p.Spec.Devices.Pci is not null ? "pci" : p.Spec.Devices.Usb is not null ? "usb" : "scsi")],
        DesiredPolicy.OfSriovPolicy p => p.Spec.Pools.Where(x => x.ResourceName is not null).Select(x => (x.ResourceName!.Value, "pci")),
        DesiredPolicy.OfMdevProfile p => [(p.Spec.ResourceName, "mdev")],
        _ => [],
    };
}
