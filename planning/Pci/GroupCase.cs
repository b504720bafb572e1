using System.Collections.Immutable;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>A group that a policy asks for, and what decides whether it can be one unit.</summary>
/// <param name="Members">All functions of the group, bridges too; the primary alone where the host gives it no group.</param>
/// <param name="Asked">What becomes of them by what the policy says.</param>
internal sealed record GroupCase(Situation Situation, UnitRequest Request, ImmutableArray<PciFunction> Members, GroupShape Asked) : ICase
{
    public PciFunction Primary => Request.Primary;

    public HostInventory Inventory => Situation.Inventory;

    /// <summary>The primary's; there are no checks behind the one that asks for it where the host gives it none.</summary>
    public IommuGroup Group => Inventory.GroupOf(Primary)!;

    /// <summary>
    /// Why a rule that became stricter leaves the group as it is; null where it is newly taken.
    /// </summary>
    public string? WhyItStays => Asked.WhyItStays(Situation);

    /// <summary>The unit that it would be, and what of it is kept from the VM.</summary>
    public UnitForm Composed => field ??= UnitForm.AsAsked(this);

    /// <summary>What of the unit a VM gets.</summary>
    public IReadOnlyList<PciFunction> Assigned =>
        field ??= [.. ((Handout.VfioGroup)Composed.Unit.Handout).Assigned.Select(m => Inventory.Functions[m.Address])];

    /// <summary>What of the unit is not on its driver yet.</summary>
    public IReadOnlyList<PciFunction> ToTake =>
        field ??= [
            .. Composed
                .Unit.Functions()
                .Where(m => Inventory.Functions[m.Address].Driver != m.Driver)
                .Select(m => Inventory.Functions[m.Address]),
        ];

    public IReadOnlyList<UseInTheWay> UsesOfWhatIsTaken => field ??= UsesInTheWay.Of(Situation, ToTake);

    /// <summary>What becomes of the members, as far as they are not the machine's own by now.</summary>
    public GroupShape Shape =>
        field ??= GroupChecks.Machine(this) is not null && WhyItStays is not null ? Asked.WithoutMachine(Situation) : Asked;

    public static GroupCase Of(Situation situation, UnitRequest request)
    {
        ImmutableArray<PciFunction> members = situation.Inventory.GroupOf(request.Primary) is { } group
            ? [.. group.Members.Select(a => situation.Inventory.Functions[a])]
            : [request.Primary];
        return new GroupCase(situation, request, members, GroupShape.Of(situation, request, members));
    }

    public Finding Say(FindingState state, Reason reason, string message) => Request.Say(state, reason, message);
}
