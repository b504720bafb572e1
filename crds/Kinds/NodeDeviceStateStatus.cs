using System.Collections.Immutable;
using Hostdev.Crds.Words;

namespace Hostdev.Crds.Kinds;

/// <summary>What is on one node, never what is meant; written by that node's agent alone.</summary>
public sealed record NodeDeviceStateStatus
{
    /// <summary>The <c>metadata.generation</c> that the agent follows; null where it follows a file, or nothing yet.</summary>
    public long? ObservedGeneration { get; init; }

    /// <summary>
    /// The fields of <c>spec</c> that the agent understands (<see cref="NodeDeviceStateSpec.Follows"/>). Null where an agent wrote it that
    /// did not say so: it knows <c>policies</c> alone, and follows nothing where there is anything else.
    /// </summary>
    public ImmutableArray<string>? Follows { get; init; }

    /// <summary>
    /// Whether lists were cut, because one was longer than the schema allows or all of it larger than 256 KB. What they lack may be there,
    /// and counts still count everything.
    /// </summary>
    public bool Truncated { get; init; }

    /// <summary>Null where an agent of the version before wrote it.</summary>
    public StatusCounts? Counts { get; init; }

    public required HostStatus Host { get; init; }

    /// <summary>What devices are called, once for each class, vendor and device. Ordered by class and ids.</summary>
    public ImmutableArray<DeviceName> Names
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>
    /// The devices of all classes that a policy matches, that are taken, or that could be passed; bridges, hubs and VFs left out. Ordered
    /// by <see cref="DeviceId"/>. Until the version before, PCI functions alone.
    /// </summary>
    public required ImmutableArray<DeviceStatus> Devices { get; init; }

    /// <summary>VFs as ranges on their physical function.</summary>
    public required ImmutableArray<VirtualFunctionsStatus> VirtualFunctions { get; init; }

    public required ImmutableArray<AllocationStatus> Allocations { get; init; }

    /// <summary>In order of precedence.</summary>
    public required ImmutableArray<PolicyResult> Policies { get; init; }

    /// <summary>What is still being given back, though no policy wants it.</summary>
    public required ImmutableArray<DeviceProblem> Releasing { get; init; }

    /// <summary>
    /// What came of <c>spec.cordons</c>: each unit that is kept back, with its primary device, and each entry that keeps back none. Null
    /// where there are no cordons.
    /// </summary>
    public ImmutableArray<DeviceProblem>? Cordons { get; init; }

    public required ImmutableArray<ResourceStatus> Resources { get; init; }

    public required ImmutableArray<NodeCondition> Conditions { get; init; }
}

/// <summary>How much there is, for a list of nodes: what lists that were cut lack is counted too.</summary>
/// <param name="Devices">Without bridges, hubs and virtual functions.</param>
/// <param name="Offered">Units that the kubelet can give out, or has given.</param>
/// <param name="Allocated">Units that pods have.</param>
/// <param name="Problems">Devices that something stands in the way of, each once for each policy.</param>
public sealed record StatusCounts(int Devices, int Offered, int Allocated, int Problems);

public sealed record HostStatus
{
    public required string Kernel { get; init; }

    public required string Architecture { get; init; }

    public required string BootId { get; init; }

    public required bool Iommu { get; init; }

    /// <summary>Yes, No, NotApplicable or Unknown.</summary>
    public required string InterruptRemapping { get; init; }

    public required ImmutableArray<string> KernelArguments { get; init; }

    public required ImmutableArray<string> VfioDrivers { get; init; }

    /// <summary>Files of the host that cannot be read or understood, each with what is wrong; at most 20.</summary>
    public required ImmutableArray<string> Problems { get; init; }
}

/// <param name="Ids"><c>vendor:device</c>, as <see cref="DeviceStatus.Ids"/>.</param>
/// <param name="Class">As <see cref="DeviceStatus.Class"/>.</param>
public sealed record DeviceName(string Ids, string Name, string? Class = null);

/// <summary>What every device has, and a part for what its class alone has. Made by <see cref="Of"/>.</summary>
public sealed record DeviceStatus
{
    /// <summary>The <see cref="DeviceId"/>. Null where an agent of the version before wrote it, which knew PCI addresses alone.</summary>
    public string? Id { get; init; }

    /// <summary>The word of the <see cref="DeviceClass"/>. Null where an agent of the version before wrote it: <c>pci</c>.</summary>
    public string? Class { get; init; }

    /// <summary><c>vendor:device</c>; null where the class has no such numbers.</summary>
    public string? Ids { get; init; }

    public string? Driver { get; init; }

    public int? NumaNode { get; init; }

    /// <summary>Who has taken it, as <see cref="DeviceState"/> writes it; null when it is the host's.</summary>
    public string? State { get; init; }

    /// <summary>Null for other classes, as is each part that follows.</summary>
    public PciDeviceStatus? Pci { get; init; }

    public UsbDeviceStatus? Usb { get; init; }

    public ScsiDeviceStatus? Scsi { get; init; }

    public MdevDeviceStatus? Mdev { get; init; }

    /// <summary>
    /// The id of a PCI function once more, in this version alone: the CRD of the version before requires it, by which a helm rollback
    /// replaces this one's while agents of this version still write; and without it the agent of that version could not read the status.
    /// </summary>
    public string? PciAddress { get; init; }

    public static DeviceStatus Of(DeviceId id) =>
        new()
        {
            Id = id.ToString(),
            Class = id.Class.Word(),
            PciAddress = id.AsPci?.ToString(),
        };
}

/// <summary>
/// What PCI functions alone have. What selectors of policies ask for stands here too, so that what a policy would come to can be told
/// without the node; agents of the version before wrote the group alone.
/// </summary>
/// <param name="IommuGroup">Null where it has none.</param>
/// <param name="ClassCode">All six digits: <c>030000</c>. Null where an agent of the version before wrote it.</param>
public sealed record PciDeviceStatus(int? IommuGroup = null, PciClass? ClassCode = null)
{
    /// <summary>Subsystem <c>vendor:device</c>; null where it has none.</summary>
    public string? Subsystem { get; init; }

    /// <summary>As the firmware names it; null where it does not.</summary>
    public string? Slot { get; init; }

    /// <summary>Names of its network interfaces, at most 16; null where it has none.</summary>
    public ImmutableArray<string>? Interfaces { get; init; }

    /// <summary>Null where it can have no virtual functions.</summary>
    public SriovDeviceStatus? Sriov { get; init; }
}

/// <summary>How many virtual functions a function can have, and where they come to be (PCIe, "First VF Offset" and "VF Stride").</summary>
/// <param name="Offset">From its own address to that of number 0; 0 where it is not known yet.</param>
/// <param name="Stride">From each to the next.</param>
public sealed record SriovDeviceStatus(int TotalVfs, int Offset, int Stride);

/// <summary>What USB devices alone have: which one of its kind is in the socket.</summary>
/// <param name="Serial">Null where it reports none.</param>
public sealed record UsbDeviceStatus(string? Serial = null);

/// <summary>What SCSI devices alone have: what they call themselves.</summary>
/// <param name="Controller">The PCI address of the adapter; null where it has none.</param>
/// <param name="Wwid">Its name in the world; null where it has none, and where an agent of the version before wrote it.</param>
/// <param name="Address">Host:channel:target:LUN, until the next boot or replug. Null where an agent of the version before wrote
/// it.</param>
public sealed record ScsiDeviceStatus(
    string? Controller = null,
    string? Vendor = null,
    string? Model = null,
    string? Serial = null,
    string? Wwid = null,
    string? Address = null
);

/// <summary>What mediated devices alone have.</summary>
/// <param name="TypeId">As the driver names it, for example <c>nvidia-222</c>.</param>
/// <param name="Parent">The name in <c>/sys/class/mdev_bus</c>: as a rule a PCI address. Null while it is not made yet.</param>
public sealed record MdevDeviceStatus(string TypeId, string? Parent = null);

/// <param name="Ranges">For example <c>0-3: vfio-pci</c>.</param>
public sealed record VirtualFunctionsStatus(string PhysicalFunction, int Total, int Current, ImmutableArray<string> Ranges);

/// <param name="WaitsFor">When the kubelet lists no pod with it any more: which proof is still lacking before it counts as returned. Null
/// while a pod has it.</param>
public sealed record AllocationStatus(string Id, string Resource, string? Namespace = null, string? Pod = null, string? WaitsFor = null);

public sealed record PolicyResult
{
    public required string Kind { get; init; }

    public required string Name { get; init; }

    public required string Uid { get; init; }

    public required long Generation { get; init; }

    /// <summary>
    /// Units that its selectors match, offered or not; of a SriovPolicy the virtual functions of its pools, or the physical functions where
    /// there are none yet.
    /// </summary>
    public required int Matched { get; init; }

    /// <summary>Units offered and healthy.</summary>
    public required int Ready { get; init; }

    public required int Blocked { get; init; }

    /// <summary>Units that pods have.</summary>
    public int Allocated { get; init; }

    /// <summary>
    /// <c>vendor:device</c> of the units' primary functions, each once: what KubeVirt's <c>pciVendorSelector</c> asks for.
    /// </summary>
    public ImmutableArray<string> Ids
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>
    /// The last generation of this policy that was Ready here; 0 where none was. Null in a file, and in what agents wrote that did not know
    /// it: nothing says then what was before.
    /// </summary>
    public long? ReadyGeneration { get; init; }

    /// <summary>Ready, Progressing, Blocked, Frozen or NoMatch.</summary>
    public required Reason Reason { get; init; }

    public required string Message { get; init; }

    public required ImmutableArray<DeviceProblem> Problems { get; init; }
}

/// <param name="PolicyUid">With Releasing: the policy that it was taken for.</param>
public sealed record DeviceProblem(string Device, FindingState State, Reason Reason, string Message, string? PolicyUid = null);

/// <param name="Problem">Why the kubelet does not have it; null when it has.</param>
public sealed record ResourceStatus(string Name, int Capacity, int Allocatable, bool Registered, string? Problem = null);

/// <summary>
/// A condition of a node. An agent without an API server, which writes a file, gives no times: the same state is the same text.
/// </summary>
/// <param name="Type">One of <see cref="ConditionTypes"/>.</param>
/// <param name="Status">True, False or Unknown.</param>
/// <param name="LastTransitionTime">Moves only with <paramref name="Status"/>.</param>
/// <param name="ObservedGeneration">The <c>metadata.generation</c> that was looked at.</param>
public sealed record NodeCondition(
    string Type,
    string Status,
    Reason Reason,
    string Message,
    DateTimeOffset? LastTransitionTime = null,
    long? ObservedGeneration = null
);
