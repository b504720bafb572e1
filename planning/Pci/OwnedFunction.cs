using Hostdev.Crds;

namespace Hostdev.Planning.Pci;

/// <summary>A function whose driver or override we changed.</summary>
/// <param name="OriginalDriver">The driver before our first write; null when it had none.</param>
/// <param name="OriginalOverride"><c>driver_override</c> before our first write; null when unset.</param>
/// <param name="PolicyUid">The policy it was taken for.</param>
public sealed record OwnedFunction(PciAddress Address, string? OriginalDriver, string? OriginalOverride, string PolicyUid);

/// <summary>A physical function whose number of virtual functions we changed.</summary>
/// <param name="SetupOpen">Virtual functions were being made: until every one was probed the host's autoprobe setting is not back.</param>
public sealed record OwnedPhysicalFunction(PciAddress Address, int OriginalNumVfs, bool OriginalAutoprobe, string PolicyUid, bool SetupOpen)
{
    /// <summary>The number that its driver was asked for last; null when none was, and in what earlier versions have written.</summary>
    public int? Asked { get; init; }

    /// <summary>
    /// The number that was there when the setup was closed: what its driver has made of <see cref="Asked"/>. Null when unknown.
    /// </summary>
    public int? Made { get; init; }
}
