using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Pci;

namespace Hostdev.Planning.Sriov;

/// <summary>What keeps a function from being one that a SriovPolicy manages at all.</summary>
internal static class PhysicalFunctionChecks
{
    public static Checks<PhysicalFunctionCase> All { get; } = new(UnreadableCapability, NoCapability, VendorMakesVfs);

    /// <summary>
    /// NVIDIA's tool takes the driver away for a moment, and puts the function on pci-pf-stub: meanwhile nothing is written either.
    /// </summary>
    private static Objection? VendorMakesVfs(PhysicalFunctionCase it)
    {
        var function = it.Function;
        var areOurs = function.Sriov!.NumVfs > 0 && it.Situation.Input.Ownership.PhysicalFunctions.ContainsKey(function.Address);
        if (it.Policy.Spec.Management != VfManagement.Owned || areOurs)
            return null;
        var instead =
            function.Driver == "gim" ? "gim makes them when it is loaded"
            : VendorCards.IsNvidia(function) && function.Driver is null or "nvidia" or "pci-pf-stub"
                ? $"{VendorCards.ToolFor(function)} makes them, and a MdevProfile gives them their types of vGPU"
            : null;
        return instead is null
            ? null
            : Objection.Of(
                Reasons.VendorMakesVfs,
                $"{function.Address} gets no virtual functions by management: Owned, its driver takes no number of them from the kernel: "
                    + $"{instead}. Write management: External, or remove the policy"
            );
    }

    /// <summary>What could not be read is not absent.</summary>
    private static Objection? UnreadableCapability(PhysicalFunctionCase it) =>
        it.Function.Sriov is null ? Objection.Of(it.Situation.Unreadable(it.Function))?.WithoutMore() : null;

    private static Objection? NoCapability(PhysicalFunctionCase it) =>
        it.Function.Sriov is null
            ? Objection
                .Of(
                    Reasons.NoSriov,
                    $"{it.Function.Address} has no SR-IOV capability: select another device, or enable SR-IOV in its firmware"
                )
                ?.WithoutMore()
            : null;
}
