using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Kubelet;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// <c>binding: OnAllocate</c>: a device stays with its host driver until a pod gets it, and returns when nobody has it. On the simulation
/// and on the real kernel.
/// </summary>
public abstract class LateBindingScenarios
{
    private protected const string Port = "0000:45:00.0";
    private protected const string OtherPort = "0000:45:00.1";

    private protected static readonly string Dual = Desired.Policies(
        Desired.HostDevice("dual", Port, "binding: OnAllocate", ", members: [{function: 1}]")
    );

    private const string Nvme = "0000:84:00.0";

    private static readonly string Disk = Desired.Policies(Desired.HostDevice("disk", Nvme, "binding: OnAllocate"));
    private protected static readonly string[] Vfs = ["0000:81:10.0", "0000:81:10.2", "0000:81:10.4"];
    private protected static readonly string Pool = Desired.Policies(
        Desired.Vfs(3).Replace("resourceName:", "binding: OnAllocate, resourceName:", StringComparison.Ordinal)
    );

    private protected static readonly string Vgpus = Desired.Policies(
        Desired.Mdevs("dual-port", "mtty", "mtty-2", "mode: OnDemand, max: 2")
    );

    private protected abstract IScenarioNode NewNode();

    [Fact]
    public async Task A_group_of_two_is_the_host_s_until_a_pod_gets_it_and_when_the_pod_is_gone()
    {
        var node = NewNode();
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(node, Dual);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/dual") == 1);
        await bench.ReadyAsync();
        Assert.Equal(0, bench.Host.Writer.Writes);
        Assert.Equal(("e1000e", "e1000e"), (bench.Driver(Port), bench.Driver(OtherPort)));

        var pod = await TimedAsync("two functions from e1000e", () => AdmitAsync(bench, "vm", "dual"));
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        Assert.Equal(("vfio-pci", "vfio-pci"), (bench.Driver(Port), bench.Driver(OtherPort)));
        OfferPromises.Check(bench, pod, "example.com/dual", [Port]);
        Assert.Null(node.TakeAllTheWay(Port));

        // What a pod has stays over a restart of the agent.
        await bench.StopAgentAsync();
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Condition("Ready") == "True" && bench.Kubelet.Allocatable("example.com/dual") == 1);
        Assert.Equal(0, bench.Host.Writer.Writes);
        Assert.Equal(("vfio-pci", "vfio-pci"), (bench.Driver(Port), bench.Driver(OtherPort)));

        bench.Kubelet.DeletePod("vms", "vm");
        await bench.UntilAsync(() => (bench.Driver(Port), bench.Driver(OtherPort)) == ("e1000e", "e1000e"));
        await bench.ReadyAsync();
        Assert.Equal(1, bench.Kubelet.Allocatable("example.com/dual"));
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
    }

    [Fact]
    public async Task Virtual_functions_of_a_pool_stay_with_the_host_s_driver_until_a_pod_gets_one()
    {
        var node = NewNode();
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(node, Pool);
        await bench.ReadyAsync();
        Assert.Equal(3, bench.Kubelet.Allocatable("example.com/vf"));
        Assert.All(Vfs, vf => Assert.Equal("igbvf", bench.Driver(vf)));

        var pod = await AdmitAsync(bench, "vm", "vf", 2);
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        var given = pod.Envs["PCI_RESOURCE_EXAMPLE_COM_VF"].Split(',');
        OfferPromises.Check(bench, pod, "example.com/vf", given);
        Assert.All(Vfs, vf => Assert.Equal(given.Contains(vf) ? "vfio-pci" : "igbvf", bench.Driver(vf)));

        bench.Kubelet.DeletePod("vms", "vm");
        await bench.UntilAsync(() => Vfs.All(vf => bench.Driver(vf) == "igbvf"));
        await bench.ReadyAsync();
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
    }

    /// <summary>The drivers that planning takes for prompt (<c>planning/Pci/LateBinding</c>): in the lab all of it is emulated.</summary>
    [Theory]
    [InlineData("e1000e", "0000:86:00.0")]
    [InlineData("igb", "0000:81:00.0")]
    [InlineData("nvme", Nvme)]
    [InlineData("xhci_hcd", "0000:01:00.0")]
    public async Task A_driver_that_was_measured_lets_its_device_go_and_has_it_back(string driver, string address)
    {
        await using var bench = await ScenarioBench.StartAsync(
            NewNode(),
            Desired.Policies(Desired.HostDevice("card", address, "binding: OnAllocate"))
        );
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/card") == 1);
        Assert.Equal(driver, bench.Driver(address));
        var pod = await TimedAsync($"one function from {driver}", () => AdmitAsync(bench, "vm", "card"));
        Assert.Equal((PodPhase.Running, ""), Outcome(pod));
        Assert.Equal("vfio-pci", bench.Driver(address));
        bench.Kubelet.DeletePod("vms", "vm");
        await bench.UntilAsync(() => bench.Driver(address) == driver);
    }

    [Fact]
    public async Task A_disk_that_got_mounted_since_it_was_offered_is_refused_with_its_mount_point_until_it_is_unmounted()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Disk);
        await bench.ReadyAsync();
        Assert.Equal((1, "nvme"), (bench.Kubelet.Allocatable("example.com/disk"), bench.Driver(Nvme)));
        using (node.MountDisk(Nvme, "/mnt/hostdev-data"))
        {
            var refused = await AdmitAsync(bench, "vm", "disk");
            Assert.Equal((PodPhase.Failed, "UnexpectedAdmissionError"), (refused.Phase, refused.Reason));
            Assert.Contains($"{Nvme} of example.com/disk cannot be given out: in use: {Nvme}: ", refused.Message, StringComparison.Ordinal);
            Assert.Contains("is mounted at /mnt/hostdev-data", refused.Message, StringComparison.Ordinal);
            Assert.Equal((0, "nvme"), (bench.Host.Writer.Writes, bench.Driver(Nvme)));
            await Task.Delay(TimeSpan.FromSeconds(2.5), TestContext.Current.CancellationToken); // re-checks that find the same
            Assert.Equal(0, bench.Kubelet.Allocatable("example.com/disk"));
        }

        bench.Host.Agent.Wake();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/disk") == 1);
        var pod = await AdmitAsync(bench, "vm-2", "disk");
        Assert.Equal((PodPhase.Running, "", "vfio-pci"), (pod.Phase, pod.Message, bench.Driver(Nvme)));
        OfferPromises.Check(bench, pod, "example.com/disk", [Nvme]);
        bench.Kubelet.DeletePod("vms", "vm-2");
        await bench.UntilAsync(() => bench.Driver(Nvme) == "nvme");
    }

    [Fact]
    public async Task An_interface_that_got_an_address_is_refused_with_it_and_a_group_that_is_in_use_is_offered_to_nobody()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Dual);
        await bench.ReadyAsync();
        using (node.UseInterface(OtherPort, NetworkUse.Address))
        {
            var refused = await AdmitAsync(bench, "vm", "dual");
            Assert.Equal((PodPhase.Failed, "UnexpectedAdmissionError"), (refused.Phase, refused.Reason));
            Assert.Contains("has the address 192.0.2.7/24", refused.Message, StringComparison.Ordinal);
            Assert.Equal((0, "e1000e", "e1000e"), (bench.Host.Writer.Writes, bench.Driver(Port), bench.Driver(OtherPort)));

            // As the next look finds it: in the policy's words, and in no pod's way.
            bench.Host.Agent.Wake();
            await bench.UntilAsync(() => bench.Problem("dual").Reason == Reasons.Protected);
            Assert.Contains($"{OtherPort} is in use: ", bench.Problem("dual").Message, StringComparison.Ordinal);
            Assert.Equal(0, bench.Kubelet.Allocatable("example.com/dual"));
            Assert.Equal(1, bench.Kubelet.Capacity("example.com/dual"));
        }

        bench.Host.Agent.Wake();
        await bench.ReadyAsync();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/dual") == 1);
    }

    [Fact]
    public async Task What_is_held_open_after_its_pod_is_gone_goes_back_when_it_is_let_go_and_the_holder_is_named()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Dual);
        await bench.ReadyAsync();
        Assert.Equal(PodPhase.Running, (await AdmitAsync(bench, "vm", "dual")).Phase);
        using (var vm = await node.HoldAsync(Port))
        {
            bench.Kubelet.DeletePod("vms", "vm");
            await bench.UntilAsync(() => bench.WaitsFor(Port)?.Contains($"but process {vm.ProcessId} (", StringComparison.Ordinal) == true);
            await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/dual") == 0);
            Assert.Equal((0, 0), (vm.Requests, node.WritesUnderWay().Count));
            Assert.Equal("vfio-pci", bench.Driver(Port));
        }

        await bench.UntilAsync(() => (bench.Driver(Port), bench.Driver(OtherPort)) == ("e1000e", "e1000e"));
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/dual") == 1);
    }

    /// <summary>The kubelet starts such pods with the answers that they got before, and asks only PreStartContainer.</summary>
    [Fact]
    public async Task After_a_boot_what_pods_of_before_were_given_is_made_ready_again_and_their_containers_start()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Dual + Vgpus.Replace("policies:\n", "", StringComparison.Ordinal));
        await bench.ReadyAsync();
        var (vm, vgpu) = (await AdmitAsync(bench, "vm", "dual"), await AdmitAsync(bench, "vgpu", "dual-port", 1));
        Assert.Equal((PodPhase.Running, PodPhase.Running), (vm.Phase, vgpu.Phase));

        await bench.StopAgentAsync();
        node.Reboot(bench.StateDirectory);
        Assert.Equal("e1000e", bench.Driver(Port));
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Driver(Port) == "vfio-pci" && bench.Condition("Ready") == "True");
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/dual") == 1);
        Assert.Equal((PodPhase.Running, ""), Outcome(await bench.Kubelet.RestartContainerAsync("vms", "vm")));
        Assert.Equal((PodPhase.Running, ""), Outcome(await bench.Kubelet.RestartContainerAsync("vms", "vgpu")));
        Assert.All(bench.Kubelet.Pods, p => Assert.Empty(KubeVirtOracle.Problems(node.Machine.Paths, p, bench.Kubelet.Pods)));

        bench.Kubelet.DeletePod("vms", "vm");
        bench.Kubelet.DeletePod("vms", "vgpu");
        await bench.UntilAsync(() => bench.Driver(Port) == "e1000e" && bench.Driver(OtherPort) == "e1000e");
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
    }

    [Fact]
    public async Task A_driver_that_was_not_measured_needs_its_risk_accepted()
    {
        var policy = Desired.HostDevice("rng", "0000:02:00.0", "binding: OnAllocate");
        await using var bench = await ScenarioBench.StartAsync(NewNode(), Desired.Policies(policy));
        await bench.UntilAsync(() => bench.Problem("rng").Reason == Risks.SlowUnbind.Reason);
        Assert.Equal(
            "0000:02:00.0 cannot be passed safely: 0000:02:00.0 is on virtio-pci, and how long it takes to let a device go was not "
                + "measured; use binding Static, or list SlowUnbind in acceptRisks to pass it all the same",
            bench.Problem("rng").Message
        );
        Assert.Equal(0, bench.Kubelet.Allocatable("example.com/rng") ?? 0);
    }

    /// <summary>What it costs beside the kernel's own work: <see cref="Allocating.LateAnswerCostTests"/>.</summary>
    private static async Task<SimulatedPod> TimedAsync(string what, Func<Task<SimulatedPod>> admit)
    {
        var begun = TimeProvider.System.GetTimestamp();
        var pod = await admit();
        var took = TimeProvider.System.GetElapsedTime(begun);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{what}: {took.TotalMilliseconds:F0} ms from the kubelet's call to the running pod"
        );
        return pod;
    }

    private protected static Task<SimulatedPod> AdmitAsync(ScenarioBench bench, string name, string resource, int count = 1) =>
        bench.Kubelet.AdmitPodAsync(
            "vms",
            name,
            new Dictionary<string, int>(StringComparer.Ordinal) { [$"example.com/{resource}"] = count }
        );

    private protected static (PodPhase Phase, string Message) Outcome(SimulatedPod pod) => (pod.Phase, pod.Message);
}

[Trait(Pace.Name, Pace.Slow)]
public sealed class SimulatedLateBindingScenarios : LateBindingScenarios
{
    private const string Card = "0000:86:00.0";
    private const string Unbind = "/sys/bus/pci/drivers/e1000e/unbind";

    private protected override IScenarioNode NewNode() => new SimulatedNode();

    [Fact]
    public async Task A_driver_that_lets_go_too_late_costs_one_pod_and_the_group_goes_back_and_is_offered_after_the_next_boot()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, Dual);
        await bench.ReadyAsync();
        var hung = node.Kernel.Faults.HangWrite(1, Unbind);
        var refused = await AdmitAsync(bench, "vm", "dual");
        Assert.Equal((PodPhase.Failed, "UnexpectedAdmissionError"), (refused.Phase, refused.Reason));
        Assert.Contains(
            $"{Port} of example.com/dual cannot be given out: {Port} could not be made ready for a pod, and is not offered again before "
                + $"the next boot: writing \"{Port}\" to {Unbind} did not return within ",
            refused.Message,
            StringComparison.Ordinal
        );
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/dual") == 0);

        hung.Release(); // after a minute, say
        await bench.UntilAsync(() => bench.Driver(Port) == "e1000e" && bench.Host.Journal.State.Ownership.Functions.IsEmpty);
        Assert.Equal("e1000e", bench.Driver(OtherPort));
        await bench.StopAgentAsync();
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Problem("dual").Reason == Reasons.StepTimedOut);
        Assert.Equal((0, 1), (bench.Kubelet.Allocatable("example.com/dual"), bench.Kubelet.Capacity("example.com/dual")));

        await bench.StopAgentAsync();
        node.Reboot(bench.StateDirectory);
        bench.StartAgent();
        await bench.ReadyAsync();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/dual") == 1);
    }

    [Fact]
    public async Task A_driver_that_never_lets_go_holds_up_nobody_else()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, Dual + Pool.Replace("policies:\n", "", StringComparison.Ordinal));
        await bench.ReadyAsync();
        var hung = node.Kernel.Faults.HangWrite(1, Unbind);
        Assert.Equal(PodPhase.Failed, (await AdmitAsync(bench, "vm", "dual")).Phase);
        var other = await AdmitAsync(bench, "vm-2", "vf");
        Assert.Equal((PodPhase.Running, ""), Outcome(other));
        bench.Kubelet.DeletePod("vms", "vm-2");
        await bench.UntilAsync(() => Vfs.All(vf => bench.Driver(vf) == "igbvf"));
        Assert.True(hung.IsHanging);
        hung.Release();
        await bench.UntilAsync(() => bench.Driver(Port) == "e1000e");
    }

    /// <summary>Its checkpoint was not written, so the kubelet knows nothing of it and asks for the same again.</summary>
    [Fact]
    public async Task A_kubelet_that_was_killed_after_the_answer_gets_the_same_answer_again()
    {
        await using var bench = await ScenarioBench.StartAsync(NewNode(), Dual);
        await bench.ReadyAsync();
        var name = ResourceName.Parse("example.com/dual");
        var first = await bench.Host.Allocator.AllocateAsync(name, [Port], TestContext.Current.CancellationToken);
        var writes = bench.Host.Writer.Writes;
        Assert.Null((first as AllocateOutcome.Refused)?.Refusal.Message);
        var granted = Assert.IsType<AllocateOutcome.Granted>(first);
        var again = Assert.IsType<AllocateOutcome.Granted>(
            await bench.Host.Allocator.AllocateAsync(name, [Port], TestContext.Current.CancellationToken)
        );
        Assert.Equal(granted.Envs, again.Envs);
        Assert.Equal(granted.Nodes, again.Nodes);
        Assert.Equal(writes, bench.Host.Writer.Writes);
        await bench.UntilAsync(() => bench.Driver(Port) == "e1000e"); // no pod ever showed it
    }

    [Fact]
    public async Task A_pod_that_another_resource_was_refused_gives_its_group_back()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, Dual);
        await bench.ReadyAsync();
        var pod = await bench.Kubelet.AdmitPodAsync(
            "vms",
            "vm",
            new Dictionary<string, int>(StringComparer.Ordinal) { ["example.com/dual"] = 1, ["example.com/none"] = 1 }
        );
        Assert.Equal(PodPhase.Failed, pod.Phase);
        bench.Kubelet.DeletePod("vms", "vm");
        await bench.UntilAsync(() => (bench.Driver(Port), bench.Driver(OtherPort)) == ("e1000e", "e1000e"));
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/dual") == 1);
    }

    [Fact]
    public async Task What_a_pod_has_by_another_plugin_with_nothing_open_is_refused_with_the_pod_until_it_is_gone()
    {
        await using var bench = await ScenarioBench.StartAsync(NewNode(), Dual);
        await bench.ReadyAsync();
        await using var other = new ForeignPlugin(bench.Kubelet.Directory, "other.io/nic");
        await other.StartAsync();
        other.List(OtherPort);
        await other.RegisterAsync();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("other.io/nic") == 1);
        var container = await bench.Kubelet.AdmitPodAsync(
            "apps",
            "dpdk",
            new Dictionary<string, int>(StringComparer.Ordinal) { ["other.io/nic"] = 1 }
        );
        Assert.Equal((PodPhase.Running, ""), Outcome(container));

        var refused = await AdmitAsync(bench, "vm", "dual");
        Assert.Contains("pod apps/dpdk has it as other.io/nic", refused.Message, StringComparison.Ordinal);
        Assert.Equal((0, "e1000e"), (bench.Host.Writer.Writes, bench.Driver(OtherPort)));

        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/dual") == 0);
        bench.Kubelet.DeletePod("apps", "dpdk");
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/dual") == 1);
        Assert.Equal((PodPhase.Running, ""), Outcome(await AdmitAsync(bench, "vm-2", "dual")));
    }

    [Theory]
    [InlineData("other_nic.sock", "")] // the name of its socket says nothing
    [InlineData("other.io_nic.sock", " (other.io_nic.sock)")]
    public async Task Another_plugin_that_offers_it_too_is_named_for_as_long_as_it_does(string socket, string who)
    {
        await using var bench = await ScenarioBench.StartAsync(NewNode(), Dual);
        await bench.ReadyAsync();
        var words =
            $"{OtherPort} of {Port} is offered by another device plugin too, as other.io/nic{who}, so that two pods may be given it: "
            + "remove it from that plugin's configuration, or from this policy";
        await using (var other = new ForeignPlugin(bench.Kubelet.Directory, "other.io/nic", socket))
        {
            await other.StartAsync();
            other.List("0000:01:00.0", OtherPort);
            await other.RegisterAsync();
            await bench.UntilAsync(() => bench.Problem("dual") == (Reasons.OfferedByAnother, words));
            Assert.Equal(("True", 1), (bench.Condition("Ready"), bench.Kubelet.Allocatable("example.com/dual")));

            other.List("0000:01:00.0"); // its admin took it out there
            await bench.UntilAsync(() => bench.Problem("dual").Message is "");
            other.List(OtherPort);
            await bench.UntilAsync(() => bench.Problem("dual") == (Reasons.OfferedByAnother, words));
        }

        await bench.UntilAsync(() => bench.Problem("dual").Message is ""); // and with the plugin it goes, too
    }

    [Fact]
    public async Task After_a_boot_a_node_that_is_called_otherwise_than_in_the_answer_of_then_is_refused_with_what_to_do()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, Vgpus);
        await bench.ReadyAsync();
        Assert.Equal(PodPhase.Running, (await AdmitAsync(bench, "vgpu", "dual-port")).Phase);
        await bench.StopAgentAsync();
        node.Reboot(bench.StateDirectory);
        Make(node); // it takes the number that the pod's had
        bench.StartAgent();
        await bench.UntilAsync(() =>
            bench.Status["allocations"]?.AsArray().Count == 1 && bench.Kubelet.Allocatable("example.com/dual-port") == 1
        );
        var pod = await bench.Kubelet.RestartContainerAsync("vms", "vgpu");
        Assert.Contains(": delete the pod, so that it is allocated anew", pod.Message, StringComparison.Ordinal);
        await bench.UntilAsync(() =>
            bench.Policy("dual-port")!["message"]!.GetValue<string>().Contains("pod vms/vgpu got for", StringComparison.Ordinal)
        );
        bench.Kubelet.DeletePod("vms", "vgpu");
        await bench.ReadyAsync();
        Assert.Equal((PodPhase.Running, ""), Outcome(await AdmitAsync(bench, "vgpu-2", "dual-port")));
    }

    [Fact]
    public async Task A_node_that_stands_in_another_pod_s_answer_is_undone_and_the_unit_is_offered_when_that_pod_is_gone()
    {
        var node = new SimulatedNode();
        var card = Desired.HostDevice("card", Card, "binding: OnAllocate");
        await using var bench = await ScenarioBench.StartAsync(node, Dual + card);
        await bench.ReadyAsync();
        Assert.Equal((PodPhase.Running, ""), Outcome(await AdmitAsync(bench, "first", "card")));
        node.Kernel.Unplug(Card); // its cdev's name is free, and its container may open it
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/card") == 0);

        var refused = await AdmitAsync(bench, "second", "dual");
        Assert.Contains(
            "made ready for a pod it got a node that is another pod's, so it is taken back: /dev/vfio/",
            refused.Message,
            StringComparison.Ordinal
        );
        Assert.Contains($"that pod vms/first got for {Card}", refused.Message, StringComparison.Ordinal);
        await bench.UntilAsync(() => (bench.Driver(Port), bench.Driver(OtherPort)) == ("e1000e", "e1000e"));
        await Task.Delay(TimeSpan.FromSeconds(2.5), TestContext.Current.CancellationToken); // re-checks
        Assert.Equal(0, bench.Kubelet.Allocatable("example.com/dual"));

        bench.Kubelet.DeletePod("vms", "first");
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/dual") == 1);
        Assert.Equal((PodPhase.Running, ""), Outcome(await AdmitAsync(bench, "third", "dual")));
    }

    [Fact]
    public async Task A_mediated_device_that_another_hand_took_from_its_pod_is_made_again()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, Vgpus);
        await bench.ReadyAsync();
        var pod = await AdmitAsync(bench, "vgpu", "dual-port");
        var device = $"/sys/bus/mdev/devices/{pod.Envs["MDEV_PCI_RESOURCE_EXAMPLE_COM_DUAL-PORT"]}";
        var before = bench.Host.Writer.Writes;
        node.Write(($"{device}/remove", "1"));
        await bench.UntilAsync(() => bench.Host.Writer.Writes > before && Directory.Exists(node.Machine.Paths.Resolve(device)));
        await bench.ReadyAsync();
        Assert.Empty(KubeVirtOracle.Problems(node.Machine.Paths, pod, bench.Kubelet.Pods));
        Assert.Equal((PodPhase.Running, ""), Outcome(await bench.Kubelet.RestartContainerAsync("vms", "vgpu")));
    }

    private static void Make(SimulatedNode node) =>
        node.Write(("/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create", "11111111-2222-8333-8444-555555555555"));
}

[Trait(LabFacts.Where, LabFacts.Lab)]
public sealed class RealLateBindingScenarios : LateBindingScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
