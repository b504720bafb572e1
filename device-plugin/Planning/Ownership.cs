using System.Collections.Immutable;
using Hostdev.Crds;

namespace Hostdev.DevicePlugin.Planning;

/// <summary>What the journal says we changed on this machine since it booted, and how it was before: all that giving back needs.</summary>
public sealed record Ownership
{
    public static Ownership None { get; } = new();

    public ImmutableSortedDictionary<PciAddress, OwnedFunction> Functions { get; init; } =
        ImmutableSortedDictionary<PciAddress, OwnedFunction>.Empty;

    /// <summary>Devices that were found broken in this boot, and those that a reset has proven since.</summary>
    public ImmutableSortedDictionary<DeviceId, KnownHealth> Health { get; init; } = ImmutableSortedDictionary<DeviceId, KnownHealth>.Empty;

    public ImmutableSortedDictionary<PciAddress, OwnedPhysicalFunction> PhysicalFunctions { get; init; } =
        ImmutableSortedDictionary<PciAddress, OwnedPhysicalFunction>.Empty;
}

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

/// <summary>What is known of a device's health beyond what it shows now.</summary>
/// <param name="Fault">Why it is out of service; null once a reset has proven it.</param>
/// <param name="FatalErrors">Fatal errors that are accounted for: only more than these are news.</param>
public sealed record KnownHealth(DeviceId Device, string? Fault, long FatalErrors);
