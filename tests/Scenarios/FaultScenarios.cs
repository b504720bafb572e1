using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Host;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>Failures that a real kernel cannot be asked for at a given moment: they run on the simulation alone.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class FaultScenarios
{
    [Fact]
    public async Task A_group_that_fails_half_way_is_given_back_and_its_errno_and_file_are_shown()
    {
        var node = new SimulatedNode();
        // The second member's override: by then the first one is on vfio-pci.
        node.Kernel.Faults.FailWrite(1, Errno.EIO, "/sys/bus/pci/devices/0000:45:00.1/driver_override");
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.HostDevice("dual", "0000:45:00.0", pci: ", groupPolicy: HoldSiblings"))
        );
        await bench.UntilAsync(() => bench.Problem("dual").Reason == Reasons.StepFailed && bench.Driver("0000:45:00.0") == "e1000e");
        Assert.Contains(
            "writing \"vfio-pci\" to /sys/bus/pci/devices/0000:45:00.1/driver_override failed: EIO",
            bench.Problem("dual").Message,
            StringComparison.Ordinal
        );
        Assert.Equal("e1000e", bench.Driver("0000:45:00.1"));
        Assert.Empty(bench.Host.Journal.State.Ownership.Functions);
        await bench.ReadyAsync(); // and it is tried again
        Assert.Equal("vfio-pci", bench.Driver("0000:45:00.1"));
    }

    [Fact]
    public async Task One_physical_functions_hanging_write_never_delays_another()
    {
        var node = new SimulatedNode();
        var hung = node.Kernel.Faults.HangWrite(1, "/sys/bus/pci/devices/0000:44:00.0/sriov_numvfs");
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Everything);
        await bench.UntilAsync(() =>
            Desired
                .Offers.Where(o => o.Resource != "example.com/nvme-vf")
                .All(o => bench.Kubelet.Allocatable(o.Resource) == o.Primaries.Length)
        );
        Assert.True(hung.IsHanging);
        // the kubelet hears of the others before the status is written
        await bench.UntilAsync(() => bench.Condition("Progressing") == "True");
        Assert.Equal("False", bench.Condition("Ready"));
        hung.Release();
        await bench.ReadyAsync();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/nvme-vf") == 2);
    }

    [Fact]
    public async Task Each_VF_is_bound_exactly_once_while_they_are_made()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Everything);
        await bench.ReadyAsync();
        Assert.All(
            (string[])["0000:41:10.0", "0000:41:10.2", "0000:41:10.4", "0000:44:00.1", "0000:44:00.2", .. Desired.HostVfs],
            a => Assert.Equal(1, node.Kernel.BindCount(a))
        );
    }

    [Fact]
    public async Task A_write_that_hangs_does_not_hold_up_the_end_of_the_agent()
    {
        var node = new SimulatedNode();
        var hung = node.Kernel.Faults.HangWrite(1, "/sys/bus/pci/devices/0000:81:00.0/sriov_numvfs");
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.Vfs(2)));
        await bench.UntilAsync(() => hung.IsHanging);
        var began = TimeProvider.System.GetTimestamp();
        await bench.StopAgentAsync();
        Assert.True(TimeProvider.System.GetElapsedTime(began).TotalSeconds < 5, "the deadline of the write is minutes");
        hung.Release();
        bench.StartAgent();
        await bench.ReadyAsync();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 2);
    }

    [Fact]
    public async Task A_device_that_vanishes_leaves_the_offer_and_everything_else_stays()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Everything);
        await bench.ReadyAsync();
        node.Kernel.Unplug("0000:86:00.0");
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/noacs") == 0);
        Assert.Equal(1, bench.Kubelet.Allocatable("example.com/gpu"));
        await bench.UntilAsync(() => (string?)bench.Policy("noacs")?["reason"] == "NoMatch");
        Assert.DoesNotContain(bench.Host.Journal.State.Ownership.Functions.Keys, a => a.ToString() == "0000:86:00.0");
    }
}
