using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.Planning.Inventory;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Benchmarks;

/// <summary>
/// <c>inventory</c>: a whole reading of machines with many functions, against opening, reading and closing the files that it reads of each
/// function and doing nothing with them. The machine is a directory tree: on a real sysfs both cost more, by the same.
/// </summary>
internal static class InventoryBenchmark
{
    /// <summary>What a reading opens of every function (<c>Inventory/PciFunctionReader.cs</c>).</summary>
    private static readonly string[] s_attributes =
    [
        "vendor",
        "device",
        "subsystem_vendor",
        "subsystem_device",
        "class",
        "numa_node",
        "resource",
        "reset_method",
        "driver_override",
        "iommu_group/name",
        "iommu_group/type",
    ];

    public static Command Command()
    {
        var sizes = new Option<int[]>("--functions")
        {
            Description = "How many functions the machines have.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [64, 1024, 4096],
        };
        var rounds = new Option<int>("--rounds") { Description = "Readings of each.", DefaultValueFactory = _ => 15 };
        var command = new Command("inventory", "A reading of the whole machine, against open, read and close of the same files.")
        {
            sizes,
            rounds,
        };
        command.SetAction(parsed => Run(parsed.GetValue(sizes)!, parsed.GetValue(rounds)));
        return command;
    }

    private static void Run(int[] sizes, int rounds)
    {
        var rows = new List<string[]>();
        foreach (var size in sizes)
        {
            Report.Progress($"a machine with {size} functions");
            using var kernel = new SimulatedKernel(Machine(size));
            var reader = new InventoryReader(kernel.Paths, TimeProvider.System);
            var files = Files(kernel.Paths, reader.Read());
            var allocated = Allocated(() => reader.Read());
            var (reading, reference) = Sample.ByTurns(rounds, () => reader.Read(), () => Touch(files));
            rows.Add([
                size.ToString(CultureInfo.InvariantCulture),
                files.Length.ToString(CultureInfo.InvariantCulture),
                reading.Text(),
                reference.Text(),
                Report.Ratio(reading.Median / reference.Median),
                Report.Number(allocated / 1024.0 / size),
            ]);
        }

        Report.Title("Inventory: a reading of the whole machine");
        Report.Table(["functions", "files", "reading, ms", "open+read+close, ms", "ratio", "KiB allocated a function"], rows);
    }

    private static MachineDescription Machine(int functions) =>
        new()
        {
            Name = "bench",
            RootBuses =
            [
                .. Enumerable.Range(0, (functions + 255) / 256).Select(domain => Bus(domain, Math.Min(256, functions - (domain * 256)))),
            ],
            Drivers = Hardware.LabDrivers,
        };

    /// <summary>A domain for each 256 functions: 32 slots of eight.</summary>
    private static RootBusDescription Bus(int domain, int functions) =>
        new(
            $"{domain:x4}:00",
            [
                .. Enumerable
                    .Range(0, functions)
                    .Select(i =>
                        Hardware.Edu($"{domain:x4}:00:{i / 8:x2}.{i % 8}", 0xe0000000 + ((ulong)i << 20)) with
                        {
                            IsolatedFunctions = true,
                        }
                    ),
            ]
        );

    private static ImmutableArray<string> Files(HostPaths paths, HostInventory inventory) =>
        [
            .. inventory
                .Functions.Keys.SelectMany(a => s_attributes.Select(name => paths.Resolve($"/sys/bus/pci/devices/{a}/{name}")))
                .Where(File.Exists),
        ];

    private static void Touch(ImmutableArray<string> files)
    {
        Span<byte> buffer = stackalloc byte[4096];
        foreach (var file in files)
        {
            using var handle = File.OpenHandle(file);
            while (RandomAccess.Read(handle, buffer, 0) == buffer.Length)
                break;
        }
    }

    private static long Allocated(Action action)
    {
        action();
        var before = GC.GetTotalAllocatedBytes(precise: true);
        action();
        return GC.GetTotalAllocatedBytes(precise: true) - before;
    }
}
