using System.Collections.Immutable;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Scenarios.Sequences;

/// <summary>The lab's machine with one of each kind, so that thousands of them can be booted.</summary>
internal static class SequenceMachine
{
    private static readonly string[] s_ports =
    [
        "0000:00:10.0",
        "0000:00:11.0",
        "0000:40:00.0",
        "0000:40:01.0",
        "0000:40:02.0",
        "0000:40:03.0",
        "0000:40:04.0",
        "0000:40:05.0",
        "0000:80:05.0",
    ];

    /// <summary>What is cabled to the adapter at boot: two like disks, and a drive that has no name.</summary>
    public static ImmutableArray<ScsiUnitDescription> ScsiUnits { get; } =
    [
        new(0, 0, "SEAGATE", "ST1000", "SER-A") { Wwid = "naa.5000c500aaaaaaaa" },
        new(1, 0, "SEAGATE", "ST1000", "SER-B") { Wwid = "naa.5000c500bbbbbbbb" },
        new(2, 5, "QEMU", "QEMU CD-ROM", null),
    ];

    /// <summary>A licence dongle: without a serial number, with an interface that nothing drives and one that is a keyboard's.</summary>
    private static readonly UsbDeviceDescription s_dongle = new("3", "0529", "0001", "SEQ", "Dongle", null)
    {
        Interfaces = [("ff/00/00", null), ("03/01/01", "usbhid")],
    };

    /// <summary>What is in the sockets at boot: of two like sticks only one, and the last socket is empty.</summary>
    private static readonly MachineDescription s_lab = LabMachine
        .Description.With(
            UsbController,
            f => f with { Children = [new ChildDescription.UsbHost([LabMachine.UsbStick, LabMachine.UsbKeyboard, s_dongle])] }
        )
        .With(ScsiAdapter, f => f with { Children = [new ChildDescription.ScsiHost(BehindVirtio: true, ScsiUnits)] });

    private static readonly MachineDescription s_description = s_lab with
    {
        RootBuses =
        [
            .. s_lab.RootBuses.Select(bus =>
                bus with
                {
                    Functions = [.. bus.Functions.Where(f => s_ports.Contains(f.Address.ToString()))],
                }
            ),
        ],
        Slots = [],
        UsbDriversNotLoaded = [],
    };

    /// <summary>Functions of one slot come and go together.</summary>
    public static ImmutableArray<ImmutableArray<string>> Slots { get; } =
    [
        ["0000:41:00.0"],
        ["0000:43:00.0", "0000:43:00.1"],
        ["0000:44:00.0"],
        ["0000:45:00.0", "0000:45:00.1"],
        ["0000:46:00.0"],
        ["0000:86:00.0"],
    ];

    public static ImmutableArray<string> PhysicalFunctions { get; } = ["0000:41:00.0", "0000:44:00.0"];

    public static ImmutableArray<string> NetworkFunctions { get; } = ["0000:41:00.0", "0000:45:00.0", "0000:45:00.1", "0000:86:00.0"];

    /// <summary>What the interface of 0000:41:00.0 is called from boot on.</summary>
    public static string InterfaceOfNics { get; } = FirstInterfaceOf("0000:41:00.0");

    public const string DiskFunction = "0000:44:00.0";

    public const string UsbController = "0000:01:00.0";

    public const string ScsiAdapter = "0000:02:00.0";

    /// <summary>What comes with somebody: another stick, like the one that is there at boot.</summary>
    public static UsbDeviceDescription OtherStick { get; } = LabMachine.UsbStick with { Serial = "LABUSB1" };

    private static string FirstInterfaceOf(string function)
    {
        using var kernel = new SimulatedKernel(s_description);
        return kernel.Network.Hardware.Single(i => Path.GetFileName(i.Device) == function).Name;
    }

    /// <summary>The same for all seeds but for what distributions build differently: every third has no cdevs.</summary>
    public static MachineDescription For(int seed) => s_description with { VfioCdev = seed % 3 != 0 };
}
