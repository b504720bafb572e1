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

    public required DeviceFile? DeviceFile { get; init; }

    public required IommuBackend IommuBackend { get; init; }

    public bool Cordoned { get; init; }

    /// <summary>What its policy says of a change that must wait for a user: stop offering meanwhile, or withdraw nothing.</summary>
    public required Disruption Disruption { get; init; }

    public PciFunction Primary => Selected[0];

    public Finding Say(FindingState state, Reason reason, string message) =>
        new(Policy, Primary.Address.ToString(), state, reason, message);
}
