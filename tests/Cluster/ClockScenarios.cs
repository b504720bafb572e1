using Hostdev.Sandbox.Kernel;
using Xunit;

namespace Hostdev.Tests.Cluster;

/// <summary>Hosts whose clocks are set while the agent runs.</summary>
public sealed class ClockScenarios
{
    [Fact]
    public async Task What_an_agent_stamps_has_the_host_s_time_also_where_it_started_before_the_clock_was_set()
    {
        var (bench, _) = await ClusterBench.SimulateAsync();
        await using var closed = bench;
        var node = await bench.AddNodeAsync("gpu", DemoMachines.GpuNode, agent: false);
        var clock = new SetClock { Behind = TimeSpan.FromHours(8) };
        node.StartAgent(clock);
        clock.Behind = TimeSpan.Zero;
        bench.StartOperator();
        await bench.HostDeviceAsync("gpus", GpuMachine.Gpus);
        await bench.ReadyAsync("gpus");

        var conditions = (await bench.StateAsync(node))!["status"]!["conditions"]!.AsArray();
        Assert.NotEmpty(conditions);
        Assert.All(conditions, c => IsNow(c!["lastTransitionTime"]!.GetValue<DateTimeOffset>()));
        await bench.UntilAsync(async () =>
            (await bench.Api.ListAsync("events.events.k8s.io", "default")).Any(e => (string?)e["reportingController"] == "hostdev.io/agent")
        );
        Assert.All(
            (await bench.Api.ListAsync("events.events.k8s.io", "default")).Where(e =>
                (string?)e["reportingController"] == "hostdev.io/agent"
            ),
            e => IsNow(e["eventTime"]!.GetValue<DateTimeOffset>())
        );
    }

    private static void IsNow(DateTimeOffset time) =>
        Assert.InRange(time, TimeProvider.System.GetUtcNow().AddMinutes(-10), TimeProvider.System.GetUtcNow().AddMinutes(10));

    private sealed class SetClock : TimeProvider
    {
        public TimeSpan Behind { get; set; }

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() - Behind;
    }
}
