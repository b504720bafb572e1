using System.Diagnostics;
using Hostdev.Sandbox.Kubelet;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// The agent as a process, asked to end while the kubelet watches its list. Alone: other tests' load is not the agent's time.
/// </summary>
[Collection(AloneCollection.Name)]
public sealed class SignalTests
{
    [Fact]
    public async Task SIGTERM_with_open_streams_ends_the_agent_in_less_than_a_second()
    {
        var directory = Directory.CreateTempSubdirectory("hd-").FullName;
        await using var kubelet = new SimulatedKubelet(
            Path.Combine(directory, "kubelet"),
            TimeProvider.System,
            Path.Combine(directory, "pods.sock")
        );
        await kubelet.StartAsync(TestContext.Current.CancellationToken);
        var desired = Path.Combine(directory, "desired.yaml");
        await File.WriteAllTextAsync(desired, Desired.Everything, TestContext.Current.CancellationToken);
        string[] arguments =
        [
            "node",
            "--desired",
            desired,
            "--status",
            Path.Combine(directory, "status.json"),
            "--state-dir",
            Path.Combine(directory, "state"),
            "--kubelet-dir",
            kubelet.Directory,
        ];
        using var agent = Process.Start(
            new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "hostdev-sandbox"), arguments) { UseShellExecute = false }
        )!;
        await Waiting.UntilAsync(() => Desired.Offers.All(o => kubelet.Allocatable(o.Resource) == o.Primaries.Length), seconds: 60);

        var took = await AgentProcess.TerminateAsync(agent);
        Assert.Equal(0, agent.ExitCode);
        TestContext.Current.TestOutputHelper?.WriteLine($"SIGTERM to exit: {took.TotalMilliseconds:F0} ms");
        Assert.True(took.TotalSeconds < 1, $"it took {took.TotalMilliseconds:F0} ms; 30 s is what Kestrel waits for an open stream");
        Directory.Delete(directory, recursive: true);
    }
}

[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "alone";
}
