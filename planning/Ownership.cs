using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Planning.Attributes;
using Hostdev.Planning.Lending;
using Hostdev.Planning.Mdev;
using Hostdev.Planning.Pci;

namespace Hostdev.Planning;

/// <summary>What the journal says we changed on this machine since it booted, and how it was before: all that giving back needs.</summary>
public sealed record Ownership
{
    public static Ownership None { get; } = new();

    public ImmutableSortedDictionary<DeviceId, OwnedFunction> Functions { get; init; } =
        ImmutableSortedDictionary<DeviceId, OwnedFunction>.Empty;

    /// <summary>Devices that were found broken in this boot, and those that a reset has proven since.</summary>
    public ImmutableSortedDictionary<DeviceId, KnownHealth> Health { get; init; } = ImmutableSortedDictionary<DeviceId, KnownHealth>.Empty;

    public ImmutableSortedDictionary<DeviceId, OwnedPhysicalFunction> PhysicalFunctions { get; init; } =
        ImmutableSortedDictionary<DeviceId, OwnedPhysicalFunction>.Empty;

    /// <summary>Files of devices that we wrote, in the order in which that began.</summary>
    public ImmutableArray<OwnedAttribute> Attributes { get; init; } = [];

    /// <summary>Mediated devices that we made; they may be gone.</summary>
    public ImmutableSortedDictionary<DeviceId, OwnedMdev> Mdevs { get; init; } = ImmutableSortedDictionary<DeviceId, OwnedMdev>.Empty;

    /// <summary>Virtual functions that we gave a type of vGPU; they may have lost it.</summary>
    public ImmutableSortedDictionary<DeviceId, OwnedVgpu> Vgpus { get; init; } = ImmutableSortedDictionary<DeviceId, OwnedVgpu>.Empty;

    /// <summary>Devices that were lent to pods as they are, as far as they were not taken back.</summary>
    public ImmutableSortedDictionary<DeviceId, OwnedLoan> Loans { get; init; } = ImmutableSortedDictionary<DeviceId, OwnedLoan>.Empty;

    /// <summary>Null for a file that is not ours.</summary>
    public OwnedAttribute? Attribute(AttributeFile file) => Attributes.FirstOrDefault(a => a.File == file);
}

/// <summary>What is known of a device's health beyond what it shows now.</summary>
/// <param name="Fault">Why it is out of service; null once a reset has proven it.</param>
/// <param name="FatalErrors">Fatal errors that are accounted for: only more than these are news.</param>
public sealed record KnownHealth(DeviceId Device, string? Fault, long FatalErrors);
