using System.CommandLine;

namespace Hostdev.Benchmarks;

internal static class Program
{
    public static Task<int> Main(string[] args) =>
        new RootCommand("Hostdev's benchmarks: each prints ratios to a reference that is measured in the same run.")
        {
            InventoryBenchmark.Command(),
            StateListBenchmark.Command(),
            StartBenchmark.Command(),
            KubeletRestartBenchmark.Command(),
            AllocateBenchmark.Command(),
            OperatorBenchmark.Command(),
            ClusterBenchmark.Command(),
            PageBenchmark.Command(),
        }
            .Parse(args)
            .InvokeAsync();
}
