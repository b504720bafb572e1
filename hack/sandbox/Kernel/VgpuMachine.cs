using Hostdev.Crds;

namespace Hostdev.Sandbox.Kernel;

/// <summary>A host with one NVIDIA L40S on the vendor's driver, built for virtual GPUs (contracts/vgpu.md). Read, not seen.</summary>
public static class VgpuMachine
{
    public const string Card = "0000:41:00.0";

    public const int MostVfs = 32;

    public static MachineDescription Description { get; } =
        new()
        {
            Name = "vgpu-node",
            RootBuses =
            [
                new("0000:00", [Hardware.HostBridge("0000:00:00.0")]),
                new("0000:40", [Hardware.RootPort("0000:40:01.0", 0xd0000000, [L40s()], numa: 0)]),
            ],
            Drivers =
            [
                new("pcieport", PciDriverKind.Port, "pcieportdrv"),
                new("nvidia", PciDriverKind.VendorVfio, "nvidia_vgpu_vfio"),
                new("pci-pf-stub") { LeavesVfs = true },
                new("vfio-pci", PciDriverKind.Vfio),
            ],
            VgpuCards =
            [
                new(
                    PciAddress.Parse(Card),
                    48,
                    [new(1145, "NVIDIA L40S-1B", 1), new(1155, "NVIDIA L40S-8Q", 8), new(1157, "NVIDIA L40S-24Q", 24)]
                ),
            ],
        };

    /// <summary>
    /// What <c>/usr/lib/nvidia/sriov-manage -e</c> writes for the card, in order: for a moment it has no driver, then pci-pf-stub, then its
    /// own again.
    /// </summary>
    public static IReadOnlyList<(string Path, string Value)> Enable { get; } =
    [
        ("/sys/bus/pci/drivers/nvidia/unbind", Card),
        ($"/sys/bus/pci/devices/{Card}/driver_override", "pci-pf-stub"),
        ("/sys/bus/pci/drivers_probe", Card),
        ($"/sys/bus/pci/devices/{Card}/sriov_numvfs", $"{MostVfs}"),
        ("/sys/bus/pci/drivers/pci-pf-stub/unbind", Card),
        ($"/sys/bus/pci/devices/{Card}/driver_override", "\n"),
        ("/sys/bus/pci/drivers_probe", Card),
    ];

    /// <summary>And <c>-d</c>.</summary>
    public static IReadOnlyList<(string Path, string Value)> Disable { get; } =
    [.. Enable.Select(w => w.Path.EndsWith("/sriov_numvfs", StringComparison.Ordinal) ? w with { Value = "0" } : w)];

    private static FunctionDescription L40s() =>
        Hardware.Function(Card, "10de", "26b9", 0x030200) with
        {
            HostDriver = "nvidia",
            ResetMethods = "flr bus",
            Sriov = new SriovDescription
            {
                TotalVfs = MostVfs,
                Offset = 4,
                Stride = 1,
                VfDevice = PciId.Parse("26b9"), // the same as the physical function's
                VfDriver = "nvidia",
            },
        };
}
