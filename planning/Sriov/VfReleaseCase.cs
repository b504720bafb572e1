using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;

namespace Hostdev.Planning.Sriov;

/// <summary>A physical function whose virtual functions we made, that no policy manages any more.</summary>
/// <param name="Function">It has SR-IOV.</param>
internal sealed record VfReleaseCase(Situation Situation, OwnedPhysicalFunction Owned, PciFunction Function) : ICase
{
    public ImmutableArray<PciAddress> VirtualFunctions => [.. Function.Sriov!.VirtualFunctions.Values];

    public Finding Say(FindingState state, Reason reason, string message) =>
        new(null, Owned.Address.ToString(), state, reason, message, Owned.PolicyUid);
}
