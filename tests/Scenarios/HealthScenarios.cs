using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Applying;
using Hostdev.Planning;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// What a device shows of its health, and resets, on both kernels. The lab's devices cannot be broken from inside the node, so the journal
/// says that they are.
/// </summary>
public abstract class HealthScenarios
{
    protected const string Gpu = "0000:43:00.0";
    protected const string Nic = "0000:86:00.0";
    protected static readonly string Policies = Desired.Policies(
        Desired.HostDevice("gpu", Gpu, pci: ", groupPolicy: HoldSiblings"),
        Desired.HostDevice("nic", Nic)
    );

    private protected abstract IScenarioNode NewNode();

    [Fact]
    public async Task Healthy_devices_are_taken_for_healthy_also_virtual_functions_whose_ids_read_as_ones()
    {
        await using var bench = await ScenarioBench.StartAsync(NewNode(), Desired.Everything);
        await bench.ReadyAsync();
        Assert.Empty(bench.Host.Journal.State.Ownership.Health);
        Assert.DoesNotContain(nameof(Reasons.Faulty), bench.Status.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_known_to_be_broken_is_reset_where_the_kernel_can_and_else_stays_out_of_service()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Policies);
        await bench.ReadyAsync();
        await bench.StopAgentAsync();
        using (var journal = Journal.Open(bench.StateDirectory, bench.Read("/proc/sys/kernel/random/boot_id")))
        {
            foreach (var address in (string[])[Gpu, Nic])
                journal.Append(new JournalRecord.RecordFault(PciAddress.Parse(address), "it caught fire", 0));
        }

        bench.StartAgent();
        await bench.UntilAsync(() =>
            bench.Kubelet.Allocatable("example.com/nic") == 1 && bench.Problem("gpu").Message.Contains("ENOTTY", StringComparison.Ordinal)
        );
        Assert.Null(node.TakeAllTheWay(Nic));
        Assert.Null(bench.Host.Journal.State.Ownership.Health[PciAddress.Parse(Nic)].Fault);
        Assert.Equal(0, bench.Kubelet.Allocatable("example.com/gpu"));
        Assert.Equal(Reasons.Faulty, bench.Problem("gpu").Reason);
        Assert.Equal(
            $"{Gpu} is out of service: it caught fire; resetting it (writing 1 to /sys/bus/pci/devices/{Gpu}/reset) "
                + "failed: ENOTTY: none of the ways in reset_method works here; remove and rescan it, or "
                + "power-cycle the host",
            bench.Problem("gpu").Message
        );
        bench.Desire(Desired.Nothing); // broken or not, it goes back
        await bench.GivenBackAsync();
        Assert.Null(bench.Driver(Gpu));
    }
}

public sealed class SimulatedHealthScenarios : HealthScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();

    [Fact]
    public async Task A_device_that_stops_answering_is_reset_and_comes_back()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, Policies);
        await bench.ReadyAsync();
        node.Kernel.Break(Nic);
        bench.Host.Agent.Wake();
        await bench.UntilAsync(() => node.Kernel.Resets(Nic) == 1);
        await bench.ReadyAsync();
        Assert.Equal(1, bench.Kubelet.Allocatable("example.com/nic"));
        Assert.Equal(0, node.Kernel.Resets(Gpu));
    }

    [Fact]
    public async Task A_device_that_fell_silent_a_moment_ago_is_refused()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, Policies);
        await bench.ReadyAsync();
        await bench.QuietAsync();
        node.Kernel.Break(Gpu); // nobody has told the agent
        var pod = await bench.Kubelet.AdmitPodAsync(
            "vms",
            "vm",
            new Dictionary<string, int>(StringComparer.Ordinal) { ["example.com/gpu"] = 1 }
        );
        Assert.Equal(PodPhase.Failed, pod.Phase);
        Assert.Contains($"{Gpu} does not answer: its configuration space reads all ones", pod.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reset_that_does_not_help_leaves_the_device_out_of_service_and_says_what_to_do()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, Policies);
        await bench.ReadyAsync();
        node.Kernel.Break(Gpu);
        bench.Host.Agent.Wake();
        await bench.UntilAsync(() =>
            bench.Kubelet.Allocatable("example.com/gpu") == 0 && bench.Problem("gpu").Message.Contains("ENOTTY", StringComparison.Ordinal)
        );
        Assert.Equal(Reasons.Faulty, bench.Problem("gpu").Reason);
        Assert.Equal(
            $"{Gpu} is out of service: its configuration space reads all ones, so it does not answer: it lost power, "
                + "its firmware crashed, or its link is down; "
                + $"resetting it (writing 1 to /sys/bus/pci/devices/{Gpu}/reset) failed: ENOTTY: none of the ways in "
                + "reset_method works here; remove and rescan it, or power-cycle the host",
            bench.Problem("gpu").Message
        );
        Assert.Equal("True", bench.Condition("Degraded"));
        Assert.Equal(1, bench.Kubelet.Allocatable("example.com/nic"));

        // A new start knows of it before it looks; the hardware exchanged is another one.
        await bench.StopAgentAsync();
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Problem("gpu").Reason == Reasons.Faulty);
        node.Kernel.Unplug("0000:43:00.0");
        node.Kernel.Unplug("0000:43:00.1");
        await bench.UntilAsync(() => bench.Host.Journal.State.Ownership.Health.IsEmpty);
        node.Kernel.Plug("0000:43:00.0");
        node.Kernel.Plug("0000:43:00.1");
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/gpu") == 1);
    }

    [Fact]
    public async Task A_device_that_is_never_reset_stays_out_of_service_until_it_was_removed_and_is_found_again()
    {
        var node = new SimulatedNode();
        var policies = Desired.Policies(Desired.HostDevice("nic", Nic, pci: ", reset: Never"));
        await using var bench = await ScenarioBench.StartAsync(node, policies);
        await bench.ReadyAsync();
        node.Kernel.Break(Nic);
        bench.Host.Agent.Wake();
        await bench.UntilAsync(() =>
            bench.Problems("nic").SequenceEqual([(Nic, Reasons.ResetByVfio), (Nic, Reasons.Faulty)])
            && bench.Kubelet.Allocatable("example.com/nic") == 0
        );
        Assert.Contains(
            $"write 1 to /sys/bus/pci/devices/{Nic}/remove, and to /sys/bus/pci/rescan when this is no longer said",
            (string)bench.Policy("nic")!["message"]!,
            StringComparison.Ordinal
        );
        node.Write(($"/sys/bus/pci/devices/{Nic}/reset", "1")); // an admin's own
        bench.Host.Agent.Wake();
        await bench.QuietAsync();
        Assert.Equal(1, node.Kernel.Resets(Nic));
        Assert.Contains((Nic, Reasons.Faulty), bench.Problems("nic"));

        node.Kernel.Unplug(Nic);
        await bench.UntilAsync(() => bench.Host.Journal.State.Ownership.Health.IsEmpty);
        node.Kernel.Plug(Nic);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/nic") == 1);
        Assert.Equal(0, node.Kernel.Resets(Nic)); // of the one that was found again
        await bench.UntilAsync(() => bench.Problems("nic").SequenceEqual([(Nic, Reasons.ResetByVfio)])); // the kubelet may know first
    }

    [Fact]
    public async Task A_device_that_a_pod_has_is_reset_only_after_the_pod_let_it_go()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, Policies);
        await bench.ReadyAsync();
        var pod = await bench.Kubelet.AdmitPodAsync(
            "vms",
            "vm-nic",
            new Dictionary<string, int>(StringComparer.Ordinal) { ["example.com/nic"] = 1 }
        );
        Assert.Equal(PodPhase.Running, pod.Phase);
        node.Kernel.ReportError(Nic, ErrorSeverity.Fatal); // the kernel tells: nobody wakes the agent
        // At first it may only be known that the device was just given to a pod.
        await bench.UntilAsync(() =>
            bench.Problem("nic") is { Reason: var reason, Message: var said }
            && reason == Reasons.Faulty
            && said.Contains("vms/vm-nic", StringComparison.Ordinal)
        );
        Assert.StartsWith(
            $"{Nic} is out of service: it reported 1 fatal PCIe error (aer_dev_fatal); it is reset as soon as nobody has it; in use: ",
            bench.Problem("nic").Message,
            StringComparison.Ordinal
        );
        Assert.Equal(0, node.Kernel.Resets(Nic));

        bench.Kubelet.DeletePod("vms", "vm-nic");
        await bench.ReadyAsync();
        Assert.Equal(1, node.Kernel.Resets(Nic));
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/nic") == 1);
        bench.Host.Agent.Wake(); // the old error is accounted for
        await bench.StopAgentAsync();
        bench.StartAgent();
        await bench.ReadyAsync();
        Assert.Equal(1, node.Kernel.Resets(Nic));
    }
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)]
public sealed class RealHealthScenarios : HealthScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
