using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;

namespace Hostdev.Planning.Mdev;

/// <summary>
/// What an admin counts by: a parent with a name of its own, or a physical function with all that makes mediated devices on it, itself or
/// its virtual functions (on NVIDIA's Ampere boards the types are on those).
/// </summary>
/// <param name="Name">The physical function's address, or the parent's name in <c>/sys/class/mdev_bus</c>.</param>
/// <param name="Parents">Ordered by name.</param>
internal sealed record MdevCard(string Name, ImmutableArray<MdevParent> Parents)
{
    /// <summary>The cards that a profile means, ordered by name.</summary>
    public static ImmutableArray<MdevCard> MeantBy(Situation situation, MdevParents wanted)
    {
        var terms = wanted.Selectors.Select(SelectorTerms.Of).ToList();
        return
        [
            .. situation
                .Inventory.MdevParents.Select(parent => (Parent: parent, Function: CardOf(situation, parent)))
                .Where(p => wanted.Names.Contains(p.Parent.Name) || IsMeant(p.Parent, p.Function))
                .GroupBy(p => p.Function?.Address.ToString() ?? p.Parent.Name, StringComparer.Ordinal)
                .Select(g => new MdevCard(g.Key, [.. g.Select(p => p.Parent).OrderBy(p => p.Name, StringComparer.Ordinal)]))
                .OrderBy(c => c.Name, StringComparer.Ordinal),
        ];

        bool IsMeant(MdevParent parent, PciFunction? card) =>
            card is not null && terms.Exists(t => Matches(t, card) || (FunctionOf(situation, parent) is { } own && Matches(t, own)));

        bool Matches(SelectorTerms term, PciFunction function) =>
            term.Matches(function, situation.HostDriver(function), situation.NamesOf(function));
    }

    private static PciFunction? CardOf(Situation situation, MdevParent parent) =>
        FunctionOf(situation, parent) is not { } function ? null
        : function.PhysicalFunction is { } physical && situation.Inventory.Functions.TryGetValue(physical, out var pf) ? pf
        : function;

    private static PciFunction? FunctionOf(Situation situation, MdevParent parent) =>
        parent.PciAddress is { } address ? situation.Inventory.Functions.GetValueOrDefault(address) : null;
}
