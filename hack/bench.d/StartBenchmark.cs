using System.CommandLine;
using System.Diagnostics;
using System.Globalization;

namespace Hostdev.Benchmarks;

/// <summary>
/// <c>start</c>: from the start of the agent's process until the kubelet has the devices of all resources, of several forms of the program
/// by turns. The last is the reference.
/// </summary>
internal static class StartBenchmark
{
    public static Command Command()
    {
        var programs = new Option<string[]>("--program")
        {
            Description = "NAME=FILE of hostdev-device-plugin, several times; the last is the reference.",
            AllowMultipleArgumentsPerToken = true,
            Required = true,
        };
        var rounds = new Option<int>("--rounds") { Description = "Starts of each.", DefaultValueFactory = _ => 5 };
        var resources = new Option<int>("--resources")
        {
            Description = "How many resources, with one device each.",
            DefaultValueFactory = _ => 8,
        };
        var command = new Command("start", "Process start to all resources registered; memory at rest. As root.")
        {
            programs,
            rounds,
            resources,
        };
        command.SetAction(
            (parsed, cancellationToken) =>
                RunAsync(
                    [.. parsed.GetValue(programs)!.Select(NamedProgram.Parse)],
                    parsed.GetValue(rounds),
                    parsed.GetValue(resources),
                    cancellationToken
                )
        );
        return command;
    }

    private static async Task RunAsync(IReadOnlyList<NamedProgram> programs, int rounds, int resources, CancellationToken cancellationToken)
    {
        await using var node = await BenchNode.CreateAsync(resources);
        var times = programs.ToDictionary(p => p, _ => new List<double>());
        var cpu = programs.ToDictionary(p => p, _ => new List<double>());
        var memory = programs.ToDictionary(p => p, _ => new List<double>());
        for (var round = -1; round < rounds; round++) // the first warms the page cache
        {
            foreach (var program in programs)
            {
                Report.Progress($"{program.Name}, start {round + 1} of {rounds}");
                node.Forget();
                var began = Stopwatch.GetTimestamp();
                using var agent = node.StartAgent(program.File);
                await node.OfferedAsync(agent, cancellationToken);
                var took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
                var used = agent.CpuSeconds;
                await Task.Delay(TimeSpan.FromSeconds(5), cancellationToken); // at rest
                if (round >= 0)
                {
                    times[program].Add(took);
                    cpu[program].Add(used * 1000);
                    memory[program].Add(agent.ResidentMegabytes);
                }

                agent.Stop();
                while (node.Resources.Any(r => node.Kubelet.Allocatable(r) != 0))
                    await Task.Delay(10, cancellationToken);
            }
        }

        Report.Title(
            string.Create(
                CultureInfo.InvariantCulture,
                $"Agent: process start until all of {resources} resources are registered and offered; medians of {rounds}"
            )
        );
        var reference = programs[^1];
        Report.Table(
            ["program", "file, MB", "start, ms", "ratio", "processor until then, ms", "ratio", "RSS at rest, MB"],
            programs.Select(p =>
                new[]
                {
                    p.Name,
                    Report.Number(new FileInfo(p.File).Length / 1e6),
                    Sample.Of(times[p]).Text("F0"),
                    Report.Ratio(Sample.Of(times[p]).Median / Sample.Of(times[reference]).Median),
                    Sample.Of(cpu[p]).Text("F0"),
                    Report.Ratio(Sample.Of(cpu[p]).Median / Sample.Of(cpu[reference]).Median),
                    Sample.Of(memory[p]).Text("F1"),
                }
            )
        );
    }
}
