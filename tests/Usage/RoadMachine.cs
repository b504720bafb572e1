using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Usage;

/// <summary>
/// The lab's machine with what it lacks, on a root bus of its own: adapters over which disks come, a console on a serial port, virtio
/// devices of all kinds.
/// </summary>
internal static class RoadMachine
{
    public const string Hba = "0000:c0:00.0";
    public const string SecondHba = "0000:c0:01.0";
    public const string Hca = "0000:c0:02.0";
    public const string SecondHca = "0000:c0:03.0";
    public const string Serial = "0000:c0:04.0";
    public const string PortName = "0x100000109b000001";

    public static MachineDescription Description { get; } =
        With(
            Fc(Hba, 0x100000109b000001),
            Fc(SecondHba, 0x100000109b000002),
            Nic(Hca, "mlx5_core", "b8:ce:f6:00:00:01"),
            Nic(SecondHca, "mlx5_core", "b8:ce:f6:00:00:02"),
            Function(Serial, "8086", "7a6b", 0x070002, "serial", new ChildDescription.SerialPort(4, IsConsole: true))
        );

    /// <summary>The lab's machine with these functions, each in a group of its own.</summary>
    public static MachineDescription With(params ImmutableArray<FunctionDescription> functions) =>
        LabMachine.Description with
        {
            RootBuses = [.. LabMachine.Description.RootBuses, new("0000:c0", functions)],
            Drivers =
            [
                .. LabMachine.Description.Drivers,
                .. functions
                    .Select(f => f.HostDriver)
                    .OfType<string>()
                    .Distinct()
                    .Except(LabMachine.Description.Drivers.Select(d => d.Name))
                    .Select(n => new PciDriverDescription(n)),
            ],
        };

    /// <summary>A virtio function of a kind, for example <c>0000:c0:05.0</c>.</summary>
    public static FunctionDescription Virtio(
        string address,
        int kind,
        string? driver = "some_driver",
        string? tag = null,
        params ImmutableArray<string> ports
    ) =>
        Function(
            address,
            "1af4",
            $"{0x1040 + kind:x4}",
            0x00ff00,
            "virtio-pci",
            new ChildDescription.Virtio(kind, driver, tag) { Ports = ports }
        );

    public static FunctionDescription Nic(string address, string driver, string mac) =>
        Function(address, "15b3", "101d", 0x020000, driver, new ChildDescription.NetworkInterface(mac));

    public static FunctionDescription Fc(string address, ulong portName) =>
        Function(address, "10df", "f500", 0x0c0400, "lpfc", new ChildDescription.FcHost(portName));

    private static FunctionDescription Function(
        string address,
        string vendor,
        string device,
        uint classCode,
        string driver,
        ChildDescription child
    ) =>
        new()
        {
            Address = PciAddress.Parse(address),
            Vendor = PciId.Parse(vendor),
            Device = PciId.Parse(device),
            Class = classCode,
            HostDriver = driver,
            IsolatedFunctions = true,
            ResetMethods = "flr bus",
            Children = [child],
        };
}
