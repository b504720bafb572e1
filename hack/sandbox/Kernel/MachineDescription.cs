using System.Collections.Immutable;
using Hostdev.Crds;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// A machine as its firmware and kernel present it at boot. Immutable: the same description boots the same machine every time.
/// </summary>
public sealed record MachineDescription
{
    public required string Name { get; init; }

    public string KernelRelease { get; init; } = "6.12.117+deb12-amd64";

    public string CommandLine { get; init; } = "console=ttyS0 intel_iommu=on";

    /// <summary>Off: no function has an <c>iommu_group</c>, and vfio-pci binds nothing.</summary>
    public bool Iommu { get; init; } = true;

    public bool InterruptRemapping { get; init; } = true;

    /// <summary>
    /// CONFIG_VFIO_DEVICE_CDEV and CONFIG_IOMMUFD: Ubuntu, Fedora and RHEL have both, Debian neither (contracts/kernel.md, "Binding").
    /// </summary>
    public bool VfioCdev { get; init; } = true;

    /// <summary>In the order in which the kernel finds them, which is the order of group numbers.</summary>
    public required ImmutableArray<RootBusDescription> RootBuses { get; init; }

    /// <summary>In the order in which they are loaded, which is the order of interface and disk names.</summary>
    public required ImmutableArray<PciDriverDescription> Drivers { get; init; }

    /// <summary>Whether a keyboard is at the board's own port.</summary>
    public bool Ps2Keyboard { get; init; }

    /// <summary>Drivers of USB interfaces that its devices would have if their modules were loaded.</summary>
    public ImmutableArray<string> UsbDriversNotLoaded { get; init; } = [];

    public ImmutableArray<MdevParentDescription> MdevParents { get; init; } = [];

    /// <summary>Cards whose virtual functions are given types of vGPU by a <see cref="PciDriverKind.VendorVfio"/> driver.</summary>
    public ImmutableArray<VgpuCardDescription> VgpuCards { get; init; } = [];

    /// <summary>What is mounted of a hypervisor's shares when the machine has booted.</summary>
    public ImmutableArray<ShareMountDescription> Shares { get; init; } = [];

    /// <summary>Physical slots: name and address of the slot without function.</summary>
    public ImmutableArray<(string Name, string Address)> Slots { get; init; } = [];

    /// <summary>As <c>uname -m</c> prints it.</summary>
    public string Architecture { get; init; } = "x86_64";

    /// <summary>
    /// Lines of <c>modules.alias</c>: which vfio variant driver is for which device (<c>alias vfio_pci:... mlx5_vfio_pci</c>).
    /// </summary>
    public ImmutableArray<string> ModuleAliases { get; init; } = [];

    /// <summary>The same machine with another function at this address.</summary>
    public MachineDescription With(string address, Func<FunctionDescription, FunctionDescription> change)
    {
        var at = PciAddress.Parse(address);
        FunctionDescription Changed(FunctionDescription f) =>
            (f.Address == at ? change(f) : f) with
            {
                Behind = [.. f.Behind.Select(Changed)],
            };
        return this with { RootBuses = [.. RootBuses.Select(b => b with { Functions = [.. b.Functions.Select(Changed)] })] };
    }
}

/// <param name="Tag">Of a 9p device.</param>
/// <param name="Hidden">
/// It lies below the root that an initramfs put above it, and no mountinfo has it, not even that of kernel threads.
/// </param>
public sealed record ShareMountDescription(string Tag, string Target, bool Hidden = false);

/// <param name="Name">Domain and bus, for example <c>0000:40</c>.</param>
public sealed record RootBusDescription(string Name, ImmutableArray<FunctionDescription> Functions);

public enum PciDriverKind
{
    /// <summary>An ordinary driver: it takes the devices that name it and keeps a group from being viable.</summary>
    Host,

    /// <summary>vfio-pci and its variants: binds by override only and makes vfio nodes.</summary>
    Vfio,

    /// <summary>pci-stub: binds by override only and does nothing.</summary>
    Stub,

    /// <summary>pcieport: takes ports, and is in nobody's way.</summary>
    Port,

    /// <summary>
    /// NVIDIA's, built for virtual GPUs: it offers virtual functions to VFIO itself, manages its own DMA (<c>driver_managed_dma</c>), and
    /// has no <c>sriov_configure</c>.
    /// </summary>
    VendorVfio,
}

public sealed record PciDriverDescription(string Name, PciDriverKind Kind = PciDriverKind.Host, string? Module = null)
{
    /// <summary>It leaves virtual functions behind when it lets a physical one go (pci-pf-stub).</summary>
    public bool LeavesVfs { get; init; }

    public string ModuleName => Module ?? Name.Replace('-', '_');
}

/// <summary>One PCI function; a bridge with what lies behind it.</summary>
public sealed record FunctionDescription
{
    public required PciAddress Address { get; init; }

    public required PciId Vendor { get; init; }

    public required PciId Device { get; init; }

    /// <summary>24 bits.</summary>
    public required uint Class { get; init; }

    public PciId SubsystemVendor { get; init; } = PciId.Parse("1af4");

    public PciId SubsystemDevice { get; init; } = PciId.Parse("1100");

    public byte Revision { get; init; }

    /// <summary>The driver whose table names this device; null when none does.</summary>
    public string? HostDriver { get; init; }

    /// <summary>Its driver finds the hardware unusable and gives up (QEMU's nvme VFs, whose controller is offline).</summary>
    public bool HostDriverFails { get; init; }

    public int NumaNode { get; init; } = -1;

    public ImmutableArray<BarDescription> Bars { get; init; } = [];

    /// <summary>As <c>reset_method</c> prints them; empty means that there is no such file.</summary>
    public string ResetMethods { get; init; } = "";

    /// <summary>It reports errors (Advanced Error Reporting), which the kernel counts.</summary>
    public bool Aer { get; init; }

    /// <summary>Lanes of its link at boot; null where it has none, as the lab's devices.</summary>
    public int? LinkWidth { get; init; }

    /// <summary>Only display controllers have the file; null means none.</summary>
    public bool? BootVga { get; init; }

    public SriovDescription? Sriov { get; init; }

    /// <summary>What the host's driver makes of it.</summary>
    public ImmutableArray<ChildDescription> Children { get; init; } = [];

    /// <summary>Functions on the secondary bus, in the kernel's order.</summary>
    public ImmutableArray<FunctionDescription> Behind { get; init; } = [];

    /// <summary>
    /// The highest bus number behind a bridge, where the firmware gave it other than what is behind it, virtual functions too, needs.
    /// </summary>
    public byte? SubordinateBus { get; init; }

    /// <summary>
    /// A port that isolates what is behind it (Access Control Services). Without, everything behind shares the port's group.
    /// </summary>
    public bool Acs { get; init; } = true;

    /// <summary>Functions of one slot are isolated from each other; most multi-function devices are not.</summary>
    public bool IsolatedFunctions { get; init; }

    /// <summary>
    /// A controller whose driver makes a PCI domain of its own for what is behind it, named by domain and bus (<c>10000:00</c>): all of
    /// that is in the controller's group, and comes and goes with
    /// the driver (kernel <c>drivers/pci/controller/vmd.c</c>).
    /// </summary>
    public string? Domain { get; init; }

    /// <summary>Lines of its group's <c>reserved_regions</c> beside the interrupts' own: start, end and type.</summary>
    public ImmutableArray<string> ReservedRegions { get; init; } = [];

    /// <summary>Platform devices that share its group, each with its driver.</summary>
    public ImmutableArray<(string Name, string? Driver)> PlatformSiblings { get; init; } = [];

    /// <summary>A PCIe-to-PCI bridge: everything behind shares its group.</summary>
    public bool ConventionalBus { get; init; }

    public bool IsBridge => Class >> 8 == 0x0604;
}

/// <summary>A line of <c>resource</c>.</summary>
/// <param name="Index">0-5 BARs, 6 ROM, 7-12 SR-IOV, 13-16 bridge windows.</param>
public sealed record BarDescription(int Index, ulong Start, ulong Size, ulong Flags);

public sealed record SriovDescription
{
    public required int TotalVfs { get; init; }

    public required int Offset { get; init; }

    public required int Stride { get; init; }

    public required PciId VfDevice { get; init; }

    /// <summary>The firmware found no room for the BARs of its virtual functions.</summary>
    public bool HasNoMmioSpace { get; init; }

    public string? VfDriver { get; init; }

    /// <summary>See <see cref="FunctionDescription.HostDriverFails"/>.</summary>
    public bool VfDriverFails { get; init; }

    public string VfResetMethods { get; init; } = "flr";

    /// <summary>Its driver has <c>sriov_admin</c>, as Intel's xe does.</summary>
    public bool HasAdmin { get; init; }

    /// <summary>How many interrupt vectors it divides among virtual functions; 0 where its driver divides none.</summary>
    public int VfVectors { get; init; }

    public ImmutableArray<ChildDescription> VfChildren { get; init; } = [];
}

/// <summary>What a driver makes below the function it drives.</summary>
public abstract record ChildDescription
{
    private ChildDescription() { }

    /// <summary>ethN, the lowest number free.</summary>
    public sealed record NetworkInterface(string Mac) : ChildDescription;

    /// <summary>A controller whose disks appear under its subsystem (nvme multipath, the default).</summary>
    public sealed record NvmeController(string Serial, string SubsystemNqn, int Namespaces = 1) : ChildDescription;

    /// <param name="BehindVirtio">A virtioN lies between the function and the host.</param>
    public sealed record ScsiHost(bool BehindVirtio, ImmutableArray<ScsiUnitDescription> Units) : ChildDescription;

    public sealed record UsbHost(ImmutableArray<UsbDeviceDescription> Devices) : ChildDescription;

    /// <summary>drm: cardN with a connector to which a monitor is plugged, and renderDN.</summary>
    /// <param name="Shows">Something is shown there: the console, or a desktop.</param>
    /// <param name="Framebuffer">The name of the fbN that the driver registers; null for none.</param>
    public sealed record Display(bool Shows = false, bool Renders = true, string? Framebuffer = null) : ChildDescription;

    public sealed record Sound : ChildDescription;

    /// <summary>A virtioN that is neither an interface nor a disk.</summary>
    /// <param name="Kind">Kernel <c>include/uapi/linux/virtio_ids.h</c>.</param>
    /// <param name="Driver">That has it; null when none does.</param>
    /// <param name="MountTag">Of a 9p or virtiofs device.</param>
    public sealed record Virtio(int Kind, string? Driver, string? MountTag = null) : ChildDescription
    {
        /// <summary>Names of a console device's ports; an empty one is a console.</summary>
        public ImmutableArray<string> Ports { get; init; } = [];
    }

    /// <summary>A Fibre Channel port.</summary>
    public sealed record FcHost(ulong PortName) : ChildDescription;

    /// <summary>ttySN.</summary>
    /// <param name="IsConsole">The kernel prints there.</param>
    public sealed record SerialPort(int Line, bool IsConsole) : ChildDescription;
}

/// <param name="Type">0 disk, 1 tape, 5 CD, 8 changer, 13 enclosure.</param>
public sealed record ScsiUnitDescription(int Target, int Type, string Vendor, string Model, string? Serial, string Revision = "2.5+")
{
    public int Lun { get; init; }

    /// <summary>As its file has it; null where it reports none.</summary>
    public string? Wwid { get; init; }

    /// <summary>sr_mod is loaded: without, a CD has no block node.</summary>
    public bool HasCdDriver { get; init; }
}

/// <param name="Port">As sysfs names it, relative to the root hub: <c>1</c>, <c>4.2</c>.</param>
/// <param name="SuperSpeed">On the second root hub.</param>
public sealed record UsbDeviceDescription(
    string Port,
    string Vendor,
    string Product,
    string Manufacturer,
    string ProductName,
    string? Serial,
    bool SuperSpeed = false
)
{
    /// <summary>Class, subclass and protocol of each interface in hexadecimal, with the driver bound to it.</summary>
    public ImmutableArray<(string Class, string? Driver)> Interfaces { get; init; } = [("ff/ff/ff", null)];

    /// <summary>Class 09.</summary>
    public bool Hub { get; init; }

    /// <summary>usb-storage makes a SCSI disk of it.</summary>
    public bool Storage { get; init; }
}

/// <param name="Name">A virtual parent (<c>mtty</c>); with <paramref name="Function"/> the parent is that PCI function and its name the
/// address.</param>
/// <param name="Capacity">What the types of this parent compete for.</param>
public sealed record MdevParentDescription(
    string Name,
    int Capacity,
    ImmutableArray<MdevTypeDescription> Types,
    PciAddress? Function = null
);

/// <param name="Cost">How much of the parent's capacity one instance takes.</param>
public sealed record MdevTypeDescription(string Id, string Name, int Cost, string? Description = null, string DeviceApi = "vfio-pci")
{
    /// <summary>
    /// Files of each device that may be written, and read what was written to them, or, where their mode says so, nothing.
    /// </summary>
    public ImmutableArray<(string Path, bool MayBeRead)> Settings { get; init; } = [];
}

/// <param name="Function">The physical function.</param>
/// <param name="Framebuffer">What the types compete for, in GiB.</param>
public sealed record VgpuCardDescription(PciAddress Function, int Framebuffer, ImmutableArray<VgpuTypeDescription> Types);

public sealed record VgpuTypeDescription(int Id, string Name, int Framebuffer);
