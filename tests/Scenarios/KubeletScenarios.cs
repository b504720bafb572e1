using System.Text.Json.Nodes;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Host;
using Hostdev.Tests.Kubelet;
using Hostdev.Tests.Lab;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// The kubelet's habits that break nodes, met by the whole agent (contracts/kubelet.md, "What breaks a kubelet, or a pod"). On the
/// simulation and on the real kernel.
/// </summary>
public abstract class KubeletScenarios
{
    private protected const string Address = "0000:46:00.0";
    private protected const string Edu = "example.com/edu";
    private protected static readonly string EduPolicy = Desired.Policies(Desired.HostDevice("edu", Address));

    private protected abstract IScenarioNode NewNode();

    [Fact]
    public async Task A_device_comes_back_on_a_quiet_node_though_the_kubelet_s_checkpoint_forgets_nothing_by_itself()
    {
        await using var bench = await StartWithPodAsync();
        bench.Kubelet.DeletePod("vms", "vm");
        await bench.UntilAsync(() => bench.WaitsFor(Address) is null);
        Assert.Equal(1, bench.Kubelet.Allocatable(Edu));
    }

    [Fact]
    public async Task A_pod_deleted_by_force_keeps_its_device_while_its_VM_still_runs_and_the_process_is_named()
    {
        await using var bench = await StartWithPodAsync();
        using (var vm = await bench.Node.HoldAsync(Address))
        {
            bench.Kubelet.DeletePod("vms", "vm");
            await bench.UntilAsync(() => Says(bench, $"but process {vm.ProcessId} ("));
            Assert.Contains($"still holds /dev/vfio/{Group(bench, Address)} open", bench.WaitsFor(Address), StringComparison.Ordinal);
            await bench.UntilAsync(() => bench.Kubelet.Allocatable(Edu) == 0); // before a pod dies of a refusal
            await bench.UntilAsync(() =>
                bench.Policy("edu")!["message"]!.GetValue<string>().StartsWith($"process {vm.ProcessId} (", StringComparison.Ordinal)
            );
            Assert.EndsWith(
                $" still holds /dev/vfio/{Group(bench, Address)} open, though the kubelet knows no pod that has "
                    + $"{Address}: end that process",
                bench.Policy("edu")!["message"]!.GetValue<string>(),
                StringComparison.Ordinal
            );
            bench.Desire(Desired.Nothing);
            await bench.UntilAsync(() => bench.Status["releasing"] is JsonArray { Count: 1 });
            Assert.Equal("vfio-pci", bench.Driver(Address));
        }

        await bench.GivenBackAsync();
    }

    [Fact]
    public async Task A_refused_device_is_said_for_as_long_as_it_is_not_offered_and_its_policy_is_not_ready()
    {
        await using var bench = await ScenarioBench.StartAsync(NewNode(), EduPolicy);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Edu) == 1);
        string words;
        using (var other = await bench.Node.HoldAsync(Address)) // a VMM that no kubelet knows
        {
            var refused = await AdmitAsync(bench, "vm", Edu);
            Assert.Equal((PodPhase.Failed, "UnexpectedAdmissionError"), (refused.Phase, refused.Reason));
            words =
                $"{Address} of {Edu} cannot be given out: /dev/vfio/{Group(bench, Address)} is still held open by "
                + $"process {other.ProcessId} (";
            Assert.Contains(words, refused.Message, StringComparison.Ordinal);
            await bench.UntilAsync(() =>
                bench.Kubelet.Allocatable(Edu) == 0 && bench.Problem("edu").Message.StartsWith(words, StringComparison.Ordinal)
            );
            Assert.Equal(("Progressing", 0), ((string)bench.Policy("edu")!["reason"]!, (int)bench.Policy("edu")!["ready"]!));
            await bench.UntilAsync(() =>
                bench.Condition("Ready") == "False" && bench.Why("Ready").Message.StartsWith(words, StringComparison.Ordinal)
            );
            await Task.Delay(TimeSpan.FromSeconds(2.5), TestContext.Current.CancellationToken); // re-checks that find the same
            Assert.Equal(Reasons.StillHeld, bench.Problem("edu").Reason);
        }

        await bench.ReadyAsync(); // the re-check is good
        Assert.Equal(1, bench.Kubelet.Allocatable(Edu));
        Assert.Empty(bench.Policy("edu")!["problems"]!.AsArray());
    }

    [Fact]
    public async Task A_device_that_KubeVirt_s_own_plugin_offers_too_is_said_for_as_long_as_it_does()
    {
        await using var bench = await ScenarioBench.StartAsync(NewNode(), EduPolicy);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Edu) == 1);
        const string socket = "kubevirt-devices.example.com-edu.sock";
        await using (var kubeVirt = new ForeignPlugin(bench.Kubelet.Directory, "devices.example.com/edu", socket))
        {
            await kubeVirt.StartAsync();
            kubeVirt.List(Group(bench, Address).ToString(System.Globalization.CultureInfo.InvariantCulture));
            await kubeVirt.RegisterAsync();
            await bench.UntilAsync(() => bench.Problem("edu").Reason == Reasons.OfferedByKubeVirt);
            var words = $"{Address} is offered by KubeVirt's own device plugin too, as devices.example.com/edu ({socket})";
            Assert.StartsWith(words, bench.Problem("edu").Message, StringComparison.Ordinal);
            Assert.Equal(1, bench.Kubelet.Allocatable(Edu));
        }

        await bench.UntilAsync(() => bench.Problem("edu").Message is "");
    }

    [Fact]
    public async Task A_kubelet_that_has_just_started_proves_nothing_and_what_is_lacking_is_said_step_by_step()
    {
        await using var bench = await StartWithPodAsync();
        bench.Kubelet.LearnsPodsSlowly = true;
        await bench.Kubelet.RestartAsync(TestContext.Current.CancellationToken);
        bench.Desire(Desired.Nothing);
        await bench.UntilAsync(() =>
            Says(bench, "which proves nothing before the kubelet was seen up for 1 s: after a start it learns of its pods one by one")
        );
        await bench.UntilAsync(() =>
            Says(bench, "kubelet_internal_checkpoint still names it for container compute of the pod with UID vms/vm")
        );
        Assert.Equal("vfio-pci", bench.Driver(Address));
        bench.Kubelet.LearnPod("vms", "vm");
        await bench.UntilAsync(() => bench.WaitsFor(Address) is "");

        bench.Kubelet.DeletePod("vms", "vm");
        await bench.GivenBackAsync();
        Assert.Null(bench.Kubelet.CauseOfDeath);
    }

    [Fact]
    public async Task A_list_that_lacks_the_agent_s_own_pod_releases_nothing()
    {
        await using var bench = await StartWithPodAsync(b => b.OwnPod = new OwnPod("kube-system", "hostdev-x7k2p"));
        bench.Kubelet.DeletePod("vms", "vm");
        await bench.UntilAsync(() => Says(bench, "but also the agent's own pod kube-system/hostdev-x7k2p, so it is not whole"));

        await bench.Kubelet.AdmitPodAsync("kube-system", "hostdev-x7k2p");
        await bench.UntilAsync(() => bench.WaitsFor(Address) is null);
    }

    [Fact]
    public async Task A_pod_that_the_kubelet_has_not_booked_yet_keeps_its_device_though_no_list_names_it_and_its_policy_goes()
    {
        await using var bench = await ScenarioBench.StartAsync(NewNode(), EduPolicy, start: false);
        bench.UnseenGrace = TimeSpan.FromMinutes(2); // longer than a slow machine takes to say what it waits for
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Edu) == 1);
        bench.Kubelet.AfterAllocate = async (_, _) =>
        {
            bench.Desire(Desired.Nothing);
            await bench.UntilAsync(() =>
                bench.Status["releasing"] is JsonArray { Count: 1 }
                && Says(bench, "which proves nothing in the first 120 s after it was given out")
            );
        };
        var pod = await AdmitAsync(bench, "vm", Edu);

        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        Assert.Null(bench.Kubelet.CauseOfDeath);
        Assert.Equal("vfio-pci", bench.Driver(Address));
        await bench.UntilAsync(() => bench.WaitsFor(Address) is "");
    }

    [Fact]
    public async Task A_held_resource_outlives_its_policy_and_restarts_of_agent_and_kubelet_and_goes_with_its_last_holder()
    {
        await using var bench = await StartWithPodAsync();
        bench.Desire(Desired.Nothing);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Edu) == 0 && bench.Status["releasing"] is JsonArray { Count: 1 });
        await bench.StopAgentAsync();
        File.Delete(bench.Kubelet.PodResourcesSocket); // the kubelet cannot even be asked: the ledger on disk is enough
        bench.StartAgent();
        await bench.UntilAsync(() => HeldUnhealthy(bench));
        Assert.Equal((PodPhase.Running, ""), Outcome(await bench.Kubelet.RestartContainerAsync("vms", "vm")));

        await bench.Kubelet.RestartAsync(TestContext.Current.CancellationToken);
        await bench.UntilAsync(() => HeldUnhealthy(bench));
        Assert.Equal((PodPhase.Running, ""), Outcome(await bench.Kubelet.RestartContainerAsync("vms", "vm")));

        bench.Kubelet.DeletePod("vms", "vm");
        await bench.GivenBackAsync();
        await bench.UntilAsync(() =>
            bench.Kubelet.Capacity(Edu) == 0 && Directory.GetFiles(bench.Kubelet.Directory, "hostdev-*").Length == 0
        );
        Assert.Null(bench.Kubelet.CauseOfDeath);
    }

    [Fact]
    public async Task A_node_that_stands_in_a_live_answer_is_not_offered_to_another_pod_until_that_answer_is_gone()
    {
        await using var bench = await StartWithPodAsync();
        var group = Group(bench, Address);
        // Hot-unplugged, as no program holds it: the group's number is free, and the container keeps its rights on it.
        Assert.Equal("success", bench.Node.Machine.Calls.WriteAttribute($"/sys/bus/pci/devices/{Address}/remove", "1").Name);
        await bench.UntilAsync(() => bench.Driver(Address) is null && bench.Kubelet.Allocatable(Edu) == 0);
        bench.Desire(EduPolicy + Desired.Vfs(2));
        await bench.UntilAsync(() =>
            bench.Read("/sys/bus/pci/devices/0000:81:00.0/sriov_numvfs") == "2" && bench.Kubelet.Allocatable("example.com/vf") is > 0
        );
        var reused = new[] { "0000:81:10.0", "0000:81:10.2" }.Single(vf => Group(bench, vf) == group);
        await bench.UntilAsync(() =>
            bench.Policy("vfs")?["message"]?.GetValue<string>().Contains("stands in the answer", StringComparison.Ordinal) == true
        );
        Assert.Matches(
            $@"^/dev/vfio/{group} \(\d+:\d+\) stands in the answer that pod vms/vm got for {Address}, and its container may still open it: "
                + "delete that pod, or wait until it is proven gone$",
            bench.Policy("vfs")!["message"]!.GetValue<string>()
        );
        Assert.Equal([reused], bench.Kubelet.Devices("example.com/vf").Where(d => !d.Healthy).Select(d => d.Id));
        Assert.Equal(PodPhase.Failed, (await AdmitAsync(bench, "forced", "example.com/vf", reused)).Phase);

        // The same device, come back as another group and taken by hand: its pod must not be started with the old node, nor anybody get the
        // new one meanwhile.
        foreach (
            var (path, value) in new[] { ("rescan", "1"), ($"devices/{Address}/driver_override", "vfio-pci"), ("drivers_probe", Address) }
        )
            Assert.Equal("success", bench.Node.Machine.Calls.WriteAttribute($"/sys/bus/pci/{path}", value).Name);
        await bench.UntilAsync(() =>
            bench.Policy("edu")?["message"]?.GetValue<string>().StartsWith($"/dev/vfio/{group} (", StringComparison.Ordinal) == true
        );
        Assert.Equal("vfio-pci", bench.Driver(Address));
        var restarted = await bench.Kubelet.RestartContainerAsync("vms", "vm");
        Assert.Equal((PodPhase.Waiting, "PreStartContainerError"), (restarted.Phase, restarted.Reason));
        Assert.Contains(
            $"/dev/vfio/{group}, which was given to this container for {Address}, belongs to another device now: delete the pod",
            restarted.Message,
            StringComparison.Ordinal
        );
        Assert.Equal(0, bench.Kubelet.Allocatable(Edu));

        bench.Kubelet.DeletePod("vms", "vm");
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 2 && bench.Kubelet.Allocatable(Edu) == 1);
    }

    [Fact]
    public async Task A_second_agent_says_who_has_the_node_and_serves_nothing()
    {
        await using var bench = await StartWithPodAsync();
        var empty = Directory.CreateTempSubdirectory("hd-").FullName;
        var options = new AgentOptions
        {
            DesiredFile = bench.DesiredFile,
            StateDirectory = bench.StateDirectory,
            KubeletDirectory = empty,
            PodResourcesSocket = bench.Kubelet.PodResourcesSocket,
        };

        var refusal = Assert.Throws<JournalException>(() =>
            AgentHost.Open(bench.Node.Machine, options, TimeProvider.System, NullLoggerFactory.Instance)
        );

        Assert.Equal(
            $"{bench.StateDirectory}/lock is locked: another agent (process {Environment.ProcessId}) runs on this "
                + "host; two would undo each other's work. Stop the other one first",
            refusal.Message
        );
        Assert.Empty(Directory.GetFileSystemEntries(empty));
        Directory.Delete(empty);
    }

    private protected async Task<ScenarioBench> StartWithPodAsync(Action<ScenarioBench>? prepare = null)
    {
        var bench = await ScenarioBench.StartAsync(NewNode(), EduPolicy, start: false);
        prepare?.Invoke(bench);
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Edu) == 1);
        Assert.Equal((PodPhase.Running, ""), Outcome(await AdmitAsync(bench, "vm", Edu)));
        await bench.UntilAsync(() => bench.WaitsFor(Address) is "" && (string?)bench.Status["allocations"]![0]!["pod"] == "vm");
        return bench;
    }

    private protected static Task<SimulatedPod> AdmitAsync(ScenarioBench bench, string pod, string resource, params string[] ids) =>
        bench.Kubelet.AdmitPodAsync("vms", pod, new DeviceRequest(resource, 1, [.. ids]));

    private protected static (PodPhase Phase, string Message) Outcome(SimulatedPod pod) => (pod.Phase, pod.Message);

    private static bool Says(ScenarioBench bench, string text) => bench.WaitsFor(Address)?.Contains(text, StringComparison.Ordinal) == true;

    private static bool HeldUnhealthy(ScenarioBench bench) =>
        bench.Host.Kubelet.Snapshot() is [{ Registered: true, StreamLive: true }]
        && bench.Kubelet.Devices(Edu) is [{ Id: Address, Healthy: false }];

    private static int Group(ScenarioBench bench, string address) =>
        int.Parse(
            Path.GetFileName(
                new DirectoryInfo(bench.Node.Machine.Paths.Resolve($"/sys/bus/pci/devices/{address}/iommu_group")).LinkTarget!
            ),
            System.Globalization.CultureInfo.InvariantCulture
        );
}

[Trait(Pace.Name, Pace.Slow)]
public sealed class SimulatedKubeletScenarios : KubeletScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();

    [Fact]
    public async Task An_Allocate_whose_read_the_kernel_blocks_is_refused_in_time_hands_out_nothing_and_keeps_one_thread()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.HostDevice("edu", Address), Desired.HostDevice("other", "0000:85:00.0")),
            start: false
        );
        bench.KubeletTimings = new KubeletTimings { Allocate = TimeSpan.FromMilliseconds(500) };
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Edu) == 1 && bench.Kubelet.Allocatable("example.com/other") == 1);
        var hung = node.Kernel.Paths.Resolve($"/sys/class/vfio/{node.Kernel.GroupOf(Address)}/dev");
        var text = bench.Read($"/sys/class/vfio/{node.Kernel.GroupOf(Address)}/dev") + "\n";
        Fifo.Create(hung);
        // reads block in read(2) until it is closed
        var writer = new FileStream(hung, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);

        var pod = await AdmitAsync(bench, "vm", Edu);
        Assert.Equal((PodPhase.Failed, "UnexpectedAdmissionError"), (pod.Phase, pod.Reason));
        Assert.Contains(
            $"{Address} of {Edu} could not be made ready within 0.5 s, so nothing was handed out",
            pod.Message,
            StringComparison.Ordinal
        );
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Edu) == 0);
        Assert.Equal((PodPhase.Running, ""), Outcome(await AdmitAsync(bench, "second", "example.com/other")));

        await File.WriteAllTextAsync(hung + ".new", text, TestContext.Current.CancellationToken);
        File.Move(hung + ".new", hung, overwrite: true);
        await writer.DisposeAsync(); // the kernel answers; the late answer is nobody's
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Edu) == 1);
        Assert.Null(bench.Host.Allocator.Ledger.ById.GetValueOrDefault(Address));
    }

    [Fact]
    public async Task A_pod_asked_for_before_we_have_registered_is_lost_and_the_state_on_disk_is_enough_to_register()
    {
        await using var bench = await ScenarioBench.StartAsync(NewNode(), EduPolicy);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Edu) == 1);
        await bench.StopAgentAsync();
        await bench.Kubelet.RestartAsync(TestContext.Current.CancellationToken);
        var early = await AdmitAsync(bench, "early", Edu);
        Assert.Equal((PodPhase.Failed, "UnexpectedAdmissionError"), (early.Phase, early.Reason));
        Assert.Contains(
            "no healthy devices present; cannot allocate unhealthy devices example.com/edu",
            early.Message,
            StringComparison.Ordinal
        );

        File.Delete(bench.DesiredFile);
        File.Delete(bench.Kubelet.PodResourcesSocket);
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Edu) == 1);
        Assert.Equal(PodPhase.Failed, bench.Kubelet.Pods.Single(p => p.Name == "early").Phase); // for good
        Assert.Equal((PodPhase.Running, ""), Outcome(await AdmitAsync(bench, "late", Edu)));
    }

    [Fact]
    public async Task A_container_is_not_started_with_a_function_that_lost_its_vfio_driver_though_the_group_s_node_is_the_same()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.HostDevice("dual", "0000:45:00.0", pci: ", groupPolicy: AssignSiblings, iommuBackend: Legacy"))
        );
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/dual") == 1);
        Assert.Equal((PodPhase.Running, ""), Outcome(await AdmitAsync(bench, "vm", "example.com/dual")));
        Assert.Equal("success", node.Machine.Calls.WriteAttribute("/sys/bus/pci/drivers/vfio-pci/unbind", "0000:45:00.1").Name);

        var restarted = await bench.Kubelet.RestartContainerAsync("vms", "vm");

        Assert.Equal((PodPhase.Waiting, "PreStartContainerError"), (restarted.Phase, restarted.Reason));
        Assert.Contains(
            "0000:45:00.1, which was given to this container, is without a driver instead of vfio-pci: delete the pod",
            restarted.Message,
            StringComparison.Ordinal
        );
    }
}

[Trait(LabFacts.Where, LabFacts.Lab)]
public sealed class RealKubeletScenarios : KubeletScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
