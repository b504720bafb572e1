using System.Collections.Immutable;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Scenarios.Sequences;

/// <summary>The lab's machine with one of each kind, so that thousands of them can be booted.</summary>
internal static class SequenceMachine
{
    private static readonly string[] s_ports =
    [
        "0000:40:00.0",
        "0000:40:01.0",
        "0000:40:02.0",
        "0000:40:03.0",
        "0000:40:04.0",
        "0000:40:05.0",
        "0000:80:05.0",
    ];

    private static readonly MachineDescription s_description = LabMachine.Description with
    {
        RootBuses =
        [
            .. LabMachine.Description.RootBuses.Select(bus =>
                bus with
                {
                    Functions = [.. bus.Functions.Where(f => s_ports.Contains(f.Address.ToString()))],
                }
            ),
        ],
        Slots = [],
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

    private static string FirstInterfaceOf(string function)
    {
        using var kernel = new SimulatedKernel(s_description);
        return kernel.Network.Hardware.Single(i => Path.GetFileName(i.Device) == function).Name;
    }

    /// <summary>The same for all seeds but for what distributions build differently: every third has no cdevs.</summary>
    public static MachineDescription For(int seed) => s_description with { VfioCdev = seed % 3 != 0 };
}
