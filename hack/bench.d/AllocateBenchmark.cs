using System.CommandLine;
using System.Globalization;

namespace Hostdev.Benchmarks;

/// <summary>
/// <c>allocate</c>: calls of Allocate over a unix socket, from a kubelet in Go, to two plugins by turns: our serving half with an answer
/// that is ready (<c>hack/bench.d/plugin</c>, native), and the same in Go, the reference. Then to the whole agent, which looks at the real
/// state and writes to disk before each answer.
/// </summary>
internal static class AllocateBenchmark
{
    private const int AgentCalls = 100_000;
    private const int ManyDescriptors = 1_000_000;
    private const int CallsAmongMany = 2_000;
    private static readonly int[] s_callers = [1, 4, 16];

    public static Command Command()
    {
        var load = new Option<string>("--load")
        {
            Description = "The kubelet and the reference: hack/bench.d/load, built.",
            Required = true,
        };
        var plugin = new Option<string>("--plugin") { Description = "Our serving half: hack/bench.d/plugin, published.", Required = true };
        var agent = new Option<string>("--agent")
        {
            Description = "hostdev-device-plugin. Without it, or not as root, the whole agent is left out.",
        };
        var calls = new Option<int>("--calls") { Description = "Calls in each measurement.", DefaultValueFactory = _ => 20_000 };
        var rounds = new Option<int>("--rounds") { Description = "Measurements of each.", DefaultValueFactory = _ => 5 };
        var command = new Command("allocate", "Allocate over the socket, against grpc-go.") { load, plugin, agent, calls, rounds };
        command.SetAction(
            (parsed, cancellationToken) =>
                new Measurement(
                    Path.GetFullPath(parsed.GetValue(load)!),
                    Path.GetFullPath(parsed.GetValue(plugin)!),
                    parsed.GetValue(agent),
                    parsed.GetValue(calls),
                    parsed.GetValue(rounds)
                ).RunAsync(cancellationToken)
        );
        return command;
    }

    private sealed record Measurement(string Load, string Plugin, string? Agent, int Calls, int Rounds)
    {
        private readonly string _directory = Directory.CreateTempSubdirectory("hd-").FullName;

        public async Task RunAsync(CancellationToken cancellationToken)
        {
            await PluginsAsync(cancellationToken);
            if (Agent is not null && Environment.IsPrivilegedProcess)
            {
                await AgentAsync(0, AgentCalls, cancellationToken);
                await AgentAsync(ManyDescriptors, CallsAmongMany, cancellationToken);
            }

            Directory.Delete(_directory, recursive: true);
        }

        private async Task PluginsAsync(CancellationToken cancellationToken)
        {
            using var kubelet = await GoKubelet.StartAsync(Load, Path.Combine(_directory, "plugins"), cancellationToken);
            using var ours = MeasuredProcess.Start(Plugin, [kubelet.Directory]);
            using var go = MeasuredProcess.Start(Load, ["plugin", kubelet.Directory]);
            await kubelet.CallAsync("example.com/ours", 4, 5000, BenchNode.Address(0), cancellationToken);
            await kubelet.CallAsync("example.com/go", 4, 5000, BenchNode.Address(0), cancellationToken);
            var (before, goBefore) = (ours.ResidentMegabytes, go.ResidentMegabytes);
            var rows = new List<string[]>();
            foreach (var callers in s_callers)
            {
                Report.Progress($"{callers} callers");
                var (mine, its) = (new List<(Load Load, double Cpu)>(), new List<(Load Load, double Cpu)>());
                for (var round = 0; round < Rounds; round++)
                {
                    mine.Add(await MeasureAsync(kubelet, ours, "example.com/ours", callers, cancellationToken));
                    its.Add(await MeasureAsync(kubelet, go, "example.com/go", callers, cancellationToken));
                }

                rows.Add(Row($"{callers} callers, ours", mine, its));
                rows.Add(Row($"{callers} callers, grpc-go", its, its));
            }

            Report.Title(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Allocate over a unix socket: {Calls} calls a measurement, medians of {Rounds}; ratios to grpc-go"
                )
            );
            Report.Table(["", "p50, µs", "p99, µs", "calls/s", "processor a call, µs", "ratio", "noise"], rows);
            Report.Note(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"RSS before and after {Calls * Rounds * s_callers.Length} calls: ours {before:F1} and "
                        + $"{ours.ResidentMegabytes:F1} MB, grpc-go {goBefore:F1} and {go.ResidentMegabytes:F1} MB"
                )
            );
        }

        /// <param name="descriptors">How many files other processes of the node have open meanwhile.</param>
        private async Task AgentAsync(int descriptors, int calls, CancellationToken cancellationToken)
        {
            await using var node = await BenchNode.CreateAsync(8);
            using var kubelet = await GoKubelet.StartAsync(Load, Path.Combine(_directory, "agent"), cancellationToken);
            using var agent = node.StartAgent(Agent!, kubelet.Directory, descriptors);
            foreach (var (resource, device) in node.Resources.Select((r, i) => (r, i)))
                await kubelet.CallAsync(resource, 1, 1, BenchNode.Address(device), cancellationToken);
            await Task.Delay(TimeSpan.FromSeconds(5), cancellationToken);
            var (rest, cpu) = (agent.ResidentMegabytes, agent.CpuSeconds);
            Report.Progress($"{calls} calls to the agent");
            var load = await kubelet.CallAsync(node.Resources[0], 1, calls, BenchNode.Address(0), cancellationToken);
            var used = (agent.CpuSeconds - cpu) / calls * 1e6;
            var among = descriptors == 0 ? "" : $", while other processes have {descriptors} files open";
            Report.Title(
                string.Create(CultureInfo.InvariantCulture, $"The agent with 8 resources: {calls} Allocates by one caller{among}")
            );
            Report.Table(
                ["p50, µs", "p99, µs", "calls/s", "processor a call, µs", "RSS at rest, MB", "RSS after, MB"],
                [
                    [
                        Report.Number(load.P50),
                        Report.Number(load.P99),
                        Report.Number(load.Rate, "F0"),
                        Report.Number(used),
                        Report.Number(rest),
                        Report.Number(agent.ResidentMegabytes),
                    ],
                ]
            );
        }

        private async Task<(Load Load, double Cpu)> MeasureAsync(
            GoKubelet kubelet,
            MeasuredProcess plugin,
            string resource,
            int callers,
            CancellationToken cancellationToken
        )
        {
            var before = plugin.CpuSeconds;
            var load = await kubelet.CallAsync(resource, callers, Calls, BenchNode.Address(0), cancellationToken);
            return (load, (plugin.CpuSeconds - before) / Calls * 1e6);
        }

        private static string[] Row(string name, List<(Load Load, double Cpu)> measured, List<(Load Load, double Cpu)> reference)
        {
            var cpu = Sample.Of(measured.Select(m => m.Cpu));
            return
            [
                name,
                Report.Number(Sample.Of(measured.Select(m => m.Load.P50)).Median),
                Report.Number(Sample.Of(measured.Select(m => m.Load.P99)).Median),
                Report.Number(Sample.Of(measured.Select(m => m.Load.Rate)).Median, "F0"),
                Report.Number(cpu.Median),
                Report.Ratio(cpu.Median / Sample.Of(reference.Select(r => r.Cpu)).Median),
                Report.Number(cpu.Noise * 100, "F0") + "%",
            ];
        }
    }
}
