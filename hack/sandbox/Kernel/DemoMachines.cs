using System.Collections.Immutable;
using Hostdev.Crds;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// Three servers with different hardware, as one meets them: a GPU node, a node with SR-IOV network cards, and one with some of everything.
/// </summary>
public static class DemoMachines
{
    private const ulong Memory64 = 0x14220c;

    /// <summary>What a firmware keeps for the keyboards of a board's own USB controller, as <c>reserved_regions</c> says it.</summary>
    private const string FirmwareMemory = "0x00000000bf000000 0x00000000bf1fffff direct";

    private static readonly ImmutableArray<PciDriverDescription> s_drivers =
    [
        new("pcieport", PciDriverKind.Port, "pcieportdrv"),
        new("ast"),
        new("nvme"),
        new("ahci"),
        new("ice"),
        new("iavf"),
        new("mlx5_core"),
        new("nvidia"),
        new("snd_hda_intel"),
        new("xhci_hcd", Module: "xhci_pci"),
        new("vfio-pci", PciDriverKind.Vfio),
        new("pci-stub", PciDriverKind.Stub),
    ];

    /// <summary>Four RTX A4000, each with its audio function in one group; the console is the board's own ASPEED.</summary>
    public static MachineDescription GpuNode { get; } =
        Server(
            "gpu-1",
            [
                Port("0000:10:01.0", 0, Gpu("0000:11:00", 0)),
                Port("0000:10:02.0", 0, Gpu("0000:12:00", 1)),
                Port("0000:80:01.0", 1, Gpu("0000:81:00", 2)),
                Port("0000:80:02.0", 1, Gpu("0000:82:00", 3)),
            ]
        );

    /// <summary>Two E810 ports and a ConnectX-6 Dx; the first E810 port carries the node's address in the demo.</summary>
    public static MachineDescription SriovNode { get; } =
        Server(
            "net-1",
            [
                Port("0000:3a:00.0", 0, [E810("0000:3b:00.0", 0, "b4:96:91:00:00:01"), E810("0000:3b:00.1", 1, "b4:96:91:00:00:02")]),
                Port("0000:af:00.0", 1, [ConnectX("0000:b0:00.0", "b8:ce:f6:00:00:01")]),
            ]
        );

    /// <summary>One GPU, one network card, a spare NVMe disk, a USB token and the sample mdev parents.</summary>
    public static MachineDescription MixedNode { get; } =
        Server(
            "mixed-1",
            [
                Port("0000:10:01.0", 0, Gpu("0000:11:00", 0)),
                Port("0000:3a:00.0", 0, [E810("0000:3b:00.0", 0, "b4:96:91:00:00:11")]),
                Port("0000:80:03.0", 1, [Disk("0000:83:00.0", "S6CKNT0T500001")]),
                Port(
                    "0000:80:04.0",
                    1,
                    [
                        Hardware.Xhci(
                            "0000:84:00.0",
                            0xd0800000,
                            [
                                new("1", "0529", "0001", "Aladdin", "HASP HL 3.21", null),
                                new("2", "046d", "c31c", "Logitech", "USB Keyboard", null) { Interfaces = [("03/01/01", "usbhid")] },
                            ]
                        ) with
                        {
                            Vendor = PciId.Parse("1912"),
                            Device = PciId.Parse("0014"),
                        },
                    ]
                ),
            ]
        ) with
        {
            MdevParents = Hardware.SampleMdevs,
        };

    /// <summary>
    /// A desktop board: the ports of its two slots lack ACS and are functions of one device, so that a card, which is the console, shares
    /// its IOMMU group with whatever is in the second slot. The firmware keeps memory for its USB controller.
    /// </summary>
    public static MachineDescription Workstation { get; } =
        new()
        {
            Name = "workstation-1",
            KernelRelease = "6.8.0-60-generic",
            CommandLine = "BOOT_IMAGE=/vmlinuz root=/dev/nvme0n1p2 ro intel_iommu=on iommu=pt",
            RootBuses =
            [
                new(
                    "0000:00",
                    [
                        Hardware.Function("0000:00:00.0", "8086", "09a2", 0x060000),
                        Port("0000:00:01.0", -1, [.. Gpu("0000:01:00", 0).Select((f, i) => i == 0 ? f with { BootVga = true } : f)]) with
                        {
                            Acs = false,
                        },
                        Port(
                            "0000:00:01.1",
                            -1,
                            [Hardware.E1000e("0000:02:00.0", 0xb2000000, 0xb2020000, 0x3000, "00:15:17:00:00:30")]
                        ) with
                        {
                            Acs = false,
                        },
                        Hardware.Xhci("0000:00:14.0", 0xb3000000, []) with
                        {
                            ReservedRegions = [FirmwareMemory],
                        },
                        Port("0000:00:1d.0", -1, [Disk("0000:03:00.0", "S6CKNT0T500000")]),
                    ]
                ),
            ],
            Drivers = s_drivers.Add(new("e1000e")),
        };

    public static ImmutableArray<MachineDescription> All { get; } = [GpuNode, SriovNode, MixedNode];

    /// <summary>
    /// What every server has: host bridge, console, system disk, then its own ports, one root bus for each first bus number.
    /// </summary>
    private static MachineDescription Server(string name, ImmutableArray<FunctionDescription> ports) =>
        new()
        {
            Name = name,
            KernelRelease = "6.8.0-60-generic",
            CommandLine = "BOOT_IMAGE=/vmlinuz root=/dev/nvme0n1p2 ro intel_iommu=on iommu=pt",
            RootBuses =
            [
                new(
                    "0000:00",
                    [
                        Hardware.Function("0000:00:00.0", "8086", "09a2", 0x060000),
                        Port("0000:00:1c.0", -1, [Console()]),
                        Port("0000:00:1d.0", -1, [Disk("0000:02:00.0", "S6CKNT0T500000")]),
                    ]
                ),
                .. ports.GroupBy(port => port.Address.Bus).Select(bus => new RootBusDescription($"0000:{bus.Key:x2}", [.. bus])),
            ],
            Drivers = s_drivers,
            ModuleAliases =
            [
                "alias vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i* mlx5_vfio_pci",
                "alias vfio_pci:v00008086d00001889sv*sd*bc*sc*i* ice_vfio_pci",
            ],
        };

    private static FunctionDescription Port(string address, int numa, ImmutableArray<FunctionDescription> behind) =>
        Hardware.Function(address, "8086", "347a", 0x060400) with
        {
            HostDriver = "pcieport",
            NumaNode = numa,
            Behind = [.. behind.Select(function => function with { NumaNode = numa })],
        };

    private static FunctionDescription Console() =>
        Hardware.Function("0000:01:00.0", "1a03", "2000", 0x030000, revision: 0x41) with
        {
            HostDriver = "ast",
            BootVga = true,
            Bars = [new(0, 0x91000000, 0x1000000, 0x40200)],
            Children = [new ChildDescription.Display()],
        };

    private static FunctionDescription Disk(string address, string serial) =>
        Hardware.Function(address, "144d", "a80a", 0x010802) with
        {
            HostDriver = "nvme",
            ResetMethods = "flr bus",
            Bars = [new(0, 0x92000000, 0x4000, 0x140204)],
            Children = [new ChildDescription.NvmeController(serial, "nqn.1994-11.com.samsung:nvme:PM9A1:M.2:" + serial)],
        };

    private static ImmutableArray<FunctionDescription> Gpu(string slot, int index) =>
        [
            Hardware.Function(slot + ".0", "10de", "24b0", 0x030000, revision: 0xa1) with
            {
                SubsystemVendor = PciId.Parse("10de"),
                SubsystemDevice = PciId.Parse("14ad"),
                HostDriver = "nvidia",
                ResetMethods = "flr bus",
                BootVga = false,
                Bars =
                [
                    new(0, 0xa0000000, 0x1000000, 0x40200),
                    new(1, 0x20000000000 + ((ulong)index << 34), 0x400000000, Memory64),
                    new(3, 0x21000000000 + ((ulong)index << 25), 0x2000000, Memory64),
                ],
                Children = [new ChildDescription.Display()],
            },
            Hardware.Function(slot + ".1", "10de", "228b", 0x040300, revision: 0xa1) with
            {
                SubsystemVendor = PciId.Parse("10de"),
                SubsystemDevice = PciId.Parse("14ad"),
                HostDriver = "snd_hda_intel",
                Bars = [new(0, 0xa1000000, 0x4000, 0x40200)],
                Children = [new ChildDescription.Sound()],
            },
        ];

    private static FunctionDescription E810(string address, int port, string mac) =>
        Hardware.Function(address, "8086", "1592", 0x020000, revision: 2) with
        {
            SubsystemVendor = PciId.Parse("8086"),
            SubsystemDevice = PciId.Parse("0002"),
            HostDriver = "ice",
            ResetMethods = "flr bus",
            IsolatedFunctions = true,
            Bars =
            [
                new(0, 0x22000000000 + ((ulong)port << 26), 0x2000000, Memory64),
                new(7, 0x22100000000 + ((ulong)port << 28), 0x800000, Memory64),
            ],
            Children = [new ChildDescription.NetworkInterface(mac)],
            // The second port's VFs begin where the first one's end.
            Sriov = new SriovDescription
            {
                TotalVfs = 64,
                Offset = 8 + (port * 63),
                Stride = 1,
                VfDevice = PciId.Parse("1889"),
                VfDriver = "iavf",
                VfChildren = [new ChildDescription.NetworkInterface("00:00:00:00:00:00")],
            },
        };

    private static FunctionDescription ConnectX(string address, string mac) =>
        Hardware.Function(address, "15b3", "101d", 0x020000) with
        {
            SubsystemVendor = PciId.Parse("15b3"),
            SubsystemDevice = PciId.Parse("0016"),
            HostDriver = "mlx5_core",
            ResetMethods = "flr bus",
            Bars = [new(0, 0x23000000000, 0x2000000, Memory64), new(7, 0x23100000000, 0x800000, Memory64)],
            Children = [new ChildDescription.NetworkInterface(mac)],
            Sriov = new SriovDescription
            {
                TotalVfs = 8,
                Offset = 2,
                Stride = 1,
                VfDevice = PciId.Parse("101e"),
                VfDriver = "mlx5_core",
                VfChildren = [new ChildDescription.NetworkInterface("00:00:00:00:00:00")],
            },
        };
}
