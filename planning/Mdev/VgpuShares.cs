using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Mdev;

/// <summary>
/// Which virtual function is for which profile, where several want some of one card: what a profile has stays its own, and of the rest the
/// first profile has the first. One that somebody else gave a type is for none.
/// </summary>
internal sealed class VgpuShares
{
    private readonly Dictionary<PciAddress, string> _takers = [];

    private VgpuShares() { }

    public static VgpuShares Of(Situation situation)
    {
        var shares = new VgpuShares();
        var cases = EffectivePolicy
            .InOrderOfPrecedence(situation.Input.Policies)
            .Select(p => p.InForce)
            .OfType<DesiredPolicy.OfMdevProfile>()
            .Where(p => !PolicyChecks.All.Judge(new PolicyCase(p)).Refuses)
            .SelectMany(p => MdevCard.MeantBy(situation, p.Spec).Select(c => new CardCase(situation, p, c)))
            .Where(c => c.Card.IsVendorVfio && !CardChecks.All.Judge(c).Refuses)
            .ToList();
        foreach (var it in cases)
            shares.Take(it, it.VirtualFunctions.Where(f => VgpuSteps.IsThere(situation, f, it)));
        foreach (var it in cases)
            shares.Take(it, it.VirtualFunctions.Where(f => f.Vgpu!.TypeId is null && VgpuSteps.Was(situation, f, it)));
        foreach (var it in cases)
            shares.Take(it, Free(it));
        return shares;
    }

    /// <summary>Those of a card that are for a profile, ordered by address: as many as it wants, or as there are.</summary>
    public ImmutableArray<PciFunction> For(CardCase it) =>
        [.. it.VirtualFunctions.Where(f => _takers.GetValueOrDefault(f.Address) == it.Policy.Identity.Uid)];

    private static IEnumerable<PciFunction> Free(CardCase it) =>
        it.VirtualFunctions.Where(f => f.Vgpu is { TypeId: null, IsUnreadable: false })
            .OrderByDescending(f => f.Vgpu!.Creatable.Any(t => it.Wants(t.Id, t.Name)))
            .ThenBy(f => f.Address);

    private void Take(CardCase it, IEnumerable<PciFunction> functions)
    {
        var left = it.Wanted - For(it).Length;
        foreach (var function in functions.Where(f => !_takers.ContainsKey(f.Address)).Take(Math.Max(0, left)).ToList())
            _takers.Add(function.Address, it.Policy.Identity.Uid);
    }
}
