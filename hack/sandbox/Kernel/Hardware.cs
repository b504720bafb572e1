using System.Collections.Immutable;
using Hostdev.Crds;

namespace Hostdev.Sandbox.Kernel;

/// <summary>The devices that machines are put together from, with the numbers QEMU 10 and Linux 6.12 show for them.</summary>
internal static class Hardware
{
    private const ulong Memory32 = 0x40200;
    private const ulong Memory32Fixed = 0x140204;
    private const ulong Memory64 = 0x14220c;
    private const ulong Ports = 0x40101;

    private static readonly PciId s_none = PciId.Parse("0000");

    /// <summary>What the lab's node loads, in its order, after what is built into Debian's kernel.</summary>
    public static ImmutableArray<PciDriverDescription> LabDrivers { get; } =
    [
        new("pcieport", PciDriverKind.Port, "pcieportdrv"),
        new("virtio-pci"),
        new("nvme"),
        new("igb"),
        new("igbvf"),
        new("e1000e"),
        new("xhci_hcd", Module: "xhci_pci"),
        new("vfio-pci", PciDriverKind.Vfio),
    ];

    public static PciDriverDescription PciStub { get; } = new("pci-stub", PciDriverKind.Stub);

    public static FunctionDescription HostBridge(string address) => Function(address, "8086", "29c0", 0x060000);

    public static FunctionDescription ExpanderBridge(string address) => Function(address, "1b36", "000b", 0x060000);

    /// <summary>A root port with what is behind it.</summary>
    public static FunctionDescription RootPort(
        string address,
        ulong window,
        ImmutableArray<FunctionDescription> behind,
        int numa = -1,
        bool acs = true,
        ImmutableArray<BarDescription> windows = default
    ) =>
        Function(address, "1b36", "000c", 0x060400) with
        {
            SubsystemVendor = PciId.Parse("1b36"),
            SubsystemDevice = s_none,
            HostDriver = "pcieport",
            Aer = true,
            NumaNode = numa,
            Acs = acs,
            Behind = [.. behind.Select(function => function with { NumaNode = numa })],
            Bars = [new(0, window, 0x1000, Memory32), .. windows.IsDefault ? [] : windows],
        };

    /// <summary>The windows of a bridge: ports, memory, prefetchable memory; zero leaves one out.</summary>
    public static ImmutableArray<BarDescription> Windows(
        ulong ports,
        ulong memory,
        ulong prefetchable,
        ulong prefetchableSize = 0x20000000,
        ulong memorySize = 0x200000
    )
    {
        List<BarDescription> windows = [];
        if (ports != 0)
            windows.Add(new(13, ports, 0x1000, 0x100));
        windows.Add(new(14, memory, memorySize, 0x200));
        windows.Add(new(15, prefetchable, prefetchableSize, 0x102201));
        return [.. windows];
    }

    public static FunctionDescription Igb(string address, ulong memory, ulong ports, ulong vfMemory, string mac) =>
        Function(address, "8086", "10c9", 0x020000, revision: 1) with
        {
            HostDriver = "igb",
            Aer = true,
            ResetMethods = "flr pm bus",
            Bars =
            [
                new(0, memory, 0x20000, Memory32),
                new(1, memory + 0x20000, 0x20000, Memory32),
                new(2, ports, 0x20, Ports),
                new(3, memory + 0x40000, 0x4000, Memory32Fixed),
                new(7, vfMemory, 0x20000, Memory64),
                new(10, vfMemory + 0x20000, 0x20000, Memory64),
            ],
            Sriov = new SriovDescription
            {
                TotalVfs = 7,
                Offset = 128,
                Stride = 2,
                VfDevice = PciId.Parse("10ca"),
                VfDriver = "igbvf",
                VfChildren = [new ChildDescription.NetworkInterface("00:00:00:00:00:00")],
            },
            Children = [new ChildDescription.NetworkInterface(mac)],
        };

    public static FunctionDescription E1000e(
        string address,
        ulong memory,
        ulong control,
        ulong ports,
        string mac,
        string resets = "pm bus"
    ) =>
        Function(address, "8086", "10d3", 0x020000) with
        {
            SubsystemVendor = PciId.Parse("8086"),
            SubsystemDevice = s_none,
            HostDriver = "e1000e",
            Aer = true,
            ResetMethods = resets,
            Bars =
            [
                new(0, memory, 0x20000, Memory32),
                new(1, memory + 0x20000, 0x20000, Memory32),
                new(2, ports, 0x20, Ports),
                new(3, control, 0x4000, Memory32),
            ],
            Children = [new ChildDescription.NetworkInterface(mac)],
        };

    /// <summary>What drives the lab's graphics cards, once it is loaded.</summary>
    public static PciDriverDescription DisplayDriver { get; } = new("bochs-drm", Module: "bochs");

    /// <summary>A VGA function and a sound function in one slot, without a driver on the lab's kernel as it boots.</summary>
    /// <param name="shows">The console comes to it when the display driver is loaded: the first card found has it for a moment and goes on
    /// showing it, then the boot VGA.</param>
    public static ImmutableArray<FunctionDescription> Gpu(
        string slot,
        ulong frame,
        ulong control,
        ulong sound,
        bool bootVga = false,
        bool shows = false
    ) =>
        [
            Function(slot + ".0", "1234", "1111", 0x030000, revision: 2) with
            {
                HostDriver = DisplayDriver.Name,
                Children = [new ChildDescription.Display(Shows: shows || bootVga, Renders: false, Framebuffer: "bochs-drmdrmfb")],
                ResetMethods = "bus",
                BootVga = bootVga,
                Bars =
                [
                    new(0, frame, 0x1000000, 0x42208),
                    new(2, control, 0x1000, Memory32),
                    .. bootVga ? [new BarDescription(6, 0xc0000, 0x20000, 0x212)] : (BarDescription[])[],
                ],
            },
            Function(slot + ".1", "8086", "2668", 0x040300, revision: 1) with
            {
                Bars = [new(0, sound, 0x4000, Memory32)],
            },
        ];

    public static FunctionDescription Nvme(string address, ulong memory, string serial, string subsystem, SriovDescription? sriov = null) =>
        Function(address, "1b36", "0010", 0x010802, revision: 2) with
        {
            HostDriver = "nvme",
            ResetMethods = "flr bus",
            Bars =
            [
                new(0, memory, 0x4000, Memory32Fixed),
                .. sriov is null ? [] : (BarDescription[])[new(7, memory + 0x4000, 0x10000, Memory32Fixed)],
            ],
            Sriov = sriov,
            Children = [new ChildDescription.NvmeController(serial, subsystem)],
        };

    /// <summary>The VFs' controllers are offline, so that the nvme driver gives up on them (contracts/kernel.md, "sriov_numvfs").</summary>
    public static SriovDescription NvmeVfs(int total) =>
        new()
        {
            TotalVfs = total,
            Offset = 1,
            Stride = 1,
            VfDevice = PciId.Parse("0010"),
            VfDriver = "nvme",
            VfDriverFails = true,
            VfResetMethods = "flr bus",
        };

    public static FunctionDescription Edu(string address, ulong memory) =>
        Function(address, "1234", "11e8", 0x00ff00, revision: 0x10) with
        {
            ResetMethods = "bus",
            Bars = [new(0, memory, 0x100000, Memory32)],
        };

    public static FunctionDescription PciTestdev(string address, ulong memory, ulong ports) =>
        Function(address, "1b36", "0005", 0x00ff00) with
        {
            Bars = [new(0, memory, 0x1000, Memory32), new(1, ports, 0x100, Ports)],
        };

    public static FunctionDescription PciBridge(
        string address,
        ulong memory,
        ImmutableArray<BarDescription> windows,
        ImmutableArray<FunctionDescription> behind
    ) =>
        Function(address, "1b36", "000e", 0x060400) with
        {
            SubsystemVendor = s_none,
            SubsystemDevice = s_none,
            ResetMethods = "pm bus",
            ConventionalBus = true,
            Behind = behind,
            Bars = [new(0, memory, 0x100, Memory32Fixed), .. windows],
        };

    public static FunctionDescription Xhci(string address, ulong memory, ImmutableArray<UsbDeviceDescription> devices) =>
        Function(address, "1b36", "000d", 0x0c0330, revision: 1) with
        {
            HostDriver = "xhci_hcd",
            ResetMethods = "bus",
            Bars = [new(0, memory, 0x4000, Memory32Fixed)],
            Children = [new ChildDescription.UsbHost(devices)],
        };

    public static FunctionDescription VirtioScsi(string address, ulong memory, ulong common, ImmutableArray<ScsiUnitDescription> units) =>
        Function(address, "1af4", "1048", 0x010000, revision: 1) with
        {
            HostDriver = "virtio-pci",
            ResetMethods = "flr pm bus",
            Bars = [new(1, memory, 0x1000, Memory32), new(4, common, 0x4000, Memory64)],
            Children = [new ChildDescription.ScsiHost(BehindVirtio: true, units)],
        };

    /// <summary>A transitional virtio device on the root bus: the lab's 9p shares and its console.</summary>
    public static FunctionDescription Virtio(
        string address,
        string device,
        uint classCode,
        string subsystemDevice,
        ulong ports,
        ulong portSize,
        ulong memory,
        ulong common,
        ChildDescription.Virtio child
    ) =>
        Function(address, "1af4", device, classCode) with
        {
            SubsystemDevice = PciId.Parse(subsystemDevice),
            HostDriver = "virtio-pci",
            Bars = [new(0, ports, portSize, Ports), new(1, memory, 0x1000, Memory32), new(4, common, 0x4000, Memory64)],
            Children = [child],
        };

    public static FunctionDescription Function(string address, string vendor, string device, uint classCode, byte revision = 0) =>
        new()
        {
            Address = PciAddress.Parse(address),
            Vendor = PciId.Parse(vendor),
            Device = PciId.Parse(device),
            Class = classCode,
            Revision = revision,
        };

    public static ImmutableArray<MdevParentDescription> SampleMdevs { get; } =
    [
        new("mtty", 24, [new("mtty-1", "Single port serial", 1), new("mtty-2", "Dual port serial", 2)]),
        new(
            "mdpy",
            4,
            [
                new("mdpy-vga", "mdpy-vga", 1, "virtual display, 640x480 framebuffer"),
                new("mdpy-xga", "mdpy-xga", 1, "virtual display, 1024x768 framebuffer"),
                new("mdpy-hd", "mdpy-hd", 1, "virtual display, 1920x1080 framebuffer"),
            ]
        ),
        new(
            "mbochs",
            256,
            [
                new("mbochs-small", "mbochs-small", 4, "virtual display, 4 MB video memory"),
                new("mbochs-medium", "mbochs-medium", 16, "virtual display, 16 MB video memory"),
                new("mbochs-large", "mbochs-large", 64, "virtual display, 64 MB video memory"),
            ]
        ),
    ];
}
