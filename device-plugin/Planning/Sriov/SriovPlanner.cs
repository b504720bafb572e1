using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Planning.Pci;

namespace Hostdev.DevicePlugin.Planning.Sriov;

/// <summary>Physical functions and their pools of virtual functions.</summary>
internal static class SriovPlanner
{
    /// <returns>How many physical functions the policy matches.</returns>
    public static int Plan(PlanningContext context, DesiredPolicy.OfSriovPolicy policy)
    {
        var candidates = context.Inventory.Functions.Values.Where(f => !f.IsBridge);
        var matched = context.Choosing.Choose(policy.Identity, candidates, Terms(policy.Spec));
        foreach (var pf in matched)
            PlanPhysicalFunction(context, policy, pf);
        return matched.Count;
    }

    public static ImmutableArray<SelectorTerms> Terms(SriovPolicySpec spec) => [.. spec.PhysicalFunctions.Select(SelectorTerms.Of)];

    /// <summary>A policy that matches nothing by the names of interfaces: which there are. Null when no name is asked for.</summary>
    public static string? Hint(PlanningContext context, SriovPolicySpec spec)
    {
        const int most = 8;
        var wanted = spec.PhysicalFunctions.SelectMany(s => s.Interfaces).Distinct(StringComparer.Ordinal).ToList();
        if (wanted.Count == 0)
            return null;
        var there = context
            .Inventory.Functions.Values.Where(f => !f.IsVirtualFunction)
            .SelectMany(f => context.NamesOf(f).Select(n => $"{n} ({f.Address})"))
            .Distinct(StringComparer.Ordinal)
            .ToList();
        var list = string.Join(", ", there.Take(most)) + (there.Count > most ? $" and {there.Count - most} more" : "");
        return $": no interface of a physical function is called {string.Join(" or ", wanted)}; "
            + $"{(there.Count == 0 ? "there is none" : $"there are {list}")}";
    }

    private static void PlanPhysicalFunction(PlanningContext context, DesiredPolicy.OfSriovPolicy policy, PciFunction pf)
    {
        var ruling = PhysicalFunctionChecks.All.Judge(new PhysicalFunctionCase(context, policy, pf));
        context.Say(ruling);
        if (ruling.Refuses)
            return;
        if (context.Claim(policy.Identity, [pf.Address]) is { } other)
        {
            context.Block(
                policy.Identity,
                pf.Address.ToString(),
                Reasons.ClaimedByOther,
                $"{pf.Address} or one of its virtual functions is already claimed by {other}, which has precedence: "
                    + "narrow the selectors of one of the two, or raise priority here"
            );
            return;
        }

        // Whatever stands in the way of the number, the virtual functions that are there keep their pools: bad input loses nothing.
        var number = VfNumber.Of(context, policy, pf);
        context.Say(number.Ruling);
        context.PhysicalFunctions[pf.Address] = new VfTarget(pf.Address, number.ToBe, policy.Identity.Uid);
        var sriov = pf.Sriov!;
        // they are about to go
        if (number.ToBe is { } toBe && sriov.NumVfs != toBe && sriov.NumVfs != 0)
            return;
        foreach (var (index, address) in sriov.VirtualFunctions)
        {
            if (policy.Spec.Pools.FirstOrDefault(p => p.Vfs.Any(r => r.Contains(index))) is not { } pool)
                continue;
            if (!context.Inventory.Functions.TryGetValue(address, out var vf))
                continue;
            if (pool.ResourceName is not { } resource)
            {
                PoolFindings.Native(context, policy.Identity, pool, pf, vf);
                continue;
            }

            UnitPlanner.Plan(
                context,
                new UnitRequest
                {
                    Policy = policy.Identity,
                    Resource = resource,
                    Selected = [vf],
                    Driver = pool.Driver,
                    AllowProtected = policy.Spec.AllowProtected,
                    DeviceFile = policy.Spec.DeviceFile,
                    IommuBackend = pool.IommuBackend,
                    Cordoned = number.Cordon,
                    Disruption = policy.Spec.Disruption,
                }
            );
        }

        PoolFindings.Missing(context, policy, pf, number);
    }
}
