using System.Collections.Immutable;
using Hostdev.Crds;

namespace Hostdev.Planning.Pci;

/// <summary>The driver one function is to have, and for whom.</summary>
/// <param name="Carried">What goes with it when the host's driver lets it go.</param>
internal sealed record FunctionTarget(
    PciAddress Address,
    string Driver,
    string PolicyUid,
    DeviceId UnitId,
    ImmutableArray<UserKind> Overridden,
    ImmutableArray<DeviceId> Carried
);
