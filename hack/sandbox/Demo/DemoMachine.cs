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
    public const string DualPortSecond = "0000:5e:00.1";
    public const string DataDisk = "0000:83:00.0";
    public const string MountPoint = "/var/lib/postgresql";

    /// <summary>What the story's devices are called; a real host has these names in its pci.ids.</summary>
    private const string Names = """
        10de  NVIDIA Corporation
        	228b  GA104 High Definition Audio Controller
        	24b0  GA104GL [RTX A4000]
        144d  Samsung Electronics Co Ltd
        	a80a  NVMe SSD Controller PM9A1
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
            RootBuses = DemoMachines.MixedNode.RootBuses.Insert(3, new RootBusDescription("0000:5d", [Port()])),
            Drivers = DemoMachines.MixedNode.Drivers.Insert(6, new PciDriverDescription("e1000e")),
        };

    /// <summary>Boots it, with its file systems mounted and its address set.</summary>
    /// <param name="seed">The boot's id.</param>
    public static SimulatedKernel Boot(int seed)
    {
        var kernel = new SimulatedKernel(Description, seed: seed);
        var names = kernel.Paths.Resolve("/usr/share/misc/pci.ids");
        Directory.CreateDirectory(Path.GetDirectoryName(names)!);
        File.WriteAllText(names, Names);
        kernel.Storage.MountDisk(kernel.Storage.AddPartition("nvme0n1", 2), "/");
        kernel.Storage.MountDisk("nvme1n1", MountPoint);
        kernel.Network.AddAddress("eth0", "192.0.2.10/24");
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

    private static FunctionDescription Port() =>
        Hardware.Function("0000:5d:00.0", "8086", "347a", 0x060400) with
        {
            HostDriver = "pcieport",
            NumaNode = 1,
            Behind = [Ethernet(DualPort, 0xb2000000, "00:15:17:00:00:20"), Ethernet(DualPortSecond, 0xb2040000, "00:15:17:00:00:21")],
        };

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
