using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Hostdev.Crds;

namespace Hostdev.Planning.Inventory;

/// <summary>One reading of the machine: what is there, never what is meant. Immutable; a new reading is a new value.</summary>
public sealed record HostInventory
{
    public required HostFacts Facts { get; init; }

    public required ImmutableSortedDictionary<PciAddress, PciFunction> Functions { get; init; }

    /// <summary>IOMMU groups by number. Numbers name a group only within one reading: the kernel re-uses them.</summary>
    public required ImmutableSortedDictionary<int, IommuGroup> Groups { get; init; }

    /// <summary>USB devices by port path, hubs included, root hubs not.</summary>
    public required ImmutableArray<UsbDevice> UsbDevices { get; init; }

    public required ImmutableArray<ScsiDevice> ScsiDevices { get; init; }

    public required ImmutableArray<MdevParent> MdevParents { get; init; }

    public required ImmutableArray<MdevDevice> Mdevs { get; init; }

    /// <summary>What could not be read or understood. A device with an unreadable attribute is still in the lists above.</summary>
    public required ImmutableArray<ReadProblem> Problems { get; init; }

    /// <summary>
    /// Files beside the machine that are not there, each with what is not known for that. No device is in doubt for them, and nothing is
    /// decided by them; but silence about them was taken for
    /// "this device has no variant driver".
    /// </summary>
    public ImmutableArray<ReadProblem> MissingFiles
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>Why not even the list of functions could be read; null when it could. An unreadable machine is not an empty one.</summary>
    public ReadProblem? Unlisted => Problems.FirstOrDefault(p => p.Path == "/sys/bus/pci/devices");

    /// <summary>The devices that can be passed, as far as a class allows: bridges and hubs never are.</summary>
    public IEnumerable<DeviceId> Passable =>
        Functions
            .Values.Where(f => !f.IsBridge)
            .Select(f => (DeviceId)f.Address)
            .Concat(Mdevs.Select(m => (DeviceId)m.Uuid))
            .Concat(UsbDevices.Where(u => !u.IsHub).Select(u => (DeviceId)u.Port).Distinct())
            .Concat(ScsiDevices.Select(s => (DeviceId)s.Id).Distinct());

    /// <summary>The group a device is in; null for one that is not there, and for one of a class that has none.</summary>
    public IommuGroup? GroupOf(DeviceId device) =>
        device switch
        {
            DeviceId.OfPci(var address) when Functions.TryGetValue(address, out var function) => GroupOf(function),
            DeviceId.OfMdev(var uuid) when Mdev(uuid) is { IommuGroup: { } number } => Groups.GetValueOrDefault(number),
            _ => null,
        };

    /// <summary>The mediated device of this UUID; null when there is none.</summary>
    public MdevDevice? Mdev(MdevUuid uuid) => Mdevs.FirstOrDefault(m => m.Uuid == uuid);

    /// <summary>By what mediated devices are made of a device; nothing for one of which none are.</summary>
    public IEnumerable<MdevParent> MdevParentsOn(DeviceId device) => MdevParents.Where(p => p.PciAddress is { } a && device == a);

    /// <summary>What is in a socket, hubs aside; null when nothing is.</summary>
    public UsbDevice? Usb(UsbPort port) => UsbDevices.FirstOrDefault(u => !u.IsHub && u.Port == port);

    /// <summary>The SCSI device of this identity; null when there is none. Two paths that cannot be told apart are the first.</summary>
    public ScsiDevice? Scsi(ScsiDisk disk) => ScsiDevices.FirstOrDefault(s => s.Id == disk);

    /// <summary>Other SCSI devices that call themselves the same: by all that is known they are paths to one.</summary>
    public IEnumerable<ScsiDevice> AlsoAt(ScsiDevice device) =>
        ScsiDevices.Where(s => s.Address != device.Address && (s.Id == device.Id || (s.Wwid is not null && s.Wwid == device.Wwid)));

    /// <summary>The group a function is in, or null when the host gives it none (no IOMMU).</summary>
    public IommuGroup? GroupOf(PciFunction function) => function.IommuGroup is { } number ? Groups.GetValueOrDefault(number) : null;
}

/// <summary>A file that could not be read: which, and why in words.</summary>
/// <param name="Path">As on the host, for example <c>/sys/bus/pci/devices/0000:3b:00.0/vendor</c>.</param>
public sealed record ReadProblem(string Path, string Message)
{
    /// <summary>
    /// There was no answer in time: it says nothing about the device, only that the kernel, or this machine, is busy. A later reading finds
    /// it.
    /// </summary>
    [JsonIgnore]
    public bool Unanswered { get; init; }

    public override string ToString() => $"{Path} {Message}";
}

public enum InterruptRemapping
{
    Yes,
    No,

    /// <summary>The architecture isolates interrupts in another way (POWER, s390, ARM with GIC ITS).</summary>
    NotApplicable,

    Unknown,
}

/// <summary>What matters of the host as a whole.</summary>
public sealed record HostFacts
{
    public required string KernelRelease { get; init; }

    /// <summary><c>/proc/sys/kernel/random/boot_id</c>.</summary>
    public required string BootId { get; init; }

    /// <summary>Machine architecture as <c>uname -m</c> prints it.</summary>
    public required string Architecture { get; init; }

    /// <summary>Whether any PCI function has an <c>iommu_group</c> link: the one reliable sign.</summary>
    public required bool IommuEnabled { get; init; }

    public required InterruptRemapping InterruptRemapping { get; init; }

    /// <summary>Whether <c>vfio_iommu_type1.allow_unsafe_interrupts</c> is Y.</summary>
    public required bool UnsafeInterruptsAllowed { get; init; }

    /// <summary>Whether <c>iommufd.allow_unsafe_interrupts</c> is Y: the same for those who take devices by their own nodes.</summary>
    [JsonIgnore]
    public bool IommufdUnsafeInterruptsAllowed { get; init; }

    /// <summary>The kernel arguments that matter for passthrough, as written, in order.</summary>
    public required ImmutableArray<string> KernelArguments { get; init; }

    /// <summary>
    /// Drivers under <c>/sys/bus/pci/drivers</c> that give devices to VFIO: <c>vfio-pci</c>, its variants, and <c>pci-stub</c>.
    /// </summary>
    public required ImmutableArray<string> PassthroughDrivers { get; init; }

    /// <summary>
    /// Drivers beside those that manage the DMA of their devices themselves, as VFIO wants it of all members of a group; ordered.
    /// </summary>
    public ImmutableArray<string> OwnDmaDrivers { get; init; } = [];

    /// <summary>Whether <c>/dev/iommu</c> exists.</summary>
    public required bool Iommufd { get; init; }
}

public sealed record PciFunction
{
    public required PciAddress Address { get; init; }

    public required PciId Vendor { get; init; }

    public required PciId Device { get; init; }

    public required PciId SubsystemVendor { get; init; }

    public required PciId SubsystemDevice { get; init; }

    /// <summary>Names from pci.ids; null where there is none.</summary>
    public string? VendorName { get; init; }

    public string? DeviceName { get; init; }

    /// <summary>The 24-bit class code: base class, subclass, programming interface.</summary>
    public required uint ClassCode { get; init; }

    /// <summary>The bound driver; null when none.</summary>
    public string? Driver { get; init; }

    /// <summary>
    /// <c>driver_override</c>; null when it reads <c>(null)</c>. The literal string <c>(null)</c> that someone wrote reads alike.
    /// </summary>
    public string? DriverOverride { get; init; }

    public int? IommuGroup { get; init; }

    /// <summary>Null when the host prints -1.</summary>
    public int? NumaNode { get; init; }

    /// <summary>The PCI functions above this one, from the root port down; empty on a root bus.</summary>
    public ImmutableArray<PciAddress> Path { get; init; } = [];

    /// <summary>
    /// A part of the root complex (processor, chipset): on a root bus, and without a link that leads out of it. False where a slot lies
    /// directly on a root bus.
    /// </summary>
    public bool IsIntegrated { get; init; }

    /// <summary>
    /// The functions that it cannot do without (its <c>supplier:*</c> links): when one of those loses its driver, so does this one.
    /// Ordered.
    /// </summary>
    public ImmutableArray<PciAddress> Suppliers { get; init; } = [];

    /// <summary>
    /// The highest bus number that may be used behind a bridge, as firmware or kernel set it (kernel
    /// <c>drivers/pci/pci-sysfs.c: subordinate_bus_number_show</c>); null of what is no bridge, and where it was not read.
    /// </summary>
    public byte? SubordinateBus { get; init; }

    /// <summary>
    /// How many lanes its link has now (<c>current_link_width</c>); null where it has no link, is a virtual function, or does not tell: a
    /// link that is down reads 0, one that is not known 255, a function that does not answer 63 (kernel <c>drivers/pci/pci-sysfs.c</c>,
    /// <c>include/uapi/linux/pci_regs.h: PCI_EXP_LNKSTA_NLW</c>).
    /// </summary>
    public int? LinkWidth { get; init; }

    /// <summary>The physical function of a virtual function.</summary>
    public PciAddress? PhysicalFunction { get; init; }

    /// <summary>The index on its physical function (<c>virtfnN</c>).</summary>
    public int? VfIndex { get; init; }

    /// <summary>Present on physical functions that can make virtual ones.</summary>
    public SriovCapability? Sriov { get; init; }

    public BarBytes Bars { get; init; } = new(0, 0);

    /// <summary>As <c>reset_method</c> prints them; shown, not trusted.</summary>
    public ImmutableArray<string> ResetMethods { get; init; } = [];

    /// <summary>
    /// It can be reset, and how is not known: kernels before 5.15 have no <c>reset_method</c>, and one that could not be read says nothing.
    /// </summary>
    [JsonIgnore]
    public bool ResetsUntold { get; init; }

    /// <summary>The kernel knows no way to reset it on its own, or an admin took all from it.</summary>
    [JsonIgnore]
    public bool HasNoReset => ResetMethods.IsEmpty && !ResetsUntold;

    /// <summary><c>vfioN</c> from <c>vfio-dev/</c>; whether the host has a node for it says <see cref="HasVfioCdevNode"/>.</summary>
    public string? VfioCdev { get; init; }

    /// <summary>
    /// Whether <c>vfio-dev/vfioN</c> holds a <c>dev</c> file: kernels without CONFIG_VFIO_DEVICE_CDEV make the directory but no node.
    /// </summary>
    public bool HasVfioCdevNode { get; init; }

    /// <summary>The vfio variant driver that the kernel's <c>vfio_pci:</c> modalias names for this device; null when none.</summary>
    public string? VfioVariantDriver { get; init; }

    /// <summary>
    /// What it is as a virtual GPU, where its driver gives virtual functions their types by <c>nvidia/</c>; null for all others.
    /// </summary>
    public Vgpu? Vgpu { get; init; }

    /// <summary><c>boot_vga</c> is 1.</summary>
    public bool BootVga { get; init; }

    /// <summary>The physical slot (<c>/sys/bus/pci/slots</c>); null when the firmware names none.</summary>
    public string? Slot { get; init; }

    /// <summary>What hangs below: disks, interfaces, and so on; ordered by kind and name.</summary>
    public ImmutableArray<ChildDevice> Children { get; init; } = [];

    /// <summary>
    /// Problems with attributes that decide what may be done with it (its ids, class, group, driver, override). What it seems to be is then
    /// a guess: it is neither taken nor given back.
    /// </summary>
    public ImmutableArray<ReadProblem> Unreadable { get; init; } = [];

    /// <summary>
    /// Signs of a fault; looked for only where a passthrough driver has the function, because the host's own drivers mind theirs. Null
    /// elsewhere.
    /// </summary>
    public FunctionHealth? Health { get; init; }

    /// <summary>
    /// A PCI-to-PCI bridge (class 0604): a root port, a switch port or a conventional bridge. Never assigned, never in the way of a group's
    /// viability.
    /// </summary>
    public bool IsBridge => ClassCode >> 8 == 0x0604;

    /// <summary>
    /// The function has a network interface that this network namespace does not show: its <c>net</c> directory is there and empty.
    /// Somebody (a container) uses it.
    /// </summary>
    public bool NetworkInterfaceElsewhere { get; init; }

    public bool IsVirtualFunction => PhysicalFunction is not null;
}

/// <summary>What tells a broken function.</summary>
/// <param name="Answers">False when its configuration header reads as ones only.</param>
/// <param name="FatalErrors">Fatal errors since the function was found, by <c>aer_dev_fatal</c> (kernel
/// <c>Documentation/ABI/testing/sysfs-bus-pci-devices-aer_stats</c>); 0 where it keeps no count.</param>
public readonly record struct FunctionHealth(bool Answers, long FatalErrors);

/// <summary>A physical function's SR-IOV state (kernel <c>Documentation/ABI/testing/sysfs-bus-pci: sriov_*</c>).</summary>
public sealed record SriovCapability
{
    public required int TotalVfs { get; init; }

    /// <summary>Null when it could not be read in time: the attribute blocks while the PCI rescan lock is held.</summary>
    public required int? NumVfs { get; init; }

    public required int Offset { get; init; }

    public required int Stride { get; init; }

    /// <summary><c>sriov_drivers_autoprobe</c>.</summary>
    public required bool Autoprobe { get; init; }

    /// <summary>The existing virtual functions by index.</summary>
    public ImmutableSortedDictionary<int, PciAddress> VirtualFunctions { get; init; } = ImmutableSortedDictionary<int, PciAddress>.Empty;
}

/// <summary>
/// Memory BAR sizes summed, in bytes: what a VM's firmware must find room for below and above 4 GiB. I/O ports are not counted.
/// </summary>
public readonly record struct BarBytes(ulong Bits32, ulong Bits64);

public enum ChildKind
{
    Disk,
    NetworkInterface,

    /// <summary>
    /// A port of a network card's own switch (switchdev), which stands for a virtual function or a subfunction: it hangs below the physical
    /// function and is no interface of it.
    /// </summary>
    Representor,
    ScsiHost,
    UsbBus,
    MdevParent,

    /// <summary>Nodes below that a process can open: drm, sound, infiniband, uio, nvme.</summary>
    CharacterDevice,
}

/// <summary>Something that hangs below a function.</summary>
/// <param name="Name">The kernel's name: <c>sda</c>, <c>nvme0n1</c>, <c>eth0</c>, <c>host0</c>, <c>usb1</c>, <c>card0</c>.</param>
/// <param name="Node">The device node, for example <c>/dev/dri/card0</c>; null where there is none.</param>
public sealed record ChildDevice(ChildKind Kind, string Name, string? Node = null);

public sealed record MdevParent
{
    /// <summary>The name under <c>/sys/class/mdev_bus</c>: a PCI address, or for example <c>mtty</c>.</summary>
    public required string Name { get; init; }

    public PciAddress? PciAddress { get; init; }

    public int? NumaNode { get; init; }

    public required ImmutableArray<MdevType> Types { get; init; }
}

/// <param name="Id">The directory under <c>mdev_supported_types</c>.</param>
/// <param name="Name">The type's <c>name</c> file.</param>
/// <param name="AvailableInstances">How many more fit now; types on one parent compete.</param>
/// <param name="DeviceApi"><c>vfio-pci</c> and so on.</param>
public sealed record MdevType(string Id, string? Name, int AvailableInstances, string DeviceApi, string? Description);

public sealed record MdevDevice
{
    public required MdevUuid Uuid { get; init; }

    /// <summary>As its UUID tells, which needs neither a journal nor a policy.</summary>
    public string MadeBy => Uuid.IsHostdevs ? "Hostdev" : "another";

    /// <summary>The parent's name in <c>/sys/class/mdev_bus</c>.</summary>
    public required string Parent { get; init; }

    public required string TypeId { get; init; }

    public int? IommuGroup { get; init; }

    public string? VfioCdev { get; init; }

    public bool HasVfioCdevNode { get; init; }
}
