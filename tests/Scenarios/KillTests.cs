using System.Diagnostics;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>The agent as a process on the real kernel: killed in the middle of work, and asked to end.</summary>
[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // what vfio offers makes no difference to a crash: one flavour is enough
public sealed class KillTests
{
    /// <summary>Journal lines after which it is killed, spread over the 53 or so of the big scenario.</summary>
    [LabTheory]
    [InlineData(4)]
    [InlineData(14)]
    [InlineData(26)]
    [InlineData(38)]
    [InlineData(48)]
    public async Task Killed_at_a_journal_record_it_converges_after_a_restart_and_gives_back_clean(int records)
    {
        var node = new RealNode();
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Everything, start: false);
        using (var agent = StartProcess(bench))
        {
            await Waiting.UntilAsync(() => JournalLines(bench) >= records || agent.HasExited, node.PatienceSeconds);
            Assert.False(agent.HasExited, "the agent ended by itself");
            agent.Kill();
            await agent.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        bench.StartAgent();
        await bench.ReadyAsync();
        Assert.All(Desired.HostVfs, a => Assert.Equal("igbvf", bench.Driver(a)));
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
    }

    [LabFact]
    public async Task Asked_to_end_it_does_so_with_streams_open_and_leaves_everything_in_force()
    {
        var node = new RealNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("edu", "0000:46:00.0")), start: false);
        using var agent = StartProcess(bench);
        await Waiting.UntilAsync(() => bench.Kubelet.Allocatable("example.com/edu") == 1, node.PatienceSeconds, () => bench.Status.ToJsonString());
        var began = TimeProvider.System.GetTimestamp();
        using (var kill = Process.Start("kill", ["-TERM", agent.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)])) await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        await agent.WaitForExitAsync(TestContext.Current.CancellationToken);
        TestContext.Current.SendDiagnosticMessage($"SIGTERM to exit: {TimeProvider.System.GetElapsedTime(began).TotalMilliseconds:F0} ms on an emulated processor");
        Assert.Equal(0, agent.ExitCode);
        Assert.Equal("vfio-pci", bench.Driver("0000:46:00.0"));
        Assert.True(TimeProvider.System.GetElapsedTime(began).TotalSeconds < 5, "an open stream held the end up: 30 s is what Kestrel waits");
    }

    private static int JournalLines(ScenarioBench bench)
    {
        var path = Path.Combine(bench.StateDirectory, "journal.jsonl");
        return File.Exists(path) ? File.ReadAllText(path).Count(c => c == '\n') : 0;
    }

    private static Process StartProcess(ScenarioBench bench) => Process.Start(new ProcessStartInfo(
        Path.Combine(AppContext.BaseDirectory, "hostdev-device-plugin"),
        ["run", "--desired", bench.DesiredFile, "--status", bench.StatusFile, "--state-dir", bench.StateDirectory, "--kubelet-dir", bench.Kubelet.Directory, "--pod-resources", bench.Kubelet.PodResourcesSocket])
    { UseShellExecute = false })!;
}
