using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Sriov;

/// <summary>A function that a SriovPolicy means, and what decides whether it manages its virtual functions.</summary>
internal sealed record PhysicalFunctionCase(Situation Situation, DesiredPolicy.OfSriovPolicy Policy, PciFunction Function) : ICase
{
    public Finding Say(FindingState state, Reason reason, string message) =>
        new(Policy.Identity, Function.Address.ToString(), state, reason, message);
}
