using System.CommandLine;

namespace Hostdev.Sandbox.Cluster;

/// <summary><c>hostdev-sandbox bench-operator</c>.</summary>
internal static class BenchOperatorCommand
{
    public static Command Create()
    {
        var nodes = new Option<int>("--nodes") { Description = "How many nodes the cluster has.", DefaultValueFactory = _ => 5000 };
        var policies = new Option<int>("--policies") { Description = "How many policies, each for all nodes.", DefaultValueFactory = _ => 20 };
        var command = new Command("bench-operator", "Measure the operator's time, writes and memory on a simulated cluster of many nodes.") { nodes, policies };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var benchmark = new OperatorBenchmark(parsed.GetValue(nodes), parsed.GetValue(policies), Console.Out);
            await benchmark.RunAsync(cancellationToken);
            return 0;
        });
        return command;
    }
}
