using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Sandbox.Demo;

/// <summary>
/// The demo's server: <see cref="DemoMachines.MixedNode"/> with a dual-port network card whose ports share one IOMMU group, disks that are
/// mounted, and a network card that carries the node's own address.
/// </summary>
internal static class DemoMachine
{
    public const string Gpu = "0000:11:00.0";
    public const string GpuAudio = "0000:11:00.1";
    public const string Nic = "0000:3b:00.0";
    public const string DualPort = "0000:5e:00.0";

    /// <summary>The license dongle of mixed-1, by its socket.</summary>
    public const string Dongle = "0000:84:00.0/1";

    /// <summary>The host bus adapter of mixed-1, behind which its tape library is.</summary>
    public const string TapeAdapter = "0000:86:00.0";
    public const string DualPortSecond = "0000:5e:00.1";
    public const string DataDisk = "0000:83:00.0";
    public const string VgpuCard = "0000:d8:00.0";
    public const string DeskCard = "0000:d9:00.0";
    public const string MountPoint = "/var/lib/postgresql";

    /// <summary>What the story's devices are called; a real host has these names in its pci.ids.</summary>
    private const string Names = """
        1000  Broadcom / LSI
        	0097  SAS3008 PCI-Express Fusion-MPT SAS-3
        10de  NVIDIA Corporation
        	1bb3  GP104GL [Tesla P4]
        	1eb8  TU104GL [Tesla T4]
        	228b  GA104 High Definition Audio Controller
        	24b0  GA104GL [RTX A4000]
        144d  Samsung Electronics Co Ltd
        	a80a  NVMe SSD Controller PM9A1
        15b3  Mellanox Technologies
        	101d  MT2892 Family [ConnectX-6 Dx]
        	101e  ConnectX Family mlx5Gen Virtual Function
        1912  Renesas Electronics Corp.
        	0014  uPD720201 USB 3.0 Host Controller
        1a03  ASPEED Technology, Inc.
        	2000  ASPEED Graphics Family
        8086  Intel Corporation
        	105e  82571EB Gigabit Ethernet Controller
        	1592  Ethernet Controller E810-C for QSFP
        	1889  Ethernet Adaptive Virtual Function

        """;

    public static MachineDescription Description { get; } =
        DemoMachines.MixedNode with
        {
            RootBuses = DemoMachines.MixedNode.RootBuses.Insert(
                3,
                new RootBusDescription(
                    "0000:5d",
                    [
                        Port(
                            "0000:5d:00.0",
                            Ethernet(DualPort, 0xb2000000, "00:15:17:00:00:20"),
                            Ethernet(DualPortSecond, 0xb2040000, "00:15:17:00:00:21")
                        ),
                    ]
                )
            ),
            Drivers = DemoMachines.MixedNode.Drivers.Insert(6, new PciDriverDescription("e1000e")),
        };

    /// <summary>The machine with two cards besides on which vGPUs are made, by their vendor's driver.</summary>
    public static MachineDescription WithVgpuCards(MachineDescription machine) =>
        machine with
        {
            RootBuses = machine.RootBuses.Add(
                new RootBusDescription(
                    "0000:d7",
                    [
                        Port("0000:d7:00.0", Accelerator(VgpuCard, "1eb8", "12a2", 0xb4000000)),
                        Port("0000:d7:01.0", Accelerator(DeskCard, "1bb3", "11d8", 0xb5000000)),
                    ]
                )
            ),
            MdevParents =
            [
                .. machine.MdevParents,
                Vgpus(
                    VgpuCard,
                    gigabytes: 16,
                    new("nvidia-222", "GRID T4-1B", 1),
                    new("nvidia-230", "GRID T4-1Q", 1),
                    new("nvidia-231", "GRID T4-2Q", 2)
                ),
                Vgpus(
                    DeskCard,
                    gigabytes: 8,
                    new("nvidia-63", "GRID P4-1Q", 1),
                    new("nvidia-71", "GRID P4-1B", 1),
                    new("nvidia-157", "GRID P4-2B", 2)
                ),
            ],
        };

    /// <summary>The machine with a tape library besides: two drives and a changer.</summary>
    public static MachineDescription WithTapeLibrary(MachineDescription machine) =>
        machine with
        {
            RootBuses = machine.RootBuses.Add(
                new RootBusDescription(
                    "0000:85",
                    [
                        Port(
                            "0000:85:00.0",
                            Hardware.Function(TapeAdapter, "1000", "0097", 0x010700) with
                            {
                                HostDriver = "mpt3sas",
                                ResetMethods = "bus",
                                NumaNode = 1,
                                Children =
                                [
                                    new ChildDescription.ScsiHost(
                                        BehindVirtio: false,
                                        [
                                            new(0, Tape, "IBM", "ULT3580-TD8", "10WT000001") { Wwid = "naa.50050763121a0001" },
                                            new(1, Tape, "IBM", "ULT3580-TD8", "10WT000002") { Wwid = "naa.50050763121a0002" },
                                            new(2, Changer, "IBM", "3573-TL", "00L4U78A0001_LL0"),
                                        ]
                                    ),
                                ],
                            }
                        ),
                    ]
                )
            ),
            Drivers = machine.Drivers.Add(new PciDriverDescription("mpt3sas")),
        };

    /// <summary>Boots it, with its file systems mounted and its address set.</summary>
    /// <param name="machine"><see cref="Description"/>, or more.</param>
    /// <param name="seed">The boot's id.</param>
    public static SimulatedKernel Boot(MachineDescription machine, int seed)
    {
        var kernel = BootBare(machine, seed);
        kernel.Storage.MountDisk(kernel.Storage.AddPartition("nvme0n1", 2), "/");
        kernel.Storage.MountDisk("nvme1n1", MountPoint);
        kernel.Network.AddAddress("eth0", "192.0.2.10/24");
        return kernel;
    }

    /// <summary>Boots any of the story's machines: its devices have their names.</summary>
    public static SimulatedKernel BootBare(MachineDescription machine, int seed)
    {
        var kernel = new SimulatedKernel(machine, seed: seed);
        var names = kernel.Paths.Resolve("/usr/share/misc/pci.ids");
        Directory.CreateDirectory(Path.GetDirectoryName(names)!);
        File.WriteAllText(names, Names);
        return kernel;
    }

    /// <summary>A device's name as <c>lspci</c> would print it; the ids where there is none.</summary>
    public static string NameOf(string vendor, string device)
    {
        var lines = Names
            .Split('\n')
            .SkipWhile(line => !line.StartsWith(vendor, StringComparison.Ordinal))
            .Skip(1)
            .TakeWhile(line => line.StartsWith('\t'));
        return lines.FirstOrDefault(line => line.StartsWith("\t" + device, StringComparison.Ordinal))?[7..] ?? $"{vendor}:{device}";
    }

    /// <summary>Types of SCSI devices, as their INQUIRY says them.</summary>
    private const int Tape = 1;
    private const int Changer = 8;

    private static FunctionDescription Port(string address, params ImmutableArray<FunctionDescription> behind) =>
        Hardware.Function(address, "8086", "347a", 0x060400) with
        {
            HostDriver = "pcieport",
            NumaNode = 1,
            Behind = behind,
        };

    private static FunctionDescription Accelerator(string address, string device, string subsystem, ulong memory) =>
        Hardware.Function(address, "10de", device, 0x030200, revision: 0xa1) with
        {
            SubsystemVendor = PciId.Parse("10de"),
            SubsystemDevice = PciId.Parse(subsystem),
            HostDriver = "nvidia",
            ResetMethods = "flr bus",
            NumaNode = 1,
            Bars = [new(0, memory, 0x1000000, 0x40200)],
        };

    private static MdevParentDescription Vgpus(string card, int gigabytes, params ImmutableArray<MdevTypeDescription> types) =>
        new("nvidia-vgpu-vfio", gigabytes, types, PciAddress.Parse(card));

    /// <summary>No function-level reset and no isolation between the ports: old cards are like that.</summary>
    private static FunctionDescription Ethernet(string address, ulong memory, string mac) =>
        Hardware.E1000e(address, memory, memory + 0x20000, 0x3000, mac) with
        {
            Device = PciId.Parse("105e"),
            SubsystemVendor = PciId.Parse("8086"),
            SubsystemDevice = PciId.Parse("115e"),
            NumaNode = 1,
        };
}
