using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;

namespace Hostdev.Planning.Sriov;

/// <summary>The number of virtual functions that a policy asks of one physical function, and what decides whether it is made.</summary>
/// <param name="Function">The physical function, which has SR-IOV.</param>
internal sealed record VfNumberCase(Situation Situation, DesiredPolicy.OfSriovPolicy Policy, PciFunction Function, int Wanted) : ICase
{
    public PciAddress Address => Function.Address;

    public SriovCapability Sriov => Function.Sriov!;

    /// <summary>The number that is there; checks behind the one that asks whether it can be read take it for read.</summary>
    public int? Now => Sriov.NumVfs;

    public OwnedPhysicalFunction? Owned => Situation.Input.Ownership.PhysicalFunctions.GetValueOrDefault(Address);

    /// <summary>The pools whose virtual functions are for VMs.</summary>
    public ImmutableArray<VfPool> Offered => [.. Policy.Spec.Pools.Where(p => p.ResourceName is not null)];

    public Finding Say(FindingState state, Reason reason, string message) =>
        new(Policy.Identity, Address.ToString(), state, reason, message);
}
