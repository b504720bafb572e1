using System.CommandLine;
using System.Globalization;
using System.Text.Json;

namespace Hostdev.Benchmarks;

/// <summary>
/// <c>allocate</c>: calls of Allocate over a unix socket, from a client in Go as the kubelet is one, to three servers by turns: our serving half with an answer that is ready
/// (<c>hack/bench.d/plugin</c>, native), the same service in Go, the reference, and the whole agent, which looks at the real state before each answer.
/// </summary>
internal static class AllocateBenchmark
{
    private static readonly int[] s_callers = [1, 4, 16];

    public static Command Command()
    {
        var load = new Option<string>("--load") { Description = "The client: hack/bench.d/load, built.", Required = true };
        var plugin = new Option<string>("--plugin") { Description = "Our serving half: hack/bench.d/plugin, published.", Required = true };
        var agent = new Option<string>("--agent") { Description = "hostdev-device-plugin. Without it, or not as root, the whole agent is left out." };
        var calls = new Option<int>("--calls") { Description = "Calls in each measurement.", DefaultValueFactory = _ => 20_000 };
        var rounds = new Option<int>("--rounds") { Description = "Measurements of each.", DefaultValueFactory = _ => 5 };
        var command = new Command("allocate", "Allocate over the socket, against grpc-go.") { load, plugin, agent, calls, rounds };
        command.SetAction((parsed, cancellationToken) => new Run(parsed.GetValue(load)!, parsed.GetValue(plugin)!, parsed.GetValue(agent), parsed.GetValue(calls), parsed.GetValue(rounds)).RunAsync(cancellationToken));
        return command;
    }

    /// <summary>What the client prints: microseconds and calls a second.</summary>
    private sealed record Load(double P50, double P99, double Rate);

    private sealed record Run(string Client, string Plugin, string? Agent, int Calls, int Rounds)
    {
        private readonly string _directory = Directory.CreateTempSubdirectory("hd-").FullName;

        public async Task RunAsync(CancellationToken cancellationToken)
        {
            await ServersAsync(cancellationToken);
            if (Agent is not null && Environment.IsPrivilegedProcess) await AgentAsync(cancellationToken);
            Directory.Delete(_directory, recursive: true);
        }

        private async Task ServersAsync(CancellationToken cancellationToken)
        {
            var (ours, go) = (Path.Combine(_directory, "ours.sock"), Path.Combine(_directory, "go.sock"));
            using var plugin = MeasuredProcess.Start(Path.GetFullPath(Plugin), [ours]);
            using var reference = MeasuredProcess.Start(Path.GetFullPath(Client), ["serve", go]);
            foreach (var socket in (string[])[ours, go]) await ThereAsync(socket, plugin, reference, cancellationToken);
            var (before, goBefore) = (plugin.ResidentMegabytes, reference.ResidentMegabytes);
            await LoadAsync(ours, 4, 5000, cancellationToken);
            await LoadAsync(go, 4, 5000, cancellationToken);
            var rows = new List<string[]>();
            foreach (var callers in s_callers)
            {
                Report.Progress($"{callers} callers");
                var (mine, its) = (new List<(Load Load, double Cpu)>(), new List<(Load Load, double Cpu)>());
                for (var round = 0; round < Rounds; round++)
                {
                    mine.Add(await MeasureAsync(plugin, ours, callers, cancellationToken));
                    its.Add(await MeasureAsync(reference, go, callers, cancellationToken));
                }

                rows.Add(Row($"{callers} callers, ours", mine, its));
                rows.Add(Row($"{callers} callers, grpc-go", its, its));
            }

            Report.Title(string.Create(CultureInfo.InvariantCulture, $"Allocate over a unix socket: {Calls} calls a measurement, medians of {Rounds}; ratios to grpc-go"));
            Report.Table(["", "p50, µs", "p99, µs", "calls/s", "processor a call, µs", "ratio", "noise"], rows);
            Report.Note(string.Create(
                CultureInfo.InvariantCulture,
                $"RSS before and after {Calls * Rounds * s_callers.Length} calls: ours {before:F1} and {plugin.ResidentMegabytes:F1} MB, grpc-go {goBefore:F1} and {reference.ResidentMegabytes:F1} MB"));
        }

        /// <summary>The agent itself: its answers look at sysfs and are written to disk before they go out.</summary>
        private async Task AgentAsync(CancellationToken cancellationToken)
        {
            await using var node = await BenchNode.CreateAsync(8);
            using var agent = node.StartAgent(Agent!);
            await node.OfferedAsync(agent, cancellationToken);
            await Task.Delay(TimeSpan.FromSeconds(5), cancellationToken);
            var (rest, cpu) = (agent.ResidentMegabytes, agent.CpuSeconds);
            const int calls = 100_000;
            Report.Progress($"{calls} calls to the agent");
            var socket = Directory.GetFiles(node.Kubelet.Directory, "*edu-0*.sock").Single();
            var load = await LoadAsync(socket, 1, calls, cancellationToken, BenchNode.Address(0));
            var used = (agent.CpuSeconds - cpu) / calls * 1e6;
            Report.Title(string.Create(CultureInfo.InvariantCulture, $"The agent with 8 resources: {calls} Allocates by one caller"));
            Report.Table(
                ["p50, µs", "p99, µs", "calls/s", "processor a call, µs", "RSS at rest, MB", "RSS after, MB"],
                [[Report.Number(load.P50), Report.Number(load.P99), Report.Number(load.Rate, "F0"), Report.Number(used), Report.Number(rest), Report.Number(agent.ResidentMegabytes)]]);
        }

        private async Task<(Load Load, double Cpu)> MeasureAsync(MeasuredProcess server, string socket, int callers, CancellationToken cancellationToken)
        {
            var before = server.CpuSeconds;
            var load = await LoadAsync(socket, callers, Calls, cancellationToken);
            return (load, (server.CpuSeconds - before) / Calls * 1e6);
        }

        private async Task<Load> LoadAsync(string socket, int callers, int calls, CancellationToken cancellationToken, string id = "0000:40:00.0")
        {
            using var client = MeasuredProcess.Start(
                Path.GetFullPath(Client), ["load", socket, callers.ToString(CultureInfo.InvariantCulture), calls.ToString(CultureInfo.InvariantCulture), id]);
            using var answer = JsonDocument.Parse(await client.EndAsync(cancellationToken));
            double Of(string name) => answer.RootElement.GetProperty(name).GetDouble();
            return new Load(Of("p50"), Of("p99"), Of("rate"));
        }

        private static string[] Row(string name, List<(Load Load, double Cpu)> measured, List<(Load Load, double Cpu)> reference)
        {
            var cpu = Sample.Of(measured.Select(m => m.Cpu));
            return
            [
                name, Report.Number(Sample.Of(measured.Select(m => m.Load.P50)).Median), Report.Number(Sample.Of(measured.Select(m => m.Load.P99)).Median),
                Report.Number(Sample.Of(measured.Select(m => m.Load.Rate)).Median, "F0"), Report.Number(cpu.Median), Report.Ratio(cpu.Median / Sample.Of(reference.Select(r => r.Cpu)).Median),
                Report.Number(cpu.Noise * 100, "F0") + "%",
            ];
        }

        private static async Task ThereAsync(string socket, MeasuredProcess one, MeasuredProcess other, CancellationToken cancellationToken)
        {
            while (!File.Exists(socket))
            {
                if (one.HasExited || other.HasExited) throw new InvalidOperationException($"a server ended: {one.Said}{other.Said}");
                await Task.Delay(20, cancellationToken);
            }
        }
    }
}
