using Hostdev.Kube.Meta;

namespace Hostdev.Kubectl.Answers;

/// <summary>
/// One device of one node, as its agent reported it last. Texts are those of the status: whoever prints them makes them printable.
/// </summary>
public sealed record DeviceRow
{
    public required string Class { get; init; }

    public required string Node { get; init; }

    public required string Id { get; init; }

    /// <summary>What it is called; null where nothing says so.</summary>
    public string? Name { get; init; }

    public required DeviceUse State { get; init; }

    /// <summary>The word for why it is so; null where nothing is the matter.</summary>
    public string? Reason { get; init; }

    public string? Message { get; init; }

    /// <summary>Null for a device that belongs to none, and where an agent of the version before does not say of which.</summary>
    public string? Resource { get; init; }

    public string? Namespace { get; init; }

    public string? Pod { get; init; }

    /// <summary>The VM whose pod it is, as KubeVirt labels it; null for other pods, and where pods may not be read.</summary>
    public string? VirtualMachine { get; init; }

    /// <summary>When the pod that has it was created: it has had the device since it began. Null where pods may not be read.</summary>
    public DateTimeOffset? Since { get; init; }

    public string? Ids { get; init; }

    public string? Driver { get; init; }

    public int? NumaNode { get; init; }

    public int? IommuGroup { get; init; }

    /// <summary>Of a USB or SCSI device and a mediated one: the PCI function that it hangs on.</summary>
    public string? Parent { get; init; }

    public string? Serial { get; init; }

    /// <summary>It belongs to a resource and is not given out now, whoever has it.</summary>
    internal bool IsUnhealthy { get; init; }

    /// <summary>The pod that has it; null while none does.</summary>
    internal ObjectKey? PodKey => Pod is null ? null : new ObjectKey(Pod, Namespace);

    /// <summary>The pod as people write it.</summary>
    internal string? PodText => Pod is null ? null : $"{Namespace}/{Pod}";

    internal DeviceRow With(PodSight? pod) => pod is null ? this : this with { VirtualMachine = pod.VirtualMachine, Since = pod.Since };
}
