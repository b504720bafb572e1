using Hostdev.Crds.Words;
using Hostdev.Planning.Pci;

namespace Hostdev.Planning.Sriov;

/// <summary>What keeps a function from being one that a SriovPolicy manages at all.</summary>
internal static class PhysicalFunctionChecks
{
    public static Checks<PhysicalFunctionCase> All { get; } = new(UnreadableCapability, NoCapability);

    /// <summary>What could not be read is not absent.</summary>
    private static Objection? UnreadableCapability(PhysicalFunctionCase it) =>
        it.Function.Sriov is null ? Objection.Of(it.Situation.Unreadable(it.Function)) : null;

    private static Objection? NoCapability(PhysicalFunctionCase it) =>
        it.Function.Sriov is null
            ? Objection.Of(
                Reasons.NoSriov,
                $"{it.Function.Address} has no SR-IOV capability: select another device, or enable SR-IOV in its firmware"
            )
            : null;
}
