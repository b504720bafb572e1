using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Planning.Attributes;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;

namespace Hostdev.Planning.Sriov;

/// <summary>Physical functions and their pools of virtual functions.</summary>
internal static class SriovPlanner
{
    public static PolicyWishes WishesOf(Situation situation, DesiredPolicy.OfSriovPolicy policy)
    {
        var candidates = situation.Inventory.Functions.Values.Where(f => !f.IsBridge);
        var chosen = new Choosing(situation).Choose(policy.Identity, candidates, Terms(policy.Spec));
        return new PolicyWishes
        {
            Matched = chosen.Functions.Length,
            Hint = chosen.Functions.IsEmpty ? Hint(situation, policy.Spec) : null,
            Chosen = chosen,
            Findings = chosen.Findings,
            Wishes = [.. chosen.Functions.Select(pf => WishFor(situation, policy, pf))],
        };
    }

    public static ImmutableArray<SelectorTerms> Terms(SriovPolicySpec spec) => [.. spec.PhysicalFunctions.Select(SelectorTerms.Of)];

    /// <summary>
    /// A physical function with its number and its pools; each virtual function for VMs is a unit that is wished with it.
    /// </summary>
    private static Wish WishFor(Situation situation, DesiredPolicy.OfSriovPolicy policy, PciFunction pf)
    {
        var wish = new Wish
        {
            Policy = policy.Identity,
            Device = pf.Address,
            What = $"{pf.Address} or one of its virtual functions",
            Ruling = PhysicalFunctionChecks.All.Judge(new PhysicalFunctionCase(situation, policy, pf)),
        };
        if (wish.Ruling.Refuses)
            return wish with { Ruling = wish.Ruling.Before(() => VfNumber.Of(situation, policy, pf).Ruling) };
        // Whatever stands in the way of the number, the virtual functions that are there keep their pools: bad input loses nothing.
        var number = VfNumber.Of(situation, policy, pf);
        var inPools = InPools(situation, policy, pf, number).ToList();
        var native = inPools.Where(v => v.Pool.ResourceName is null).ToList();
        var missing = PoolFindings.Missing(situation, policy, pf, number);
        var attributes = WantedAttributes.Of(situation, policy, pf, number).ToImmutableArray();
        return wish with
        {
            Claims = [pf.Address],
            Granted = new Targets
            {
                PhysicalFunctions = Targets.None.PhysicalFunctions.Add(
                    pf.Address,
                    new VfTarget(pf.Address, number.ToBe, policy.Identity.Uid)
                ),
                // Those of a pool that binds late are the host's too, until a pod is given one.
                Native = [.. native.Concat(inPools.Where(v => v.Pool.Binding == Binding.OnAllocate)).Select(v => (DeviceId)v.Vf.Address)],
                Attributes = attributes,
            },
            Findings =
            [
                .. number.Ruling.Findings,
                .. AttributeSteps.Findings(situation, attributes),
                .. native.Select(v => PoolFindings.WithoutDriver(situation, policy.Identity, v.Pool, pf, v.Vf)).OfType<Finding>(),
                .. missing is null ? [] : (ImmutableArray<Finding>)[missing.Finding],
            ],
            Behind = number.Ruling.Behind,
            Missing = missing?.Units ?? 0,
            Then =
            [
                .. inPools
                    .Where(v => v.Pool.ResourceName is not null)
                    .Select(v =>
                        UnitPlanner.WishFor(
                            situation,
                            Request(policy, v.Pool, v.Vf, number) with
                            {
                                Unset = AttributeSteps.Unset(situation, attributes, v.Vf.Address),
                            }
                        )
                    ),
            ],
        };
    }

    /// <summary>The virtual functions that are there for pools; none where all are about to go.</summary>
    private static IEnumerable<(VfPool Pool, PciFunction Vf)> InPools(
        Situation situation,
        DesiredPolicy.OfSriovPolicy policy,
        PciFunction pf,
        VfNumber number
    )
    {
        var sriov = pf.Sriov!;
        if (number.ToBe is { } toBe && toBe != sriov.NumVfs && sriov.NumVfs != 0)
            yield break;
        foreach (var (index, address) in sriov.VirtualFunctions)
        {
            if (
                policy.Spec.Pools.FirstOrDefault(p => p.Vfs.Any(r => r.Contains(index))) is { } pool
                && situation.Inventory.Functions.TryGetValue(address, out var vf)
            )
                yield return (pool, vf);
        }
    }

    private static UnitRequest Request(DesiredPolicy.OfSriovPolicy policy, VfPool pool, PciFunction vf, VfNumber number) =>
        new()
        {
            Policy = policy.Identity,
            Resource = pool.ResourceName!.Value,
            Selected = [vf],
            Parts = [new RequestPart([vf], pool.Driver, [])],
            AllowProtected = policy.Spec.AllowProtected,
            AcceptRisks = policy.Spec.AcceptRisks ?? [],
            DeviceFile = policy.Spec.DeviceFile,
            IommuBackend = pool.IommuBackend,
            Binding = pool.Binding ?? Binding.Static,
            Reset = pool.Reset ?? ResetChoice.Auto,
            Cordoned = number.Cordon,
            Disruption = policy.Spec.Disruption,
        };

    /// <summary>A policy that matches nothing by the names of interfaces: which there are. Null when no name is asked for.</summary>
    private static string? Hint(Situation situation, SriovPolicySpec spec)
    {
        const int most = 8;
        var wanted = spec.PhysicalFunctions.SelectMany(s => s.Interfaces).Distinct(StringComparer.Ordinal).ToList();
        if (wanted.Count == 0)
            return null;
        var there = situation
            .Inventory.Functions.Values.Where(f => !f.IsVirtualFunction)
            .SelectMany(f => situation.NamesOf(f).Select(n => $"{n} ({f.Address})"))
            .Distinct(StringComparer.Ordinal)
            .ToList();
        var list = string.Join(", ", there.Take(most)) + (there.Count > most ? $" and {there.Count - most} more" : "");
        return $": no interface of a physical function is called {string.Join(" or ", wanted)}; "
            + $"{(there.Count == 0 ? "there is none" : $"there are {list}")}";
    }
}
