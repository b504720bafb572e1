using Hostdev.Crds;

namespace Hostdev.Planning.Mdev;

/// <summary>A virtual function that is to have a type, and for whom.</summary>
/// <param name="Card">Its physical function, whose room types compete for.</param>
internal sealed record VgpuTarget(PciAddress Address, string Card, string TypeId, string? TypeName, string PolicyUid);
