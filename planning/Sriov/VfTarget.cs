using Hostdev.Crds;

namespace Hostdev.Planning.Sriov;

/// <summary>The number of virtual functions one physical function is to have; null keeps what is there.</summary>
internal sealed record VfTarget(PciAddress Address, int? NumVfs, string PolicyUid);
