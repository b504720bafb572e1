using System.Diagnostics;
using System.Runtime.InteropServices;
using Hostdev.Tests.Shipped;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>The agent as a process of its own, on the machine that the test runs on.</summary>
internal static partial class AgentProcess
{
    public static Process Start(ScenarioBench bench) =>
        Process.Start(
            new ProcessStartInfo(
                Program,
                [
                    "run",
                    "--desired",
                    bench.DesiredFile,
                    "--status",
                    bench.StatusFile,
                    "--state-dir",
                    bench.StateDirectory,
                    "--kubelet-dir",
                    bench.Kubelet.Directory,
                    "--pod-resources",
                    bench.Kubelet.PodResourcesSocket,
                ]
            )
            {
                UseShellExecute = false,
            }
        )!;

    /// <summary>Sends SIGTERM and waits for the end.</summary>
    /// <returns>How long that took, from when the signal was sent.</returns>
    public static async Task<TimeSpan> TerminateAsync(Process agent)
    {
        const int sigterm = 15;
        var began = TimeProvider.System.GetTimestamp();
        Assert.Equal(0, Kill(agent.Id, sigterm));
        await agent.WaitForExitAsync(TestContext.Current.CancellationToken);
        return TimeProvider.System.GetElapsedTime(began);
    }

    /// <summary>
    /// Sends SIGTERM and asserts an end in order within a second. Where the processor is emulated and shared, a second is not what it was:
    /// there it may take as long as the same program takes to start, print its version and end.
    /// </summary>
    public static async Task EndsWithinASecondAsync(Process agent)
    {
        var took = await TerminateAsync(agent);
        var began = TimeProvider.System.GetTimestamp();
        Command.Run(Program, "--version");
        var reference = TimeProvider.System.GetElapsedTime(began);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"SIGTERM to exit: {took.TotalMilliseconds:F0} ms; the program's start and end alone: {reference.TotalMilliseconds:F0} ms"
        );
        Assert.Equal(0, agent.ExitCode);
        Assert.True(
            took.TotalSeconds < 1 || took < reference,
            $"it took {took.TotalMilliseconds:F0} ms, and {reference.TotalMilliseconds:F0} ms to start and end "
                + "without any work; 30 s is what Kestrel waits for an open stream"
        );
    }

    private static string Program => ShippedPrograms.Agent;

    // A process that sends it would take longer to start, in the lab's node, than the agent takes to end.
    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
