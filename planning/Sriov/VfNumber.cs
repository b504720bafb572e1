using Hostdev.Crds.Kinds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Sriov;

/// <summary>What becomes of the number of a physical function's virtual functions.</summary>
/// <param name="ToBe">The number that is brought about, or kept, by us; null leaves what is there.</param>
/// <param name="Cordon">Its virtual functions are not offered while the number waits for somebody.</param>
/// <param name="Ruling">What is said of it.</param>
internal sealed record VfNumber(int? ToBe, bool Cordon, Ruling Ruling)
{
    /// <summary>It is nobody's to change, or nobody wants it to be.</summary>
    private static VfNumber Left { get; } = new(null, false, Ruling.Nothing);

    public static VfNumber Of(Situation situation, DesiredPolicy.OfSriovPolicy policy, PciFunction pf)
    {
        if (policy.Spec.NumVfs is not { } wanted || policy.Spec.Management == VfManagement.External)
            return Left;
        var ruling = VfNumberChecks.All.Judge(new VfNumberCase(situation, policy, pf, wanted));
        return ruling.Refuses
            ? new VfNumber(null, ruling.Waits && policy.Spec.Disruption == Disruption.Cordon, ruling)
            : new VfNumber(wanted, false, ruling);
    }
}
