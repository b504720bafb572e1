using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Hostdev.Crds.Words;
using Hostdev.Kube.Meta;

namespace Hostdev.Crds.Kinds;

public enum Disruption
{
    /// <summary>Withdraw nothing; apply a change when the device happens to be idle.</summary>
    WhenIdle,

    /// <summary>Stop offering the device, wait until it is free, apply, offer again.</summary>
    Cordon,
}

public enum GroupPolicy
{
    /// <summary>Every other member of the group, bridges excepted, must be declared in <see cref="PciDevices.Members"/>.</summary>
    Explicit,

    /// <summary>The other members are taken from the host, and not given to the VM.</summary>
    HoldSiblings,

    /// <summary>The other members go to the VM too.</summary>
    AssignSiblings,
}

public enum IommuBackend
{
    /// <summary>The group's node, and the cdev nodes where the host has them.</summary>
    LegacyAndCdev,

    /// <summary>The group's node alone.</summary>
    Legacy,
}

/// <summary>Whether the agent resets a device, which it does to prove that a fault is gone. VFIO asks nobody.</summary>
public enum ResetChoice
{
    /// <summary>A broken one that nobody has, where no reset is known to harm it.</summary>
    Auto,

    /// <summary>None.</summary>
    Never,
}

public enum Binding
{
    /// <summary>Taken from the host when the policy comes into force.</summary>
    Static,

    /// <summary>Stays with its host driver until a pod gets it, and returns when the pod is gone.</summary>
    OnAllocate,
}

/// <summary>What an admin may override with <c>allowProtected</c>: the host's own need of a device.</summary>
public enum Protection
{
    /// <summary>The console: boot VGA, or a framebuffer on it.</summary>
    Console,

    /// <summary>A mounted file system, swap, dm or md below the device.</summary>
    Storage,

    /// <summary>A network interface with an address, or part of a bond or bridge.</summary>
    Network,

    /// <summary>A part of the machine itself: memory and power controllers, SMBus, firmware flash, security processor.</summary>
    System,
}

/// <summary>What comes of a device that a selector matches and that the host needs.</summary>
public enum OnProtected
{
    /// <summary>It is blocked, and the policy says so.</summary>
    Block,

    /// <summary>It is not meant, for as long as the host needs it: it is counted, and troubles nobody.</summary>
    PassOver,
}

/// <summary>Spec of <c>HostDevice</c>: whole devices under one resource name.</summary>
public sealed record HostDeviceSpec : IPolicySpec
{
    public required ResourceName ResourceName { get; init; }

    public required LabelSelector NodeSelector { get; init; }

    public int Priority { get; init; }

    public Rollout? Rollout { get; init; }

    public Disruption Disruption { get; init; }

    public DeviceFile? DeviceFile { get; init; }

    public ImmutableArray<Risk>? AcceptRisks { get; init; }

    public ImmutableArray<Vmm>? VmmArguments { get; init; }

    public Binding Binding { get; init; }

    /// <summary>
    /// Only where every selector names the devices that it means: by addresses, a USB port, a SCSI serial number or wwid.
    /// </summary>
    public ImmutableArray<Protection> AllowProtected
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    public required DeviceSource Devices { get; init; }
}

/// <summary>Exactly one of the four.</summary>
public sealed record DeviceSource
{
    public PciDevices? Pci { get; init; }

    public UsbDevices? Usb { get; init; }

    public ScsiDevices? Scsi { get; init; }

    public DeviceGroup? Group { get; init; }

    /// <summary>Of which PCI devices it is said what is meant, whether they are had one by one or together.</summary>
    [JsonIgnore]
    public IEnumerable<PciDevices> AllPci => Pci is { } pci ? [pci] : Group?.Members.Select(m => m.Pci) ?? [];
}

/// <summary>How far apart devices may be at most.</summary>
public enum Nearness
{
    /// <summary>Below one PCIe switch.</summary>
    Switch,

    RootPort,

    NumaNode,

    /// <summary>Wherever they are.</summary>
    Machine,
}

/// <summary>Several devices that are had together: as many such groups are made as there are devices for.</summary>
public sealed record DeviceGroup
{
    /// <summary>Null where the field is absent, which is <see cref="Nearness.NumaNode"/>.</summary>
    public Nearness? Within { get; init; }

    /// <summary>What each group is made of; the first names it.</summary>
    public required ImmutableArray<DeviceGroupMember> Members { get; init; }
}

public sealed record DeviceGroupMember
{
    public required string Name { get; init; }

    /// <summary>How many of it are in each group, 1 to 16; null where the field is absent, which is 1.</summary>
    public int? Count { get; init; }

    /// <summary>
    /// The resource by which KubeVirt takes it to the VM, beside the policy's own; of the first member, what comes after its first device.
    /// </summary>
    public ResourceName? Companion { get; init; }

    public required PciDevices Pci { get; init; }
}

public sealed record PciDevices
{
    /// <summary>OR-ed; each has at least one property.</summary>
    public required ImmutableArray<PciSelector> Selectors { get; init; }

    public DriverChoice Driver
    {
        get => field ?? DriverChoice.Vfio;
        init;
    }

    public GroupPolicy GroupPolicy { get; init; }

    public ImmutableArray<GroupMember> Members
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    public IommuBackend IommuBackend { get; init; }

    /// <summary>Null where the field is absent, which is <see cref="ResetChoice.Auto"/>: so a version before reads what is kept.</summary>
    public ResetChoice? Reset { get; init; }

    /// <summary>Whether the selectors match virtual functions too.</summary>
    public bool VirtualFunctions { get; init; }
}

/// <summary>All given properties must match; within <see cref="Addresses"/> any.</summary>
public record PciProperties
{
    public PciId? Vendor { get; init; }

    public PciId? Device { get; init; }

    public PciId? SubsystemVendor { get; init; }

    public PciId? SubsystemDevice { get; init; }

    public PciClass? Class { get; init; }

    public ImmutableArray<PciAddress> Addresses
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>The physical slot as <c>/sys/bus/pci/slots</c> names it.</summary>
    public string? Slot { get; init; }

    /// <summary>The host driver the device has before Hostdev takes it.</summary>
    public string? Driver { get; init; }
}

/// <summary>Which whole devices are meant, by their properties.</summary>
public sealed record PciSelector : PciProperties
{
    /// <summary>Null where the field is absent, which is <see cref="OnProtected.Block"/>; as <see cref="PciDevices.Reset"/>.</summary>
    public OnProtected? OnProtected { get; init; }
}

/// <summary>Another member of the group, named by exactly one of function number, address, or vendor and device.</summary>
public sealed record GroupMember
{
    /// <summary>The function number (0 to 7) in the selected device's slot.</summary>
    public int? Function { get; init; }

    public PciAddress? Address { get; init; }

    public PciId? Vendor { get; init; }

    public PciId? Device { get; init; }

    /// <summary>True, or absent, gives the member to the VM; false takes it from the host and holds it.</summary>
    public bool? Assigned { get; init; }

    /// <summary>
    /// The resource by which KubeVirt takes it to the VM, beside the policy's own. Null where the field is absent: so a version before reads
    /// what is kept.
    /// </summary>
    public ResourceName? Companion { get; init; }
}

public sealed record UsbDevices
{
    public required ImmutableArray<UsbSelector> Selectors { get; init; }
}

public sealed record UsbSelector
{
    public PciId? Vendor { get; init; }

    public PciId? Product { get; init; }

    public string? Serial { get; init; }

    /// <summary>
    /// A socket, by its controller and the ports on the way: <c>0000:00:14.0/4.2</c>, whatever speed the device has. The text of
    /// <see cref="UsbPort"/>; what is none matches nothing.
    /// </summary>
    public string? Port { get; init; }

    /// <summary>As <see cref="PciSelector.OnProtected"/>.</summary>
    public OnProtected? OnProtected { get; init; }
}

public sealed record ScsiDevices
{
    public required ImmutableArray<ScsiSelector> Selectors { get; init; }
}

public sealed record ScsiSelector
{
    public string? Vendor { get; init; }

    public string? Model { get; init; }

    public string? Serial { get; init; }

    /// <summary>As its file <c>wwid</c> in sysfs has it, for example <c>naa.5000c500a1b2c3d4</c>.</summary>
    public string? Wwid { get; init; }

    /// <summary>Host:channel:target:LUN, which another device may have after a boot, a bind of its adapter or a replug.</summary>
    public string? Address { get; init; }

    /// <summary>As <see cref="PciSelector.OnProtected"/>.</summary>
    public OnProtected? OnProtected { get; init; }
}
