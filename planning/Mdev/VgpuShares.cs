using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Mdev;

/// <summary>
/// Which virtual function is for which profile, where several want some of one card: what a profile has stays its own, and of the rest the
/// first profile has the first. One that somebody else gave a type is for none.
/// </summary>
/// <param name="Takers">The profile's uid, by function.</param>
internal sealed record VgpuShares(ImmutableDictionary<PciAddress, string> Takers)
{
    public static VgpuShares Of(Situation situation)
    {
        ImmutableArray<CardCase> cases =
        [
            .. EffectivePolicy
                .InOrderOfPrecedence(situation.Input.Policies)
                .Select(p => p.InForce)
                .OfType<DesiredPolicy.OfMdevProfile>()
                .Where(p => !PolicyChecks.All.Judge(new PolicyCase(p)).Refuses)
                .SelectMany(p => MdevCard.MeantBy(situation, p.Spec).Select(c => new CardCase(situation, p, c)))
                .Where(c => c.Card.IsVendorVfio && !CardChecks.All.Judge(c).Refuses),
        ];
        return new VgpuShares(ImmutableDictionary<PciAddress, string>.Empty)
            .With(cases, it => it.VirtualFunctions.Where(f => VgpuSteps.IsThere(situation, f, it)))
            .With(cases, it => it.VirtualFunctions.Where(f => IsFree(f) && VgpuSteps.Was(situation, f, it)))
            .With(cases, it => it.VirtualFunctions.Where(IsFree).OrderByDescending(f => Lists(it, f)).ThenBy(f => f.Address));
    }

    /// <summary>Those of a card that are for a profile, ordered by address: as many as it wants, or as there are.</summary>
    public ImmutableArray<PciFunction> For(CardCase it) =>
        [.. it.VirtualFunctions.Where(f => Takers.GetValueOrDefault(f.Address) == it.Policy.Identity.Uid)];

    private static bool IsFree(PciFunction function) => function.Vgpu is { TypeId: null, IsUnreadable: false };

    private static bool Lists(CardCase it, PciFunction function) => function.Vgpu!.Creatable.Any(t => it.Wants(t.Id, t.Name));

    /// <summary>Each, in order, takes of these what it lacks and nobody has taken.</summary>
    private VgpuShares With(ImmutableArray<CardCase> cases, Func<CardCase, IEnumerable<PciFunction>> of) =>
        cases.Aggregate(
            this,
            (shares, it) =>
                new VgpuShares(
                    shares.Takers.AddRange(
                        of(it)
                            .Where(f => !shares.Takers.ContainsKey(f.Address))
                            .Take(Math.Max(0, it.Wanted - shares.For(it).Length))
                            .Select(f => KeyValuePair.Create(f.Address, it.Policy.Identity.Uid))
                    )
                )
        );
}
