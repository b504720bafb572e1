using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>The agent as a process of its own, on the machine that the test runs on.</summary>
internal static class AgentProcess
{
    public static Process Start(ScenarioBench bench) => Process.Start(new ProcessStartInfo(
        Path.Combine(AppContext.BaseDirectory, "hostdev-device-plugin"),
        ["run", "--desired", bench.DesiredFile, "--status", bench.StatusFile, "--state-dir", bench.StateDirectory, "--kubelet-dir", bench.Kubelet.Directory, "--pod-resources", bench.Kubelet.PodResourcesSocket])
    { UseShellExecute = false })!;

    /// <summary>Sends SIGTERM and waits for the end.</summary>
    /// <returns>How long that took, from when the signal was sent.</returns>
    public static async Task<TimeSpan> TerminateAsync(Process agent)
    {
        using (var kill = Process.Start("kill", ["-TERM", agent.Id.ToString(CultureInfo.InvariantCulture)])) await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        var began = TimeProvider.System.GetTimestamp();
        await agent.WaitForExitAsync(TestContext.Current.CancellationToken);
        return TimeProvider.System.GetElapsedTime(began);
    }
}
