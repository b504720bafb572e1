using System.Globalization;
using Hostdev.Sandbox.Demo;
using Xunit;

namespace Hostdev.Tests.Demo;

/// <summary>What hack/demo shows of a cluster, told in this process.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class ClusterDemoTests
{
    [Fact]
    public async Task The_story_comes_true_from_bare_machines_to_bare_machines()
    {
        using var output = new StringWriter(CultureInfo.InvariantCulture);
        var code = await new ClusterRun(new PlainScreen(output), seed: 1, TimeSpan.FromSeconds(60)).RunAsync(
            stay: false,
            TestContext.Current.CancellationToken
        );
        var text = output.ToString();
        Assert.True(code == 0, text);
        Assert.Equal(17, text.Split('\n').Count(line => line.StartsWith(" ✓ ", StringComparison.Ordinal)));
        Assert.All(text.Split('\n'), line => Assert.InRange(line.Length, 0, 120));
        var words = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)); // lines are broken between words
        Assert.Contains("gpu-1 was ready before mixed-1 was told", words, StringComparison.Ordinal);
        Assert.Contains("numVfs cannot be negative: write 0 or more", words, StringComparison.Ordinal);
        Assert.Contains("is mounted at /var/lib/postgresql", words, StringComparison.Ordinal);
        Assert.Contains("MDEV_PCI_RESOURCE_EXAMPLE_COM_P4-1B=686f7374-6465-8", words, StringComparison.Ordinal);
        Assert.Contains("net-1: 2 -> 3 mediated devices", words, StringComparison.Ordinal);
        Assert.Contains("net-1: 3 -> 2 mediated devices", words, StringComparison.Ordinal);
        Assert.Contains("│ MdevProfile/p4-1b │ True │ Ready │ 1/1 │ 4/4 │ 1 │", words, StringComparison.Ordinal);
        foreach (var at in (string[])["e1000e before any VM asks; 0 writes", "vfio-pci while vm-burst has them", "e1000e again"])
            Assert.Contains($"0000:5e:00.0 and 0000:5e:00.1 are on {at}", words, StringComparison.Ordinal);
        Assert.Contains("0000:84:00.0/1 is /dev/bus/usb/001/002, owned by 107, while vm-licensed has it", words, StringComparison.Ordinal);
        Assert.Contains("a drive is 0:0:0:0 and the changer 0:0:2:0 while nightly-backup has them", words, StringComparison.Ordinal);
        Assert.Contains("Every step came true", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_late_bound_card_that_its_host_does_not_let_go_is_found_by_the_story()
    {
        using var output = new StringWriter(CultureInfo.InvariantCulture);
        var run = new ClusterRun(new PlainScreen(output), seed: 1, TimeSpan.FromSeconds(20))
        {
            Sabotage = cluster => cluster.Node("mixed-1").Kernel.Faults.HangWrite(1, "/sys/bus/pci/drivers/e1000e/unbind"),
        };
        Assert.Equal(1, await run.RunAsync(stay: false, TestContext.Current.CancellationToken));
        var words = string.Join(' ', output.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("✗ 9 VMs get both", words, StringComparison.Ordinal);
        Assert.Contains("vm-burst is admitted: ", words, StringComparison.Ordinal);
        var refused = words.Split("example.com/spare-nic cannot be given out: ")[1].Split(", which has the time")[0];
        Assert.StartsWith("0000:5e:00.0 could not be made ready for a pod, and is not offered again", refused, StringComparison.Ordinal);
        Assert.Contains( // what the guide quotes is what a pod's author reads
            $"`... cannot be given out: {refused.Replace("0000:5e", "0000:45", StringComparison.Ordinal)}, which has the time`",
            await File.ReadAllTextAsync(Repository.Path("docs", "guide.md"), TestContext.Current.CancellationToken),
            StringComparison.Ordinal
        );
        Directory.Delete(run.Kept!, recursive: true);
    }

    [Fact]
    public async Task A_promise_that_does_not_come_true_ends_the_story_with_exit_code_1_and_says_what_stands_in_the_way()
    {
        using var output = new StringWriter(CultureInfo.InvariantCulture);
        var run = new ClusterRun(new PlainScreen(output), seed: 1, TimeSpan.FromSeconds(6))
        {
            Sabotage = cluster => cluster.Node("gpu-1").Kernel.UnloadDriver("vfio-pci"),
        };
        var code = await run.RunAsync(stay: false, TestContext.Current.CancellationToken);
        var text = output.ToString();
        Assert.Equal(1, code);
        Assert.Contains(" ✗  2  A policy for all GPUs", text, StringComparison.Ordinal);
        Assert.DoesNotContain("  3  ", text, StringComparison.Ordinal);
        Assert.Contains(
            "\"modprobe vfio-pci\"",
            string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)),
            StringComparison.Ordinal
        );
        Assert.All(text.Split('\n'), line => Assert.InRange(line.Length, 0, 120));
        Directory.Delete(run.Kept!, recursive: true);
    }
}
