using System.Collections.Immutable;
using Hostdev.Crds;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// The lab's node, function by function as Linux 6.12 shows it under QEMU: what a scenario passes here, it should pass there.
/// </summary>
public static class LabMachine
{
    private const ulong Memory32 = 0x40200;
    private const ulong Ports = 0x40101;

    public static MachineDescription Description { get; } =
        new()
        {
            Name = "node1",
            CommandLine =
                "console=ttyS0 loglevel=4 panic=-1 intel_iommu=on nokaslr mitigations=off audit=0 random.trust_cpu=on no_timer_check ",
            RootBuses = [new("0000:00", RootBus()), new("0000:80", NumaNode1()), new("0000:40", NumaNode0())],
            Drivers = Hardware.LabDrivers,
            MdevParents = Hardware.SampleMdevs,
            Ps2Keyboard = true,
            UsbDriversNotLoaded = ["usbhid"],
            VgpuCards = [StandInOn("0000:41:00.0"), StandInOn("0000:81:00.0")],
            Slots = Slots(),
            Shares =
            [
                new("labhost", "/host", Hidden: true),
                new("labroot", "/root", Hidden: true),
                new("lablayer", "/layer", Hidden: true),
                new("labio", "/labio"),
            ],
        };

    /// <summary>Not loaded at boot: <c>modprobe bochs</c> gives all graphics cards to the host.</summary>
    public static PciDriverDescription DisplayDriver => Hardware.DisplayDriver;

    /// <summary>Not loaded at boot: <c>modprobe vgpu-standin</c>, the lab's own module (hack/lab.d/vgpu-standin).</summary>
    public static PciDriverDescription VgpuStandIn { get; } = new("vgpu-standin", PciDriverKind.VendorVfio);

    /// <summary>Debian's own kernel: neither <c>/dev/iommu</c> nor <c>/dev/vfio/devices</c>.</summary>
    public static MachineDescription Stock { get; } = Description with { VfioCdev = false };

    /// <summary>The same machine with the IOMMU off.</summary>
    public static MachineDescription WithoutIommu { get; } = Description with { Iommu = false, InterruptRemapping = false };

    /// <summary>As hack/lab.d/vgpu-standin/vgpu_standin.c has them.</summary>
    private static VgpuCardDescription StandInOn(string function) =>
        new(
            PciAddress.Parse(function),
            4,
            [new(901, "STANDIN V-1B", 1), new(902, "STANDIN V-1Q", 1), new(903, "STANDIN V-2Q", 2), new(904, "STANDIN V-4Q", 4)]
        );

    private static ImmutableArray<FunctionDescription> RootBus() =>
        [
            Hardware.HostBridge("0000:00:00.0"),
            Hardware.Virtio("0000:00:01.0", "1009", 0x000200, "0009", 0x6000, 0x40, 0xfea00000, 0xc180000000, NineP("labhost")),
            Hardware.Virtio("0000:00:02.0", "1009", 0x000200, "0009", 0x6040, 0x40, 0xfea01000, 0xc180004000, NineP("labroot")),
            Hardware.Virtio("0000:00:03.0", "1009", 0x000200, "0009", 0x6080, 0x40, 0xfea02000, 0xc180008000, NineP("lablayer")),
            Hardware.Virtio("0000:00:04.0", "1009", 0x000200, "0009", 0x6140, 0x20, 0xfea03000, 0xc18000c000, NineP("labio")),
            Hardware.Virtio("0000:00:06.0", "1003", 0x078000, "0003", 0x60c0, 0x40, 0xfea04000, 0xc180010000, Console()),
            Hardware.ExpanderBridge("0000:00:08.0"),
            Hardware.ExpanderBridge("0000:00:09.0"),
            Hardware.RootPort("0000:00:10.0", 0xfea05000, [Usb()], windows: Hardware.Windows(0x7000, 0xfe800000, 0xc160000000)),
            Hardware.RootPort("0000:00:11.0", 0xfea06000, [Scsi()], windows: Hardware.Windows(0x8000, 0xfe600000, 0xc140000000)),
            Hardware.RootPort(
                "0000:00:12.0",
                0xfea07000,
                [ConventionalBridge()],
                windows: Hardware.Windows(0x5000, 0xfc800000, 0xc120000000, memorySize: 0x400000)
            ),
            Hardware.Function("0000:00:1f.0", "8086", "2918", 0x060100, revision: 2),
            Hardware.Function("0000:00:1f.2", "8086", "2922", 0x010601, revision: 2) with
            {
                Bars = [new(4, 0x6160, 0x20, Ports), new(5, 0xfea08000, 0x1000, Memory32)],
            },
            Hardware.Function("0000:00:1f.3", "8086", "2930", 0x0c0500, revision: 2) with
            {
                Bars = [new(4, 0x700, 0x40, Ports)],
            },
        ];

    private static ChildDescription.Virtio NineP(string tag) => new(9, "9pnet_virtio", tag);

    private static ChildDescription.Virtio Console() => new(3, "virtio_console") { Ports = ["lab.stdout", "lab.stderr"] };

    private static FunctionDescription Usb() => Hardware.Xhci("0000:01:00.0", 0xfe800000, [UsbKeyboard, UsbSerial, UsbStick]);

    /// <summary>A disk with usb-storage, at the speed of USB 3.</summary>
    public static UsbDeviceDescription UsbStick =>
        new("1", "46f4", "0001", "QEMU", "QEMU USB HARDDRIVE", "LABUSB0", SuperSpeed: true)
        {
            Interfaces = [("08/06/50", "usb-storage")],
            Storage = true,
        };

    public static UsbDeviceDescription UsbKeyboard =>
        new("2", "0627", "0001", "QEMU", "QEMU USB Keyboard", "68284-0000:00:10.0:00.0-2") { Interfaces = [("03/01/01", "usbhid")] };

    private static UsbDeviceDescription UsbSerial => new("3", "0403", "6001", "QEMU", "QEMU USB SERIAL", "1-0000:00:10.0:00.0-3");

    public const string ScsiAdapter = "0000:02:00.0";

    /// <summary>It has no disk at boot.</summary>
    public const string SecondScsiAdapter = "0000:47:00.0";

    /// <summary>What <see cref="ScsiAdapter"/> has at boot.</summary>
    public static ImmutableArray<ScsiUnitDescription> ScsiUnits =>
        [new(0, 0, "QEMU", "QEMU HARDDISK", "LABSCSI0"), new(1, 5, "QEMU", "QEMU CD-ROM", null)];

    private static FunctionDescription Scsi() => Hardware.VirtioScsi(ScsiAdapter, 0xfe600000, 0xc140000000, ScsiUnits);

    private static FunctionDescription ConventionalBridge() =>
        Hardware.PciBridge(
            "0000:03:00.0",
            0xfca00000,
            Hardware.Windows(0x5000, 0xfc800000, 0xc120000000),
            [Hardware.Edu("0000:04:01.0", 0xfc800000), Hardware.PciTestdev("0000:04:02.0", 0xfc900000, 0x5000)]
        );

    private static ImmutableArray<FunctionDescription> NumaNode0() =>
        [
            Hardware.RootPort(
                "0000:40:00.0",
                0xfea09000,
                [Hardware.Igb("0000:41:00.0", 0xfe400000, 0x4000, 0xc100000000, "52:54:00:00:00:10")],
                numa: 0,
                windows: Hardware.Windows(0x4000, 0xfe400000, 0xc100000000)
            ),
            Hardware.RootPort(
                "0000:40:01.0",
                0xfea0a000,
                Hardware.Gpu("0000:42:00", 0xfb000000, 0xfe204000, 0xfe200000, bootVga: true),
                numa: 0,
                windows: Hardware.Windows(0, 0xfe200000, 0xfb000000, 0x1000000)
            ),
            Hardware.RootPort(
                "0000:40:02.0",
                0xfea0b000,
                Hardware.Gpu("0000:43:00", 0xfa000000, 0xfe004000, 0xfe000000),
                numa: 0,
                windows: Hardware.Windows(0, 0xfe000000, 0xfa000000, 0x1000000)
            ),
            Hardware.RootPort(
                "0000:40:03.0",
                0xfea0c000,
                [Hardware.Nvme("0000:44:00.0", 0xfde00000, "LABNVME0", "nqn.2019-08.org.qemu:lab0", Hardware.NvmeVfs(4))],
                numa: 0,
                windows: Hardware.Windows(0, 0xfde00000, 0xc0e0000000)
            ),
            Hardware.RootPort(
                "0000:40:04.0",
                0xfea0d000,
                [
                    Hardware.E1000e("0000:45:00.0", 0xfdc00000, 0xfdc80000, 0x3000, "52:54:00:00:00:20"),
                    Hardware.E1000e("0000:45:00.1", 0xfdc40000, 0xfdc84000, 0x3020, "52:54:00:00:00:21", "pm"),
                ],
                numa: 0,
                windows: Hardware.Windows(0x3000, 0xfdc00000, 0xc0c0000000)
            ),
            Hardware.RootPort(
                "0000:40:05.0",
                0xfea0e000,
                [Hardware.Edu("0000:46:00.0", 0xfda00000)],
                numa: 0,
                windows: Hardware.Windows(0, 0xfda00000, 0xc0a0000000)
            ),
            Hardware.RootPort(
                "0000:40:06.0",
                0xfea0f000,
                [Hardware.VirtioScsi(SecondScsiAdapter, 0xfd800000, 0xc080000000, [])],
                numa: 0,
                windows: Hardware.Windows(0, 0xfd800000, 0xc080000000)
            ),
        ];

    private static ImmutableArray<FunctionDescription> NumaNode1() =>
        [
            Hardware.RootPort(
                "0000:80:00.0",
                0xfea10000,
                [Hardware.Igb("0000:81:00.0", 0xfd600000, 0x2000, 0xc060000000, "52:54:00:00:00:30")],
                numa: 1,
                windows: Hardware.Windows(0x2000, 0xfd600000, 0xc060000000)
            ),
            Hardware.RootPort(
                "0000:80:01.0",
                0xfea11000,
                Hardware.Gpu("0000:82:00", 0xf9000000, 0xfd404000, 0xfd400000, shows: true),
                numa: 1,
                windows: Hardware.Windows(0, 0xfd400000, 0xf9000000, 0x1000000)
            ),
            Hardware.RootPort(
                "0000:80:02.0",
                0xfea12000,
                Hardware.Gpu("0000:83:00", 0xf8000000, 0xfd204000, 0xfd200000),
                numa: 1,
                windows: Hardware.Windows(0, 0xfd200000, 0xf8000000, 0x1000000)
            ),
            Hardware.RootPort(
                "0000:80:03.0",
                0xfea13000,
                [Hardware.Nvme("0000:84:00.0", 0xfd000000, "LABNVME1", "nqn.2019-08.org.qemu:LABNVME1")],
                numa: 1,
                windows: Hardware.Windows(0, 0xfd000000, 0xc040000000)
            ),
            Hardware.RootPort(
                "0000:80:04.0",
                0xfea14000,
                [Hardware.Edu("0000:85:00.0", 0xfce00000)],
                numa: 1,
                windows: Hardware.Windows(0, 0xfce00000, 0xc020000000)
            ),
            Hardware.RootPort(
                "0000:80:05.0",
                0xfea15000,
                [Hardware.E1000e("0000:86:00.0", 0xfcc00000, 0xfcc40000, 0x1000, "52:54:00:00:00:40")],
                numa: 1,
                acs: false,
                windows: Hardware.Windows(0x1000, 0xfcc00000, 0xc000000000)
            ),
        ];

    /// <summary>QEMU numbers the slots of its root ports from 1, and the bridge's own 1-31 take those names first.</summary>
    private static ImmutableArray<(string Name, string Address)> Slots() =>
        [
            ("0", "0000:01:00"),
            ("0-2", "0000:02:00"),
            ("0-3", "0000:04:00"),
            .. Enumerable.Range(1, 31).Select(slot => ($"{slot}", $"0000:04:{slot:x2}")),
            .. Enumerable.Range(1, 6).Select(slot => ($"{slot}-1", $"0000:4{slot}:00")),
            .. Enumerable.Range(7, 6).Select(slot => ($"{slot}-1", $"0000:8{slot - 6}:00")),
            ("16-1", "0000:47:00"),
        ];
}
