using Hostdev.DevicePlugin.Host;
using Hostdev.Sandbox.Kernel;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// The agent dies at a write of the big scenario, just before or just after the kernel took it, and is started again. All points run with HOSTDEV_ALL_CRASHES=1,
/// every eighth otherwise.
/// </summary>
public sealed class CrashTests
{
    // How many writes the scenario makes: bringing up and giving back.
    private const int UpWrites = 42;
    private const int BackWrites = 30;

    public static TheoryData<int, bool> PointsUp => Points(UpWrites);

    public static TheoryData<int, bool> PointsBack => Points(BackWrites);

    [Theory]
    [MemberData(nameof(PointsUp))]
    public async Task A_crash_while_bringing_up_is_continued_and_given_back_clean(int write, bool afterwards)
    {
        var node = new SimulatedNode();
        var before = node.Snapshot();
        var crashing = new CrashingCalls(node.Machine.Calls, write, afterwards);
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Everything, node.Machine with { Calls = crashing });
        await bench.UntilAsync(() => crashing.Crashed || bench.Condition("Ready") == "True");
        await bench.StopAgentAsync();
        bench.StartAgent();
        await bench.ReadyAsync();
        Assert.All(Desired.Offers.SelectMany(o => o.Primaries), a => Assert.Equal("vfio-pci", bench.Driver(a)));
        Assert.Equal("igbvf", bench.Driver("0000:41:10.6"));
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
    }

    [Theory]
    [MemberData(nameof(PointsBack))]
    public async Task A_crash_while_giving_back_is_continued(int write, bool afterwards)
    {
        var node = new SimulatedNode();
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Everything);
        await bench.ReadyAsync();
        await bench.StopAgentAsync();
        var crashing = new CrashingCalls(node.Machine.Calls, write, afterwards);
        bench.Desire(Desired.Nothing);
        bench.StartAgent(node.Machine with { Calls = crashing });
        await bench.UntilAsync(() => crashing.Crashed || bench.Host.Journal.State.Ownership is { Functions.Count: 0, PhysicalFunctions.Count: 0 });
        await bench.StopAgentAsync();
        bench.StartAgent();
        await bench.GivenBackAsync();
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
    }

    private static TheoryData<int, bool> Points(int writes)
    {
        var step = Environment.GetEnvironmentVariable("HOSTDEV_ALL_CRASHES") == "1" ? 1 : 8;
        var data = new TheoryData<int, bool>();
        for (var write = 1; write <= writes; write += step)
        {
            data.Add(write, false);
            data.Add(write, true);
        }

        return data;
    }

    /// <summary>From the n-th write on the process is as good as dead: nothing reaches the kernel any more.</summary>
    private sealed class CrashingCalls(IHostCalls kernel, int write, bool afterwards) : DecoratedCalls(kernel)
    {
        private int _left = write;

        public bool Crashed { get; private set; }

        public override Errno WriteAttribute(string path, string value)
        {
            var left = Interlocked.Decrement(ref _left);
            if (left < 0 || (left == 0 && !afterwards)) throw Crash();
            var result = base.WriteAttribute(path, value);
            return left == 0 ? throw Crash() : result;
        }

        private InvalidOperationException Crash()
        {
            Crashed = true;
            return new InvalidOperationException("crashed");
        }
    }
}
