using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// "Vendor VFIO": virtual functions that their driver gives a type of vGPU. On the real kernel the driver is the lab's stand-in for
/// NVIDIA's (hack/lab.d/vgpu-standin), on a card of 4 GiB.
/// </summary>
public abstract class VgpuScenarios
{
    private const string Card = "0000:41:00.0";
    private static readonly string[] s_functions = ["0000:41:10.0", "0000:41:10.2", "0000:41:10.4", "0000:41:10.6", "0000:41:11.0"];

    private protected abstract IScenarioNode NewNode();

    [Fact]
    public async Task A_virtual_function_is_given_its_type_offered_as_PCI_taken_and_given_back()
    {
        var node = NodeWithVfs(2);
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.Vgpus("vgpu", Card, "typeId: \"903\"", "mode: Static, count: 1"))
        );
        await bench.ReadyAsync();
        Assert.Equal(["0000:41:10.0"], Offered(bench, "vgpu"));
        Assert.Equal(("903", "0"), (TypeOf(node, s_functions[0]), TypeOf(node, s_functions[1])));
        Assert.Equal("vgpu-standin", DriverOf(node, s_functions[0]));

        var pod = await AdmitAsync(bench, "vm", "vgpu", 1);
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        Assert.Equal("0000:41:10.0", pod.Envs["PCI_RESOURCE_EXAMPLE_COM_VGPU"]);
        Assert.Empty(KubeVirtOracle.Problems(node.Machine.Paths, pod, bench.Kubelet.Pods));
        Assert.Null(node.TakeAllTheWay(s_functions[0]));

        // What the pod has stays until the pod is proven gone.
        bench.Desire(Desired.Nothing);
        await bench.UntilAsync(() =>
            bench.Status["releasing"]?.ToJsonString().Contains("the vGPU type of 0000:41:10.0 is taken back", StringComparison.Ordinal)
            == true
        );
        Assert.Equal("903", TypeOf(node, s_functions[0]));
        bench.Kubelet.DeletePod(pod.Namespace, pod.Name);
        await bench.GivenBackAsync();
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
        Assert.Equal("0", TypeOf(node, s_functions[0]));
    }

    [Fact]
    public async Task On_demand_a_slot_gets_its_type_for_a_pod_and_loses_it_with_the_pod_and_room_is_looked_for_without_an_event()
    {
        var node = NodeWithVfs(5);
        Give(node, s_functions[0], "902");
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.Vgpus("vgpu", Card, "typeName: V-1Q", "mode: OnDemand, max: 4"))
        );
        await bench.ReadyAsync();
        var slots = Offered(bench, "vgpu");
        Assert.Equal(s_functions[1..], slots); // not the one that somebody else gave its type
        Assert.All(slots, f => Assert.Equal("0", TypeOf(node, f)));

        var pod = await AdmitAsync(bench, "vm", "vgpu", 3);
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        var given = pod.Envs["PCI_RESOURCE_EXAMPLE_COM_VGPU"].Split(',');
        Assert.Equal(3, given.Intersect(slots).Count());
        Assert.All(given, f => Assert.Equal("902", TypeOf(node, f)));
        Assert.Empty(KubeVirtOracle.Problems(node.Machine.Paths, pod, bench.Kubelet.Pods));
        Assert.Null(node.TakeAllTheWay(given[0]));

        // One slot is left and no room for it, which no event told; nor does one tell that there is some again.
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vgpu") == 3);
        var last = slots.Except(given).Single();
        Assert.Equal("0", TypeOf(node, last));
        Assert.Equal("902", TypeOf(node, s_functions[0]));
        Give(node, s_functions[0], "0");
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vgpu") == 4);

        // What a pod has stays over a restart of the agent, and nothing is written beside it.
        await bench.StopAgentAsync();
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Condition("Ready") == "True" && bench.Kubelet.Allocatable("example.com/vgpu") == 4);
        Assert.Equal(0, bench.Host.Writer.Writes);
        Assert.All(given, f => Assert.Equal("902", TypeOf(node, f)));

        bench.Kubelet.DeletePod(pod.Namespace, pod.Name);
        await bench.UntilAsync(() => s_functions.All(f => TypeOf(node, f) == "0"));
        await bench.UntilAsync(() => Offered(bench, "vgpu").SequenceEqual(s_functions[..4])); // those of the lowest addresses
        var next = await AdmitAsync(bench, "vm-2", "vgpu", 4);
        Assert.Equal((PodPhase.Running, ""), (next.Phase, next.Message));
        bench.Kubelet.DeletePod("vms", "vm-2");
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Give(node, s_functions[0], "902");
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
    }

    [Fact]
    public async Task Of_two_pods_that_want_the_last_room_one_gets_it_and_the_other_is_told_so()
    {
        var node = NodeWithVfs(2);
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.Vgpus("vgpu", Card, "typeId: \"904\"", "mode: OnDemand, max: 2"))
        );
        await bench.ReadyAsync();
        Assert.Equal(2, Offered(bench, "vgpu").Count);

        var pods = await Task.WhenAll(AdmitAsync(bench, "first", "vgpu", 1), AdmitAsync(bench, "second", "vgpu", 1));
        var (winner, loser) = pods[0].Phase == PodPhase.Running ? (pods[0], pods[1]) : (pods[1], pods[0]);
        Assert.Equal((PodPhase.Running, PodPhase.Failed), (winner.Phase, loser.Phase));
        var has = winner.Envs["PCI_RESOURCE_EXAMPLE_COM_VGPU"];
        Assert.Equal("904", TypeOf(node, has));
        var other = s_functions.Take(2).Single(f => f != has);
        Assert.Equal("0", TypeOf(node, other));
        Assert.Contains($"{other} of example.com/vgpu cannot be given out: ", loser.Message, StringComparison.Ordinal);
        Assert.Contains(" has no room for ", loser.Message, StringComparison.Ordinal);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vgpu") == 1);
    }

    [Fact]
    public async Task What_there_is_no_room_for_is_said_with_who_has_it_and_a_foreign_type_is_never_changed()
    {
        var node = NodeWithVfs(4);
        Give(node, s_functions[2], "903");
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(
                Desired.Vgpus("large", Card, "typeName: STANDIN V-2Q", "mode: Static, count: 3"),
                Desired.Vgpus("small", Card, "typeId: \"901\"", "mode: Static, count: 1")
            )
        );
        await bench.UntilAsync(() =>
            bench.Problem("large").Reason == Reasons.NoRoom
            && bench.Problem("small").Reason == Reasons.NoRoom
            && Offered(bench, "large").Count == 1
        );
        var has =
            "on its 4 virtual functions, and it has 1 of type 903 for MdevProfile/large, 1 of type 903 that Hostdev did not make "
            + $"({s_functions[2]}): remove some of those, or ask for fewer; what there is room for is offered";
        Assert.Equal($"{Card} has no room for 2 of the 3 devices of type \"STANDIN V-2Q\", {has}", bench.Problem("large").Message);
        Assert.Equal($"{Card} has no room for 1 of the 1 devices of type 901, {has}", bench.Problem("small").Message);
        Assert.Equal(["903", "0", "903", "0"], s_functions.Take(4).Select(f => TypeOf(node, f)));

        // Room of which no event tells is found all the same.
        Give(node, s_functions[2], "0");
        await bench.UntilAsync(() => Offered(bench, "large").Count == 2);
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.All(s_functions.Take(4), f => Assert.Equal("0", TypeOf(node, f)));
    }

    [Fact]
    public async Task After_a_boot_types_are_given_again_to_the_functions_that_had_them_though_another_profile_comes_first_now()
    {
        var node = NodeWithVfs(3);
        var later = Desired.Vgpus("b", Card, "typeId: \"902\"", "mode: Static, count: 1");
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(later));
        await bench.ReadyAsync();
        bench.Desire(Desired.Policies(Desired.Vgpus("a", Card, "typeId: \"901\"", "mode: Static, count: 1"), later));
        await bench.UntilAsync(() => Offered(bench, "a").Count == 1);
        Assert.Equal(["902", "901", "0"], s_functions.Take(3).Select(f => TypeOf(node, f)));

        await bench.StopAgentAsync();
        node.Reboot(bench.StateDirectory);
        node.LoadDriver("vgpu-standin");
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Problem("a").Reason == Reasons.VfsMissing);
        Assert.Equal(
            $"{Card} has no virtual functions, which are what a type is given to: make them with "
                + $"\"/usr/lib/nvidia/sriov-manage -e {Card}\"",
            bench.Problem("a").Message
        );
        MakeVfs(node, 3);
        await bench.UntilAsync(() => Offered(bench, "a").Count == 1 && Offered(bench, "b").Count == 1);
        Assert.Equal(["902", "901", "0"], s_functions.Take(3).Select(f => TypeOf(node, f)));
    }

    /// <summary>No event tells of it, so it is found where it matters.</summary>
    [Fact]
    public async Task A_function_whose_type_somebody_changed_is_given_to_nobody()
    {
        var node = NodeWithVfs(1);
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.Vgpus("vgpu", Card, "typeId: \"901\"", "mode: Static, count: 1"))
        );
        await bench.ReadyAsync();
        await bench.QuietAsync();
        Give(node, s_functions[0], "0");
        Give(node, s_functions[0], "903");

        var pod = await AdmitAsync(bench, "vm", "vgpu", 1);
        Assert.Equal(PodPhase.Failed, pod.Phase);
        Assert.Contains($"{s_functions[0]} has the vGPU type 903 instead of 901", pod.Message, StringComparison.Ordinal);
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Equal("903", TypeOf(node, s_functions[0]));
    }

    [Fact]
    public async Task A_function_that_is_held_open_keeps_its_type_and_its_holder_is_named()
    {
        var node = NodeWithVfs(1);
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.Vgpus("vgpu", Card, "typeId: \"903\"", "mode: Static, count: 1"))
        );
        await bench.ReadyAsync();
        var function = s_functions[0];
        using (var holder = await node.HoldAsync(function))
        {
            bench.Desire(Desired.Nothing);
            var group = ScenarioNodes.GroupOf(node.Machine.Paths, function);
            var waits =
                $"the vGPU type of {function} is taken back as soon as it is let go; it is in use: /dev/vfio/{group} is held open by "
                + $"process {holder.ProcessId} (";
            await bench.UntilAsync(() => bench.Status["releasing"]?.ToJsonString().Contains(waits, StringComparison.Ordinal) == true);
            Assert.Equal("903", TypeOf(node, function));
        }

        await bench.GivenBackAsync();
        Assert.Equal("0", TypeOf(node, function));
    }

    private static void Give(IScenarioNode node, string function, string type) =>
        node.Write(($"/sys/bus/pci/devices/{function}/nvidia/current_vgpu_type", type));

    private protected IScenarioNode NodeWithVfs(int count)
    {
        var node = NewNode();
        node.LoadDriver("vgpu-standin");
        MakeVfs(node, count);
        return node;
    }

    /// <summary>As NVIDIA's sriov-manage: the card's virtual functions, on the driver that gives them types.</summary>
    private protected static void MakeVfs(IScenarioNode node, int count)
    {
        var card = $"/sys/bus/pci/devices/{Card}";
        node.Write(($"{card}/sriov_drivers_autoprobe", "0"), ($"{card}/sriov_numvfs", $"{count}"));
        foreach (var function in s_functions.Take(count))
            node.Write(($"/sys/bus/pci/devices/{function}/driver_override", "vgpu-standin"), ("/sys/bus/pci/drivers_probe", function));
        Assert.All(s_functions.Take(count), f => Assert.Equal("0", TypeOf(node, f)));
    }

    private protected static string? TypeOf(IScenarioNode node, string function)
    {
        var file = node.Machine.Paths.Resolve($"/sys/bus/pci/devices/{function}/nvidia/current_vgpu_type");
        return File.Exists(file) ? File.ReadAllText(file).Trim() : null;
    }

    private static string? DriverOf(IScenarioNode node, string function) =>
        Path.GetFileName(new DirectoryInfo(node.Machine.Paths.Resolve($"/sys/bus/pci/devices/{function}/driver")).LinkTarget);

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
public sealed class SimulatedVgpuScenarios : VgpuScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();
}

[Trait(LabFacts.Where, LabFacts.Lab)]
public sealed class RealVgpuScenarios : VgpuScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
