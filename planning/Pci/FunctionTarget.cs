using System.Collections.Immutable;
using Hostdev.Crds;

namespace Hostdev.Planning.Pci;

/// <summary>The driver one function is to have, and for whom.</summary>
/// <param name="UnitId">What its IOMMU group is as a unit by itself, also where it is in a device group.</param>
/// <param name="Carried">What goes with it when the host's driver lets it go.</param>
internal sealed record FunctionTarget(
    PciAddress Address,
    string Driver,
    string PolicyUid,
    DeviceId UnitId,
    ImmutableArray<UserKind> Overridden,
    ImmutableArray<DeviceId> Carried
);
