using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Mdev;

/// <summary>A card on which a profile wants mediated devices.</summary>
internal sealed record CardCase(Situation Situation, DesiredPolicy.OfMdevProfile Policy, MdevCard Card) : ICase
{
    /// <summary>Other cards of the profile are on the mdev bus, and this one is not.</summary>
    public bool IsBesideMdevs { get; init; }

    /// <summary>How many there are to be.</summary>
    public int Wanted => Policy.Spec.Instances.Count ?? Policy.Spec.Instances.Max ?? 0;

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
