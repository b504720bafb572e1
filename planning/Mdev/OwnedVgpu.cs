using Hostdev.Crds;

namespace Hostdev.Planning.Mdev;

/// <summary>A type that we gave to a virtual function, or were about to.</summary>
/// <param name="TypeName">As the driver listed it; null where it had none.</param>
public sealed record OwnedVgpu(PciAddress Address, string TypeId, string? TypeName, string PolicyUid)
{
    /// <summary>
    /// Given before the machine booted, when the kernel forgot it: it says for whom the function is, and proves nothing of a type that it
    /// has now.
    /// </summary>
    public bool IsOfEarlierBoot { get; init; }
}
