using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Mdev;

/// <summary>A card on which a profile wants mediated devices.</summary>
internal sealed record CardCase(Situation Situation, DesiredPolicy.OfMdevProfile Policy, MdevCard Card) : ICase
{
    /// <summary>The way that devices of its resource name have on this host, where this card's is another; null as a rule.</summary>
    public MdevWay? OtherWay =>
        Situation.MdevWays.ByName.GetValueOrDefault(Policy.Spec.ResourceName) is { } way && way.IsVendorVfio != Card.IsVendorVfio
            ? way
            : null;

    /// <summary>How many there are to be, at most.</summary>
    public int Wanted => Policy.Spec.Instances.Count ?? Policy.Spec.Instances.Max ?? 0;

    /// <summary>How many devices the policy counts on a card, whatever there is; null where it takes what there is room for.</summary>
    public int? Named => TakesRoom ? null : Math.Max(1, Wanted);

    /// <summary>As many are made as there is room for: fewer than it may be is no lack.</summary>
    public bool TakesRoom => !IsOnDemand && Policy.Spec.Instances.Max is not null;

    /// <summary>They are made when a pod is given one.</summary>
    public bool IsOnDemand => Policy.Spec.Instances.Mode == MdevMode.OnDemand;

    /// <summary>Each parent that has the type, with it.</summary>
    public ImmutableArray<(MdevParent Parent, MdevType Type)> Makers =>
        field.IsDefault
            ? field = [.. Card.Parents.SelectMany(p => p.Types.Where(t => Wants(t.Id, t.Name)).Take(1).Select(t => (p, t)))]
            : field;

    public string TypeInWords => Policy.Spec.TypeId ?? $"\"{Policy.Spec.TypeName}\"";

    /// <summary>A name is one as sysfs has it, or without the vendor's word before it (<c>NVIDIA A10-4Q</c>, <c>GRID T4-1Q</c>).</summary>
    public bool Wants(string typeId, string? typeName) =>
        Policy.Spec.TypeId is { } id
            ? typeId == id
            : typeName is { } name
                && (name == Policy.Spec.TypeName || name[(name.IndexOf(' ', StringComparison.Ordinal) + 1)..] == Policy.Spec.TypeName);

    /// <summary>With vendor VFIO: the card's virtual functions that can have a type, or have one.</summary>
    public IEnumerable<PciFunction> VirtualFunctions =>
        Card.IsVendorVfio ? Card.Parents.Select(p => Situation.Inventory.Functions[p.PciAddress!.Value]) : [];

    public Finding Say(FindingState state, Reason reason, string message) => new(Policy.Identity, Card.Name, state, reason, message);
}
