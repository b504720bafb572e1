using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>What a policy asks of one group.</summary>
internal sealed record UnitRequest : ICase
{
    public required PolicyIdentity Policy { get; init; }

    public required ResourceName Resource { get; init; }

    /// <summary>The functions of the group that the policy names, ordered; the first is the primary.</summary>
    public required ImmutableArray<PciFunction> Selected { get; init; }

    public required DriverChoice Driver { get; init; }

    public GroupPolicy GroupPolicy { get; init; }

    public ImmutableArray<GroupMember> Members { get; init; } = [];

    public ImmutableArray<Protection> AllowProtected { get; init; } = [];

    /// <summary>The addresses that selectors and <c>members</c> write out.</summary>
    public ImmutableHashSet<PciAddress> Addresses { get; init; } = [];

    public required DeviceFile? DeviceFile { get; init; }

    public required IommuBackend IommuBackend { get; init; }

    public bool Cordoned { get; init; }

    /// <summary>What its policy says of a change that must wait for a user: stop offering meanwhile, or withdraw nothing.</summary>
    public required Disruption Disruption { get; init; }

    public PciFunction Primary => Selected[0];

    /// <summary>
    /// Whether an admin said of this very function that the host can do without it. Who allows to take the network of one function says
    /// nothing of its siblings, which come along by a groupPolicy: their own address must stand in a selector or in <c>members</c>. A
    /// virtual function is named by its physical function.
    /// </summary>
    public bool Overrides(PciFunction function, Protection protection) => AllowProtected.Contains(protection) && IsNamed(function);

    public bool IsNamed(PciFunction function) => Selected.Contains(function) || Addresses.Contains(function.Address);

    public Finding Say(FindingState state, Reason reason, string message) =>
        new(Policy, Primary.Address.ToString(), state, reason, message);
}
