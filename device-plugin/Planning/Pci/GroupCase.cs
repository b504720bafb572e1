using System.Collections.Immutable;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Inventory;

namespace Hostdev.DevicePlugin.Planning.Pci;

/// <summary>A group that a policy asks for, and what decides whether it can be one unit.</summary>
/// <param name="Members">All functions of the group, bridges too; the primary alone where the host gives it no group.</param>
/// <param name="Asked">What becomes of them by what the policy says.</param>
internal sealed record GroupCase(PlanningContext Context, UnitRequest Request, ImmutableArray<PciFunction> Members, GroupShape Asked)
    : ICase
{
    public PciFunction Primary => Request.Primary;

    public HostInventory Inventory => Context.Inventory;

    /// <summary>The primary's; there are no checks behind the one that asks for it where the host gives it none.</summary>
    public IommuGroup Group => Inventory.GroupOf(Primary)!;

    /// <summary>
    /// Why a rule that became stricter leaves the group as it is; null where it is newly taken.
    /// </summary>
    public string? WhyItStays => Asked.WhyItStays(Context);

    /// <summary>The unit that it would be, and what of it is kept from the VM.</summary>
    public UnitForm Composed => field ??= UnitForm.AsAsked(this);

    /// <summary>What of the unit is not on its driver yet.</summary>
    public IReadOnlyList<PciFunction> ToTake =>
        field ??= [
            .. Composed
                .Unit.Functions()
                .Where(m => Inventory.Functions[m.Address].Driver != m.Driver)
                .Select(m => Inventory.Functions[m.Address]),
        ];

    public IReadOnlyList<(PciFunction Function, DeviceUser User)> UsesOfWhatIsTaken => field ??= UsesInTheWay.Of(Context, ToTake);

    /// <summary>What becomes of the members, as far as they are not the machine's own by now.</summary>
    public GroupShape Shape =>
        field ??= GroupChecks.Machine(this) is not null && WhyItStays is not null ? Asked.WithoutMachine(Context) : Asked;

    public static GroupCase Of(PlanningContext context, UnitRequest request)
    {
        ImmutableArray<PciFunction> members = context.Inventory.GroupOf(request.Primary) is { } group
            ? [.. group.Members.Select(a => context.Inventory.Functions[a])]
            : [request.Primary];
        return new GroupCase(context, request, members, GroupShape.Of(context, request, members));
    }

    public Finding Say(FindingState state, Reason reason, string message) =>
        new(Request.Policy, Primary.Address.ToString(), state, reason, message);
}
