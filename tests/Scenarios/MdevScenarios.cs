using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Host;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>Mediated devices of the kernel's sample drivers: mtty, whose types compete for 24 ports, and mdpy, which makes four.</summary>
public abstract class MdevScenarios
{
    private const string Foreign = "11111111-2222-8333-8444-555555555555";
    private protected const string Devices = "/sys/bus/mdev/devices/";

    private protected abstract IScenarioNode NewNode();

    [Fact]
    public async Task Two_types_of_one_parent_are_made_offered_taken_and_removed_and_a_foreign_device_stays()
    {
        var node = NewNode();
        Make(node, "mtty", "mtty-2", Foreign);
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(
                Desired.Mdevs("dual", "mtty", "mtty-2", "mode: Static, count: 2"),
                Desired.Mdevs("single", "mtty", "mtty-1", "mode: Static, count: 3")
            )
        );
        await bench.ReadyAsync();
        var (dual, single) = (Offered(bench, "dual"), Offered(bench, "single"));
        Assert.Equal((2, 3), (dual.Count, single.Count));
        Assert.All(dual.Concat(single), id => Assert.True(MdevUuid.Parse(id).IsHostdevs));
        Assert.All(dual, id => Assert.Equal("mtty-2", TypeOf(node, id)));
        Assert.Equal("15", bench.Read("/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/available_instances"));

        var pod = await AdmitAsync(bench, "vm", "dual", 2);
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        Assert.Equal(string.Join(',', dual), pod.Envs["MDEV_PCI_RESOURCE_EXAMPLE_COM_DUAL"]);
        Assert.Empty(KubeVirtOracle.Problems(node.Machine.Paths, pod, bench.Kubelet.Pods));
        Assert.All(dual.Concat(single), id => Assert.Null(node.TakeAllTheWay(id)));

        // What the pod has stays until the pod is proven gone; what nobody has goes at once.
        bench.Desire(Desired.Nothing);
        await bench.UntilAsync(() => single.All(id => TypeOf(node, id) is null));
        Assert.All(dual, id => Assert.Equal("mtty-2", TypeOf(node, id)));
        bench.Kubelet.DeletePod(pod.Namespace, pod.Name);
        await bench.GivenBackAsync();
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
        Assert.Equal("mtty-2", TypeOf(node, Foreign));
    }

    [Fact]
    public async Task After_a_boot_and_after_another_hand_removed_it_a_device_has_the_same_UUID()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.Mdevs("dual", "mtty", "mtty-2", "mode: Static, count: 2"))
        );
        await bench.ReadyAsync();
        var made = Offered(bench, "dual");

        node.Write(($"{Devices}{made[0]}/remove", "1"));
        await bench.UntilAsync(() => TypeOf(node, made[0]) is not null);
        await bench.ReadyAsync();
        Assert.Equal(made, Offered(bench, "dual"));

        await bench.StopAgentAsync();
        node.Reboot(bench.StateDirectory);
        Assert.All(made, id => Assert.Null(TypeOf(node, id)));
        bench.StartAgent();
        await bench.UntilAsync(() => made.All(id => TypeOf(node, id) == "mtty-2"));
        await bench.ReadyAsync();
        Assert.Equal(made, Offered(bench, "dual"));
    }

    [Fact]
    public async Task What_there_is_no_room_for_is_said_with_who_has_it_and_comes_when_it_is_left()
    {
        var node = NewNode();
        Make(node, "mdpy", "mdpy-hd", Foreign);
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.Mdevs("display", "mdpy", "mdpy-vga", "mode: Static, count: 4"))
        );
        await bench.UntilAsync(() => bench.Problem("display").Reason == Reasons.NoRoom && Offered(bench, "display").Count == 3);
        Assert.Equal(
            "mdpy has no room for 1 of the 4 devices of type mdpy-vga, and it has 3 of type mdpy-vga for MdevProfile/display, "
                + $"1 of type mdpy-hd that Hostdev did not make ({Foreign}): remove some of those, or ask for fewer; "
                + "what there is room for is offered",
            bench.Problem("display").Message
        );
        var writes = bench.Host.Writer.Writes;
        await bench.QuietAsync();
        Assert.Equal(writes, bench.Host.Writer.Writes);

        node.Write(($"{Devices}{Foreign}/remove", "1"));
        await bench.UntilAsync(() => Offered(bench, "display").Count == 4);
        await bench.ReadyAsync();
    }

    [Fact]
    public async Task A_type_that_a_card_does_not_have_is_refused_with_those_that_it_has()
    {
        await using var bench = await ScenarioBench.StartAsync(
            NewNode(),
            Desired.Policies(Desired.Mdevs("dual", "mtty", "mtty-4", "mode: Static, count: 2"))
        );
        await bench.UntilAsync(() => bench.Problem("dual").Reason == Reasons.NoSuchType);
        Assert.Equal(
            "mtty has no type mtty-4: it has mtty-1 (\"Single port serial\"), mtty-2 (\"Dual port serial\")",
            bench.Problem("dual").Message
        );
        Assert.Equal(0, bench.Host.Writer.Writes);
    }

    [Fact]
    public async Task A_device_that_is_held_open_is_not_removed_and_its_holder_is_named()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.Mdevs("dual", "mtty", "mtty-2", "mode: Static, count: 1"))
        );
        await bench.ReadyAsync();
        var id = Offered(bench, "dual").Single();
        using (var holder = await node.HoldAsync(id))
        {
            bench.Desire(Desired.Nothing);
            var group = ScenarioNodes.GroupOf(node.Machine.Paths, id);
            var waits =
                $"{id} is removed as soon as it is let go; it is in use: /dev/vfio/{group} is held open by process {holder.ProcessId} (";
            await bench.UntilAsync(() => bench.Status["releasing"]?.ToJsonString().Contains(waits, StringComparison.Ordinal) == true);
            Assert.Equal(("mtty-2", 0), (TypeOf(node, id), node.WritesUnderWay().Count));
            Assert.Equal(0, holder.Requests);
        }

        await bench.GivenBackAsync();
        Assert.Null(TypeOf(node, id));
    }

    [Fact]
    public async Task On_demand_a_device_is_made_for_a_pod_beside_static_ones_and_goes_with_it()
    {
        var node = NewNode();
        Make(node, "mtty", "mtty-2", Foreign);
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(
                Desired.Mdevs("single", "mtty", "mtty-1", "mode: Static, count: 2"),
                Desired.Mdevs("dual", "mtty", "mtty-2", "mode: OnDemand, max: 3")
            )
        );
        await bench.ReadyAsync();
        var (single, slots) = (Offered(bench, "single"), Offered(bench, "dual"));
        Assert.Equal((2, 3), (single.Count, slots.Count));
        Assert.All(slots, id => Assert.Null(TypeOf(node, id)));

        var pod = await AdmitAsync(bench, "vm", "dual", 2);
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        var made = pod.Envs["MDEV_PCI_RESOURCE_EXAMPLE_COM_DUAL"].Split(',');
        Assert.Equal(2, made.Intersect(slots).Count());
        Assert.All(made, id => Assert.Equal("mtty-2", TypeOf(node, id)));
        Assert.Empty(KubeVirtOracle.Problems(node.Machine.Paths, pod, bench.Kubelet.Pods));
        Assert.All(made, id => Assert.Null(node.TakeAllTheWay(id)));
        Assert.Equal("16", bench.Read("/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/available_instances"));

        // What a pod has stays over a restart of the agent, and nothing is made or removed beside it.
        await bench.StopAgentAsync();
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Condition("Ready") == "True" && bench.Kubelet.Allocatable("example.com/dual") == 3);
        Assert.Equal(0, bench.Host.Writer.Writes);
        Assert.All(made, id => Assert.Equal("mtty-2", TypeOf(node, id)));

        bench.Kubelet.DeletePod(pod.Namespace, pod.Name);
        await bench.UntilAsync(() => made.All(id => TypeOf(node, id) is null));
        await bench.UntilAsync(() => Offered(bench, "dual").SequenceEqual(slots));
        var next = await AdmitAsync(bench, "vm-2", "dual", 3);
        Assert.Equal((PodPhase.Running, ""), (next.Phase, next.Message));
        bench.Kubelet.DeletePod("vms", "vm-2");
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
    }

    [Fact]
    public async Task Room_that_another_type_took_makes_free_slots_unhealthy_and_room_that_came_back_healthy()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.Mdevs("display", "mdpy", "mdpy-vga", "mode: OnDemand, max: 4"))
        );
        await bench.ReadyAsync();
        Assert.Equal(4, Offered(bench, "display").Count);
        var pod = await AdmitAsync(bench, "vm", "display", 1);
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));

        var others = Enumerable.Range(0, 2).Select(i => $"{i:x8}-2222-8333-8444-555555555555").ToArray();
        foreach (var other in others)
            Make(node, "mdpy", "mdpy-hd", other);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/display") == 2); // the pod's, and one more
        Assert.All(others, id => Assert.Equal("mdpy-hd", TypeOf(node, id)));

        foreach (var other in others)
            node.Write(($"{Devices}{other}/remove", "1"));
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/display") == 4);
        Assert.Equal("mdpy-vga", TypeOf(node, pod.Envs["MDEV_PCI_RESOURCE_EXAMPLE_COM_DISPLAY"]));
    }

    /// <summary>As KubeVirt's sweeper does with types that it was not told of (contracts/kubevirt.md, 12).</summary>
    [Fact]
    public async Task A_device_that_is_removed_again_and_again_is_left_and_the_snippet_that_stops_KubeVirt_is_named()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.Mdevs("dual", "mtty", "mtty-2", "mode: Static, count: 1"))
        );
        await bench.ReadyAsync();
        var id = Offered(bench, "dual").Single();
        using (node.EverySecond(($"{Devices}{id}/remove", "1")))
            await bench.UntilAsync(() => bench.Problem("dual").Reason == Reasons.Contested);
        Assert.StartsWith(
            $"something else on this host removed {id} from mtty (KubeVirt does so with every type that is not in its configuration: set "
                + "mediatedDevicesConfiguration.enabled to false there, or list the type in permittedHostDevices with "
                + "externalResourceProvider: true) again and again: it was put back 3 times",
            bench.Problem("dual").Message,
            StringComparison.Ordinal
        );
    }

    /// <summary>None of the kernel's samples has a file that may be written, so what is to be refused is refused.</summary>
    [Fact]
    public async Task A_device_that_cannot_be_set_as_it_is_wanted_is_not_offered_and_does_not_stay()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(
                Desired.Mdevs("dual", "mtty", "mtty-2", "mode: Static, count: 1, attributes: [{file: assign_domain, value: \"4\"}]"),
                Desired.Mdevs("late", "mtty", "mtty-2", "mode: OnDemand, max: 1, attributes: [{file: assign_domain, value: \"4\"}]")
            )
        );
        await bench.UntilAsync(() => bench.Problem("dual").Reason == Reasons.StepFailed);
        Assert.Matches(
            $"^writing \"4\" to {Devices}686f7374-.*/assign_domain failed: is not there \\(ENOENT\\): the device's driver, or "
                + "this kernel, has no such file$",
            bench.Problem("dual").Message
        );
        await bench.UntilAsync(() => !Directory.EnumerateFileSystemEntries(node.Machine.Paths.Resolve(Devices)).Any());
        Assert.Empty(Offered(bench, "dual"));

        await bench.UntilAsync(() => Offered(bench, "late").Count == 1);
        var pod = await AdmitAsync(bench, "vm", "late", 1);
        Assert.Equal(PodPhase.Failed, pod.Phase);
        Assert.Contains("assign_domain failed: is not there (ENOENT)", pod.Message, StringComparison.Ordinal);
        await bench.UntilAsync(() => !Directory.EnumerateFileSystemEntries(node.Machine.Paths.Resolve(Devices)).Any());
    }

    [Fact]
    public async Task With_max_there_are_as_many_as_there_is_room_for_and_they_are_the_same_after_a_reboot()
    {
        var node = NewNode();
        Make(node, "mdpy", "mdpy-hd", Foreign);
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.Mdevs("display", "mdpy", "mdpy-vga", "mode: Static, max: 100"))
        );
        await bench.ReadyAsync();
        var three = Offered(bench, "display");
        Assert.Equal((3, 3), (three.Count, (int)bench.Policy("display")!["matched"]!));

        node.Write(($"{Devices}{Foreign}/remove", "1")); // room comes, and is used
        await bench.UntilAsync(() => Offered(bench, "display").Count == 4);
        await bench.ReadyAsync();
        var four = Offered(bench, "display");
        Assert.Empty(three.Except(four));

        await bench.StopAgentAsync();
        node.Write(($"{Devices}{four[0]}/remove", "1"));
        Make(node, "mdpy", "mdpy-hd", Foreign); // others take it, and it is no error
        bench.StartAgent();
        await bench.UntilAsync(() =>
            bench.Host.Agent.Reconciles > 0 && bench.Condition("Ready") == "True" && Offered(bench, "display").Count == 3
        );
        await bench.QuietAsync();
        Assert.Equal((0L, Reasons.Unsaid), (bench.Host.Writer.Writes, bench.Problem("display").Reason));
        Assert.Equal(four[1..], Offered(bench, "display"));

        await bench.StopAgentAsync();
        node.Reboot(bench.StateDirectory);
        bench.StartAgent();
        await bench.UntilAsync(() => Offered(bench, "display").Count == 4);
        Assert.Equal(four, Offered(bench, "display"));
    }

    private protected static void Make(IScenarioNode node, string parent, string type, string uuid) =>
        node.Write(($"/sys/class/mdev_bus/{parent}/mdev_supported_types/{type}/create", uuid));

    private protected static string? TypeOf(IScenarioNode node, string uuid) =>
        new DirectoryInfo(node.Machine.Paths.Resolve($"{Devices}{uuid}/mdev_type")).LinkTarget is { } link ? Path.GetFileName(link) : null;

    /// <summary>The IDs that the kubelet may give out, ordered.</summary>
    private protected static List<string> Offered(ScenarioBench bench, string profile) =>
        [.. bench.Kubelet.Devices($"example.com/{profile}").Where(d => d.Healthy).Select(d => d.Id).Order(StringComparer.Ordinal)];

    private protected static Task<SimulatedPod> AdmitAsync(ScenarioBench bench, string name, string profile, int count) =>
        bench.Kubelet.AdmitPodAsync(
            "vms",
            name,
            new Dictionary<string, int>(StringComparer.Ordinal) { [$"example.com/{profile}"] = count }
        );
}

[Trait(Pace.Name, Pace.Slow)]
public sealed class SimulatedMdevScenarios : MdevScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();

    private const string Attributes =
        "attributes: [{file: assign_adapter, value: \"5\"}, {file: assign_adapter, value: \"6\"}, {file: nvidia/vgpu_params, "
        + "value: \"frl=0\"}]";

    [Fact]
    public async Task What_is_set_is_set_in_order_before_a_device_is_offered_and_before_a_pod_has_one()
    {
        var node = WithSettings();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(
                Desired.Mdevs("dual", "mtty", "mtty-2", $"mode: Static, count: 1, {Attributes}"),
                Desired.Mdevs("late", "mtty", "mtty-2", $"mode: OnDemand, max: 1, {Attributes}")
            )
        );
        await bench.ReadyAsync();
        var id = Offered(bench, "dual").Single();
        Assert.Equal(["create", "assign_adapter=5", "assign_adapter=6", "nvidia/vgpu_params=frl=0"], Written(node, id));
        Assert.Equal("frl=0", bench.Read($"{Devices}{id}/nvidia/vgpu_params"));

        var pod = await AdmitAsync(bench, "vm", "late", 1);
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        var late = pod.Envs["MDEV_PCI_RESOURCE_EXAMPLE_COM_LATE"];
        Assert.Equal(["create", "assign_adapter=5", "assign_adapter=6", "nvidia/vgpu_params=frl=0"], Written(node, late));

        // Others are wanted: the idle one is made anew, the pod's stays until it is gone.
        bench.Desire(
            Desired.Policies(
                Desired.Mdevs("dual", "mtty", "mtty-2", "mode: Static, count: 1, attributes: [{file: assign_domain, value: \"7\"}]"),
                Desired.Mdevs("late", "mtty", "mtty-2", "mode: OnDemand, max: 1")
            )
        );
        await bench.UntilAsync(() => Written(node, id).LastOrDefault() == "assign_domain=7" && Offered(bench, "dual").SequenceEqual([id]));
        Assert.Equal("mtty-2", TypeOf(node, late));
        bench.Kubelet.DeletePod("vms", "vm");
        await bench.UntilAsync(() => TypeOf(node, late) is null);
    }

    [Fact]
    public async Task One_that_a_crash_left_half_set_is_made_anew_before_it_is_offered()
    {
        var node = WithSettings();
        var hung = node.Kernel.Faults.HangWrite(2, "assign_adapter");
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.Mdevs("dual", "mtty", "mtty-2", $"mode: Static, count: 1, {Attributes}"))
        );
        await bench.UntilAsync(() => hung.IsHanging);
        Assert.Empty(Offered(bench, "dual"));
        await bench.CrashAgentAsync();
        hung.Fail(Errno.EIO);
        bench.StartAgent();
        await bench.ReadyAsync();
        var id = Offered(bench, "dual").Single();
        Assert.Equal(
            [
                "create",
                "assign_adapter=5",
                "assign_adapter=6",
                "remove",
                "create",
                "assign_adapter=5",
                "assign_adapter=6",
                "nvidia/vgpu_params=frl=0",
            ],
            Written(node, id)
        );
    }

    private static SimulatedNode WithSettings() =>
        new(
            LabMachine.Description with
            {
                MdevParents =
                [
                    .. LabMachine.Description.MdevParents.Select(p =>
                        p with
                        {
                            Types =
                            [
                                .. p.Types.Select(t =>
                                    t with
                                    {
                                        Settings = [("assign_adapter", false), ("assign_domain", false), ("nvidia/vgpu_params", true)],
                                    }
                                ),
                            ],
                        }
                    ),
                ],
            }
        );

    /// <summary>What was done to a device, in order.</summary>
    private static List<string> Written(SimulatedNode node, string id) =>
        [
            .. node
                .Kernel.Writes.All.Where(w => w.Path.Contains($"/{id}/", StringComparison.Ordinal) || w.Value == id)
                .Select(w =>
                    w.Value == id ? "create"
                    : w.Path.EndsWith("/remove", StringComparison.Ordinal) ? "remove"
                    : $"{w.Path[(w.Path.LastIndexOf(id, StringComparison.Ordinal) + id.Length + 1)..]}={w.Value}"
                ),
        ];
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // the mdev bus is the same whatever vfio offers
public sealed class RealMdevScenarios : MdevScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
