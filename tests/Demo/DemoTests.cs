using System.Globalization;
using Hostdev.Sandbox.Demo;
using Xunit;

namespace Hostdev.Tests.Demo;

/// <summary>What hack/demo shows, told in this process.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class DemoTests
{
    [Fact]
    public async Task The_story_comes_true_from_the_bare_machine_to_the_bare_machine()
    {
        using var output = new StringWriter(CultureInfo.InvariantCulture);
        var code = await new NodeRun(new PlainScreen(output), seed: 1, TimeSpan.FromSeconds(60)).RunAsync(
            stay: false,
            TestContext.Current.CancellationToken
        );
        var text = output.ToString();
        Assert.True(code == 0, text);
        Assert.Equal(14, text.Split('\n').Count(line => line.StartsWith(" ✓ ", StringComparison.Ordinal)));
        Assert.All(text.Split('\n'), line => Assert.InRange(line.Length, 0, 120));
        foreach (var happens in (string[])["made on", "removed from"])
            Assert.Contains($"{happens} 0000:d9:00.0: GRID P4-1B 686f7374-6465-8", text, StringComparison.Ordinal);
        foreach (var happens in (string[])["iavf -> vfio-pci", "vfio-pci -> iavf"])
            Assert.Contains($"{happens}: 0000:3b:01.4\n", text, StringComparison.Ordinal);
        Assert.Contains(" │ 0000:d9:00.0   │ GRID P4-1B   │ ", text, StringComparison.Ordinal);
        Assert.Contains("list SlowUnbind in acceptRisks", text, StringComparison.Ordinal);
        Assert.Contains("killed right after writing 6 to /sys/bus/pci/devices/0000:3b:00.0/sriov_numvfs", text, StringComparison.Ordinal);
        Assert.Contains("below /sys, /proc and /dev compared: none differs", text, StringComparison.Ordinal);
        Assert.Contains("Every step came true", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_promise_that_does_not_come_true_ends_the_story_with_exit_code_1_and_names_the_step_and_the_cause()
    {
        using var output = new StringWriter(CultureInfo.InvariantCulture);
        var run = new NodeRun(new PlainScreen(output), seed: 1, TimeSpan.FromSeconds(5))
        {
            Sabotage = kernel => kernel.UnloadDriver("vfio-pci"),
        };
        var code = await run.RunAsync(stay: false, TestContext.Current.CancellationToken);
        var text = output.ToString();
        Assert.Equal(1, code);
        Assert.Contains(" ✗  2  SR-IOV", text, StringComparison.Ordinal);
        Assert.DoesNotContain("  3  ", text, StringComparison.Ordinal);
        Assert.Contains(
            "demo: step 2 (SR-IOV: four VFs in two pools, and one for the host) did not come true",
            text,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "\"modprobe vfio-pci\"",
            string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "1 of 1 device cannot be offered",
            await File.ReadAllTextAsync(Path.Combine(run.Kept!, "status.yaml"), TestContext.Current.CancellationToken),
            StringComparison.Ordinal
        );
        Assert.All(text.Split('\n'), line => Assert.InRange(line.Length, 0, 120));
        Directory.Delete(run.Kept!, recursive: true);
    }

    [Fact]
    public async Task A_write_that_nobody_asked_for_is_found_on_the_machine_whatever_the_agent_says()
    {
        using var output = new StringWriter(CultureInfo.InvariantCulture);
        var run = new NodeRun(new PlainScreen(output), seed: 1, TimeSpan.FromSeconds(30))
        {
            Sabotage = kernel => kernel.Calls.WriteAttribute("/sys/bus/pci/devices/0000:3b:00.0/sriov_drivers_autoprobe", "0"),
        };
        Assert.Equal(1, await run.RunAsync(stay: false, TestContext.Current.CancellationToken));
        Assert.Contains(" ✗  1  The agent reads the machine and touches nothing", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("0000:3b:00.0/sriov_drivers_autoprobe <- 0", output.ToString(), StringComparison.Ordinal);
        Directory.Delete(run.Kept!, recursive: true);
    }
}
