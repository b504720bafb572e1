using System.Diagnostics;
using System.Runtime.InteropServices;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>The agent as a process of its own, on the machine that the test runs on.</summary>
internal static partial class AgentProcess
{
    public static Process Start(ScenarioBench bench) => Process.Start(new ProcessStartInfo(
        Path.Combine(AppContext.BaseDirectory, "hostdev-device-plugin"),
        ["run", "--desired", bench.DesiredFile, "--status", bench.StatusFile, "--state-dir", bench.StateDirectory, "--kubelet-dir", bench.Kubelet.Directory, "--pod-resources", bench.Kubelet.PodResourcesSocket])
    { UseShellExecute = false })!;

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

    // A process that sends it would take longer to start, in the lab's node, than the agent takes to end.
    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
