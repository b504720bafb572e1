using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// The agent as a process on the real kernel: killed in the middle of work, again and again, and asked to end. The simulation tries every
/// moment: <see cref="CrashTests"/>.
/// </summary>
[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // what vfio offers makes no difference to a crash: one flavour is enough
public sealed class KillTests
{
    /// <summary>
    /// So many writes a process is seen to make before it is killed. The nearly eighty of a round, up and back, have room for ten to twenty
    /// kills.
    /// </summary>
    private const int WritesEach = 3;

    /// <summary>At so many different operations it has been killed before it is done.</summary>
    private const int Points = 8;

    /// <summary>A quick machine makes many writes between two looks at its journal, so that a round has fewer kills there.</summary>
    private const int Rounds = 4;

    [LabFact]
    public async Task Killed_again_and_again_it_gets_there_bit_by_bit_and_gives_back_clean()
    {
        var node = new RealNode();
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Everything, start: false);
        var points = new HashSet<string>(StringComparer.Ordinal);
        for (var round = 0; round < Rounds && points.Count < Points; round++)
        {
            bench.Desire(Desired.Everything);
            await KillUntilAsync(bench, points, () => Desired.Offers.All(o => bench.Kubelet.Allocatable(o.Resource) == o.Primaries.Length));
            Assert.All(Desired.Offers.SelectMany(o => o.Primaries), a => Assert.Equal("vfio-pci", bench.Driver(a)));
            Assert.All(Desired.HostVfs, a => Assert.Equal("igbvf", bench.Driver(a)));
            bench.Desire(Desired.Nothing);
            await KillUntilAsync(bench, points, () => OwnsNothing(bench));
        }

        Assert.True(points.Count >= Points, $"killed at {points.Count} points: {string.Join("; ", points)}");
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
    }

    [LabFact]
    public async Task Asked_to_end_it_does_so_with_streams_open_and_leaves_everything_in_force()
    {
        var node = new RealNode();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.HostDevice("edu", "0000:46:00.0")),
            start: false
        );
        using var agent = AgentProcess.Start(bench);
        await Waiting.UntilAsync(
            () => bench.Kubelet.Allocatable("example.com/edu") == 1,
            node.PatienceSeconds,
            () => bench.Status.ToJsonString()
        );
        await AgentProcess.EndsWithinASecondAsync(agent);
        Assert.Equal("vfio-pci", bench.Driver("0000:46:00.0"));
    }

    /// <summary>Starts the agent and kills it in the middle, until one gets through before it is killed.</summary>
    private static async Task KillUntilAsync(ScenarioBench bench, HashSet<string> points, Func<bool> done)
    {
        while (true)
        {
            var before = JournalText(bench);
            using var agent = AgentProcess.Start(bench);
            await Waiting.UntilAsync(
                () => Writes(bench, before).Length >= WritesEach || done() || agent.HasExited,
                bench.Node.PatienceSeconds,
                () => bench.Status.ToJsonString()
            );
            Assert.False(agent.HasExited, "the agent ended by itself");
            var through = done();
            agent.Kill();
            await agent.WaitForExitAsync(TestContext.Current.CancellationToken);
            if (through)
                return;
            points.Add(Journal(bench)[^1]);
        }
    }

    /// <summary>
    /// The writes of the process that runs: at its start it replaces the journal of the one before it by a shorter one without any.
    /// </summary>
    private static string[] Writes(ScenarioBench bench, string before)
    {
        var now = JournalText(bench);
        return before.Length > 0 && now.StartsWith(before, StringComparison.Ordinal)
            ? []
            : [.. now.Split('\n').Where(l => l.Contains("\"op\":\"Write\"", StringComparison.Ordinal))];
    }

    private static string[] Journal(ScenarioBench bench) => JournalText(bench).Split('\n')[..^1];

    private static string JournalText(ScenarioBench bench)
    {
        var path = Path.Combine(bench.StateDirectory, DevicePlugin.Applying.Journal.FileName);
        return File.Exists(path) ? File.ReadAllText(path) : "";
    }

    private static bool OwnsNothing(ScenarioBench bench)
    {
        var bootId = bench.Read("/proc/sys/kernel/random/boot_id");
        var ownership = DevicePlugin.Applying.Journal.Read("journal", string.Join('\n', Journal(bench)) + "\n", bootId).Ownership;
        return ownership is { Functions.IsEmpty: true, PhysicalFunctions.IsEmpty: true };
    }
}
