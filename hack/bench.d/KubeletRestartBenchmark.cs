using System.CommandLine;
using System.Diagnostics;
using System.Globalization;

namespace Hostdev.Benchmarks;

/// <summary>
/// <c>kubelet</c>: a kubelet that is restarted, from when its socket is there again until it has the devices of all resources; against
/// making and answering one connection to a unix socket, the least that a registration could cost.
/// </summary>
internal static class KubeletRestartBenchmark
{
    public static Command Command()
    {
        var program = new Option<string>("--program") { Description = "NAME=FILE of hostdev-device-plugin.", Required = true };
        var rounds = new Option<int>("--rounds") { Description = "Restarts.", DefaultValueFactory = _ => 30 };
        var resources = new Option<int>("--resources")
        {
            Description = "How many resources, with one device each.",
            DefaultValueFactory = _ => 8,
        };
        var command = new Command("kubelet", "A restarted kubelet: its socket back until all resources are registered. As root.")
        {
            program,
            rounds,
            resources,
        };
        command.SetAction(
            (parsed, cancellationToken) =>
                RunAsync(
                    NamedProgram.Parse(parsed.GetValue(program)!),
                    parsed.GetValue(rounds),
                    parsed.GetValue(resources),
                    cancellationToken
                )
        );
        return command;
    }

    private static async Task RunAsync(NamedProgram program, int rounds, int resources, CancellationToken cancellationToken)
    {
        await using var node = await BenchNode.CreateAsync(resources);
        using var agent = node.StartAgent(program.File);
        await node.OfferedAsync(agent, cancellationToken);
        var (back, connect) = (new List<double>(), new List<double>());
        for (var round = 0; round < rounds; round++)
        {
            if (round % 10 == 0)
                Report.Progress($"restart {round + 1} of {rounds}");
            await node.Kubelet.StopAsync();
            await Task.Delay(50, cancellationToken);
            await node.Kubelet.StartAsync(cancellationToken);
            var began = Stopwatch.GetTimestamp();
            await node.OfferedAsync(agent, cancellationToken);
            back.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            connect.Add(await UnixConnection.RoundTripAsync(cancellationToken));
        }

        Report.Title(
            string.Create(
                CultureInfo.InvariantCulture,
                $"A kubelet restarted {rounds} times: its socket back until all of {resources} resources are offered again"
            )
        );
        var (times, reference) = (Sample.Of(back), Sample.Of(connect));
        Report.Table(
            ["", "median, ms", "slowest, ms", "ratio to one connection"],
            [
                [
                    "registered again",
                    Report.Number(times.Median),
                    Report.Number(times.Values.Max()),
                    Report.Ratio(times.Median / reference.Median),
                ],
                ["one connection and answer", Report.Number(reference.Median, "F3"), Report.Number(reference.Values.Max(), "F3"), "1.00x"],
            ]
        );
    }
}
