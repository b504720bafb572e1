using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;
using Hostdev.Planning.Sriov;

namespace Hostdev.Planning.Mdev;

/// <summary>
/// What an admin counts by: a parent with a name of its own, or a physical function with all that makes devices of a type on it, itself or
/// its virtual functions (on NVIDIA's Ampere boards the types are on those, and with vendor VFIO they are what is given a type).
/// </summary>
/// <param name="Name">The physical function's address, or the parent's name in <c>/sys/class/mdev_bus</c>.</param>
/// <param name="Parents">
/// Ordered by name. With vendor VFIO the virtual functions that a type can be given to, each as a parent of one: its types are those that
/// it can be given now.
/// </param>
internal sealed record MdevCard(string Name, ImmutableArray<MdevParent> Parents)
{
    private const string PciApi = "vfio-pci";

    /// <summary>Its devices are virtual functions that are given a type.</summary>
    public bool IsVendorVfio { get; init; }

    /// <summary>The physical function; null for a parent that is no PCI function.</summary>
    public PciFunction? Function { get; init; }

    /// <summary>Whether its devices are made in the way that a profile asks for.</summary>
    public bool IsBy(MdevTransport? transport) =>
        transport switch
        {
            MdevTransport.VendorVfio => IsVendorVfio,
            MdevTransport.Mdev => !IsVendorVfio,
            _ => true,
        };

    /// <summary>The cards that a profile means, ordered by name.</summary>
    public static ImmutableArray<MdevCard> MeantBy(Situation situation, MdevProfileSpec wanted)
    {
        var terms = wanted.Parents.Selectors.Select(SelectorTerms.Of).ToList();
        var parents = situation
            .Inventory.MdevParents.Where(p => wanted.Parents.Names.Contains(p.Name) || IsMeant(FunctionOf(situation, p)))
            .Select(p => (Parent: p, Card: CardOf(situation, FunctionOf(situation, p))));
        var onBus = situation.Inventory.MdevParents.Select(p => CardOf(situation, FunctionOf(situation, p))?.Address).ToHashSet();
        var typed = situation
            .Inventory.Functions.Values.Where(f => f.Vgpu is not null && !onBus.Contains(f.PhysicalFunction) && IsMeant(f))
            .Select(f => (Parent: ParentOf(f), Card: CardOf(situation, f)));
        var bare = situation.Inventory.Functions.Values.Where(f =>
            !onBus.Contains(f.Address) && IsMeant(f) && CouldHaveTypes(wanted, f) && !HasTypes(situation, f)
        );
        return
        [
            .. CardsOf(parents, isVendorVfio: false)
                .Concat(CardsOf(typed, isVendorVfio: true))
                .Concat(bare.Select(f => new MdevCard(f.Address.ToString(), []) { IsVendorVfio = true, Function = f }))
                .OrderBy(c => c.Name, StringComparer.Ordinal),
        ];

        bool IsMeant(PciFunction? function) =>
            function is not null
            && terms.Exists(t => Matches(t, function) || (CardOf(situation, function) is { } card && Matches(t, card)));

        bool Matches(SelectorTerms term, PciFunction function) =>
            term.Matches(function, situation.HostDriver(function), situation.NamesOf(function));
    }

    private static IEnumerable<MdevCard> CardsOf(IEnumerable<(MdevParent Parent, PciFunction? Card)> parents, bool isVendorVfio) =>
        parents
            .GroupBy(p => p.Card?.Address.ToString() ?? p.Parent.Name, StringComparer.Ordinal)
            .Select(g => new MdevCard(g.Key, [.. g.Select(p => p.Parent).OrderBy(p => p.Name, StringComparer.Ordinal)])
            {
                IsVendorVfio = isVendorVfio,
                Function = g.First().Card,
            });

    private static MdevParent ParentOf(PciFunction virtualFunction) =>
        new()
        {
            Name = virtualFunction.Address.ToString(),
            PciAddress = virtualFunction.Address,
            NumaNode = virtualFunction.NumaNode,
            Types = [.. virtualFunction.Vgpu!.Creatable.Select(t => new MdevType(t.Id, t.Name, 1, PciApi, null))],
        };

    /// <summary>A card whose virtual functions are not there yet, or not on the driver that gives them types.</summary>
    private static bool CouldHaveTypes(MdevProfileSpec wanted, PciFunction function) =>
        function.Sriov is not null
        && (wanted.Transport == MdevTransport.VendorVfio || (wanted.Transport != MdevTransport.Mdev && VendorCards.IsNvidia(function)));

    private static bool HasTypes(Situation situation, PciFunction function) =>
        function.Sriov!.VirtualFunctions.Values.Any(a => situation.Inventory.Functions.GetValueOrDefault(a)?.Vgpu is not null);

    private static PciFunction? CardOf(Situation situation, PciFunction? function) =>
        function?.PhysicalFunction is { } physical && situation.Inventory.Functions.TryGetValue(physical, out var pf) ? pf : function;

    private static PciFunction? FunctionOf(Situation situation, MdevParent parent) =>
        parent.PciAddress is { } address ? situation.Inventory.Functions.GetValueOrDefault(address) : null;
}
