using System.Collections.Immutable;
using Hostdev.Crds.Words;
using Hostdev.Kube.Meta;

namespace Hostdev.Crds.Kinds;

public enum MdevMode
{
    /// <summary>
    /// <see cref="MdevInstances.Count"/> instances are created and stay; with <see cref="MdevInstances.Max"/> as many as there is room for.
    /// </summary>
    Static,

    /// <summary>Created at Allocate, at most <see cref="MdevInstances.Max"/>, removed when the pod is gone.</summary>
    OnDemand,
}

/// <summary>By which of the kernel's ways a device of a type is made.</summary>
public enum MdevTransport
{
    /// <summary>By what the host shows: the mdev bus where a card has <c>mdev_supported_types</c>, else vendor VFIO.</summary>
    Auto,

    /// <summary>A device on the mdev bus, by its UUID.</summary>
    Mdev,

    /// <summary>
    /// A virtual function that is given the type itself and stays on its driver (<c>nvidia/current_vgpu_type</c>): a VM gets it as a PCI
    /// device.
    /// </summary>
    VendorVfio,
}

/// <summary>Spec of <c>MdevProfile</c>: mediated devices of one type.</summary>
public sealed record MdevProfileSpec : IPolicySpec
{
    public required ResourceName ResourceName { get; init; }

    public required LabelSelector NodeSelector { get; init; }

    public int Priority { get; init; }

    public Rollout? Rollout { get; init; }

    public Disruption Disruption { get; init; }

    public DeviceFile? DeviceFile { get; init; }

    public ImmutableArray<Risk>? AcceptRisks { get; init; }

    public ImmutableArray<Vmm>? VmmArguments { get; init; }

    public required MdevParents Parents { get; init; }

    /// <summary>
    /// Null is <see cref="MdevTransport.Auto"/>: it is not written where nobody wrote it, for agents that do not know it.
    /// </summary>
    public MdevTransport? Transport { get; init; }

    /// <summary>The type's directory name under <c>mdev_supported_types</c>. Exactly one of this and <see cref="TypeName"/>.</summary>
    public string? TypeId { get; init; }

    /// <summary>What the type's <c>name</c> file says.</summary>
    public string? TypeName { get; init; }

    public required MdevInstances Instances { get; init; }

    /// <summary>Of versions before, which never wrote them, and without an order: see <see cref="MdevInstances.Attributes"/>.</summary>
    public ImmutableSortedDictionary<string, string> Attributes
    {
        get => field ?? ImmutableSortedDictionary<string, string>.Empty;
        init;
    }
}

public sealed record MdevParents
{
    /// <summary>PCI parents, OR-ed.</summary>
    public ImmutableArray<PciProperties> Selectors
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>Parents by their name in <c>/sys/class/mdev_bus</c>, for parents that are no PCI functions.</summary>
    public ImmutableArray<string> Names
    {
        get => field.IsDefault ? [] : field;
        init;
    }
}

public sealed record MdevInstances
{
    public MdevMode Mode { get; init; }

    /// <summary>Per parent; with <see cref="MdevMode.Static"/>, where <see cref="Max"/> is not given.</summary>
    public int? Count { get; init; }

    /// <summary>Per parent, at most.</summary>
    public int? Max { get; init; }

    /// <summary>
    /// Written to each new instance in this order, before anybody may use it. Null where the field is absent, as in
    /// <see cref="SriovPolicySpec.Attributes"/>.
    /// </summary>
    public ImmutableArray<FileValue>? Attributes { get; init; }
}
