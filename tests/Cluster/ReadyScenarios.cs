using Hostdev.Kube.Client;
using Hostdev.Sandbox.Kernel;
using Xunit;

namespace Hostdev.Tests.Cluster;

/// <summary>
/// What <c>kubectl wait --for=condition=Ready</c> stands on: Ready is True only for the generation that is there, and only when it is true
/// on the kubelets.
/// </summary>
[Trait(ClusterTrait.Name, ClusterTrait.Any)]
[Trait(Pace.Name, Pace.Slow)]
public sealed class ReadyScenarios
{
    private const int Changes = 30;

    [Fact]
    public async Task Over_many_changes_Ready_is_never_True_too_early()
    {
        await using var bench = await ClusterBench.StartAsync();
        var nodes = new[]
        {
            await bench.AddNodeAsync("gpu-1", DemoMachines.GpuNode),
            await bench.AddNodeAsync("gpu-2", DemoMachines.GpuNode),
        };
        bench.StartOperator();
        var wanted = new Dictionary<long, int>(); // devices on each node, by generation
        var (applied, early, seen) = (0L, new List<string>(), 0);
        var random = new Random(7);
        async Task ChangeAsync()
        {
            var count = random.Next(1, 5);
            var addresses = string.Join(", ", GpuMachine.Addresses.OrderBy(_ => random.Next()).Take(count).Select(a => $"\"{a}\""));
            Volatile.Write(ref applied, -1); // on its way
            var written = await bench.HostDeviceAsync("gpus", $"[{{addresses: [{addresses}]}}]", ", rollout: {maxUnavailable: 1}");
            var generation = (long)written["metadata"]!["generation"]!;
            lock (wanted)
                wanted[generation] = count;
            Volatile.Write(ref applied, generation);
        }

        await ChangeAsync();
        using var ended = new CancellationTokenSource();
        var watching = Task.Run(async () =>
        {
            var kind = AnyObject.Resource("hostdevices.hostdev.io");
            var list = await bench.Api.Client.ListAsync(kind, Selection.Everything, ended.Token);
            await foreach (
                var said in bench.Api.Client.WatchAsync(
                    kind,
                    Selection.Everything,
                    list.ResourceVersion,
                    TimeSpan.FromMinutes(10),
                    null,
                    ended.Token
                )
            )
            {
                if (said is not WatchEvent<AnyObject>.Modified(var it) || ClusterBench.Condition(it.Json, "Ready").Status != "True")
                    continue;
                var generation = it.Metadata.Generation;
                var (before, offered) = (Volatile.Read(ref applied), nodes.Select(n => n.Offered("example.com/gpus")).ToArray());
                if (before != generation || Volatile.Read(ref applied) != before)
                    continue; // changed on: this word is of the past
                int count;
                lock (wanted)
                    count = wanted[generation];
                seen++;
                if (offered.Any(o => o != count))
                    early.Add($"generation {generation}: {string.Join(" and ", offered)} offered, {count} wanted on each");
            }
        });
        for (var change = 1; change < Changes; change++)
        {
            await bench.ReadyAsync("gpus");
            await ChangeAsync();
            if (random.Next(3) == 0)
                await ChangeAsync(); // before the first has gone anywhere
        }

        await bench.ReadyAsync("gpus");
        await bench.UntilAsync(() => seen > 0);
        await ended.CancelAsync();
        await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        Assert.Equal([], early);
        Assert.InRange(seen, Changes / 2, int.MaxValue);
    }
}
