using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// Devices that are had together: a card with its audio function and a virtual function of the NIC on its NUMA node, each in an IOMMU group
/// of its own.
/// </summary>
public abstract class DeviceGroupScenarios
{
    private const string Pf = "/sys/bus/pci/devices/0000:41:00.0";
    private const string Gpu = "0000:43:00.0";
    private const string Audio = "0000:43:00.1";
    private const string FirstVf = "0000:41:10.0";
    private const string SecondVf = "0000:41:10.2";
    private const string Resource = "example.com/set";

    private protected abstract IScenarioNode NewNode();

    [Fact]
    public async Task A_GPU_and_a_virtual_function_of_its_NUMA_node_are_one_device_and_go_back_together()
    {
        var node = NewNode();
        node.Write(($"{Pf}/sriov_numvfs", "2"));
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(node, Set(FirstVf, SecondVf));
        await bench.ReadyAsync();

        Assert.Equal([Gpu], bench.Kubelet.Devices(Resource).Select(d => d.Id));
        Assert.Equal(("vfio-pci", "vfio-pci", "vfio-pci", "igbvf"), Drivers(bench));
        Assert.Equal([(SecondVf, Reasons.LeftOver)], bench.Problems("set"));

        var pod = await AdmitAsync(bench, "vm");
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        OfferPromises.Check(bench, pod, Resource, [Gpu]);
        foreach (var function in new[] { Gpu, FirstVf })
            Assert.Contains($"/dev/vfio/{GroupOf(bench, function)}", pod.DeviceNodes);
        Assert.Equal((null, null), (node.TakeAllTheWay(Gpu), node.TakeAllTheWay(FirstVf)));

        // What a pod has stays over a restart of the agent, whatever would be chosen anew.
        await bench.StopAgentAsync();
        bench.StartAgent();
        await bench.ReadyAsync();
        Assert.Equal(0, bench.Host.Writer.Writes);
        Assert.Equal([Gpu], bench.Kubelet.Devices(Resource).Where(d => d.Healthy).Select(d => d.Id));

        bench.Desire(Desired.Nothing);
        await bench.UntilAsync(() => bench.Status.ToJsonString().Contains("ReleaseWaits", StringComparison.Ordinal));
        Assert.Equal(("vfio-pci", "vfio-pci", "vfio-pci", "igbvf"), Drivers(bench));
        bench.Kubelet.DeletePod("vms", "vm");
        await bench.GivenBackAsync();
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
    }

    [Fact]
    public async Task Another_choice_holds_when_the_pod_is_gone_and_what_it_has_is_given_to_nobody_until_then()
    {
        var node = NewNode();
        node.Write(($"{Pf}/sriov_numvfs", "2"));
        await using var bench = await ScenarioBench.StartAsync(node, Set(FirstVf));
        await bench.ReadyAsync();
        var pod = await AdmitAsync(bench, "vm");
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));

        bench.Desire(Set(SecondVf));
        await bench.UntilAsync(() => bench.Problems("set").Contains((Gpu, Reasons.StillHeld)));
        Assert.Equal(("vfio-pci", "vfio-pci", "vfio-pci", "igbvf"), Drivers(bench));
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Resource) == 0); // the status may be quicker than the kubelet's next list

        bench.Kubelet.DeletePod("vms", "vm");
        await bench.UntilAsync(() => Drivers(bench) == ("vfio-pci", "vfio-pci", "igbvf", "vfio-pci"));
        await bench.ReadyAsync();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Resource) == 1);
        var next = await AdmitAsync(bench, "vm-2");
        Assert.Equal((PodPhase.Running, ""), (next.Phase, next.Message));
        Assert.Contains($"/dev/vfio/{GroupOf(bench, SecondVf)}", next.DeviceNodes);
    }

    [Fact]
    public async Task One_that_is_not_ready_keeps_the_whole_from_being_given()
    {
        var node = NewNode();
        node.Write(($"{Pf}/sriov_numvfs", "1"));
        await using var bench = await ScenarioBench.StartAsync(node, Set(FirstVf));
        await bench.ReadyAsync();
        Assert.Equal(1, bench.Kubelet.Allocatable(Resource));

        node.Write(($"{Pf}/sriov_numvfs", "0"));
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Resource) == 0 && bench.Driver(Gpu) != "vfio-pci");
        await bench.UntilAsync(() => bench.Problems("set").SequenceEqual([(Gpu, Reasons.LeftOver)]));
        Assert.Equal(
            "HostDevice/set matches no device of this node in groups of 1 gpu and 1 nic within one NUMA node: there is 1 gpu",
            (string?)bench.Policy("set")!["message"]
        );

        node.Write(($"{Pf}/sriov_numvfs", "1"));
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Resource) == 1);
        await bench.ReadyAsync();
    }

    [Fact]
    public async Task Nothing_is_put_together_over_a_border_that_the_policy_draws()
    {
        var node = NewNode();
        node.Write(($"{Pf}/sriov_numvfs", "1"));
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Set(FirstVf).Replace("group: {", "group: {within: RootPort, ", StringComparison.Ordinal)
        );
        await bench.UntilAsync(() => bench.Problems("set").Count == 2);
        Assert.Equal([(FirstVf, Reasons.LeftOver), (Gpu, Reasons.LeftOver)], bench.Problems("set"));
        Assert.Equal((0L, "igbvf"), (bench.Host.Writer.Writes, bench.Driver(FirstVf)));
    }

    /// <summary>Half a group is no use, and the host would have lost it.</summary>
    [Fact]
    public async Task What_only_the_kernel_knows_to_be_used_keeps_the_whole_with_the_host()
    {
        const string Disk = "0000:44:00.0";
        var node = NewNode();
        using var user = node.UseDisk(Disk, DiskUse.Nameless);
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Set(FirstVf).Replace($"\"{FirstVf}\"", $"\"{Disk}\"", StringComparison.Ordinal)
        );
        var before = bench.Driver(Gpu);

        await bench.UntilAsync(() => bench.Problems("set").Any(p => p.Device == Disk && p.Reason != Reasons.LeftOver));
        Assert.Equal((before, "nvme", 0L), (bench.Driver(Gpu), bench.Driver(Disk), bench.Host.Writer.Writes));

        user.Dispose();
        await bench.ReadyAsync();
        Assert.Equal(("vfio-pci", "vfio-pci"), (bench.Driver(Gpu), bench.Driver(Disk)));
    }

    [Fact]
    public async Task A_vm_of_KubeVirt_gets_the_first_device_by_the_group_s_name_and_the_other_by_its_companion()
    {
        const string Companion = "example.com/set-nic";
        var node = NewNode();
        node.Write(($"{Pf}/sriov_numvfs", "1"));
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Set(FirstVf).Replace("{name: nic,", $"{{name: nic, companion: {Companion},", StringComparison.Ordinal)
        );
        await bench.ReadyAsync();
        await bench.UntilAsync(() => (bench.Kubelet.Allocatable(Resource), bench.Kubelet.Allocatable(Companion)) == (1, 1));

        var pod = await bench.Kubelet.AdmitPodAsync("vms", "vm", new DeviceRequest(Companion, 1), new DeviceRequest(Resource, 1));
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        Assert.Equal([Gpu, FirstVf], VirtLauncher.Addresses(pod, Resource, Companion));

        bench.Kubelet.DeletePod("vms", "vm");
        await bench.UntilAsync(() => (bench.Kubelet.Allocatable(Resource), bench.Kubelet.Allocatable(Companion)) == (1, 1));
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
    }

    [Fact]
    public async Task With_binding_OnAllocate_all_of_it_is_taken_for_an_answer_and_returns()
    {
        const string First = "0000:86:00.0";
        const string Second = "0000:81:00.0";
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            """
            policies:
            - kind: HostDevice
              name: set
              spec:
                resourceName: example.com/set
                nodeSelector: {}
                binding: OnAllocate
                devices:
                  group:
                    members:
                    - {name: card, pci: {selectors: [{addresses: ["0000:86:00.0"]}]}}
                    - {name: nic, pci: {selectors: [{addresses: ["0000:81:00.0"]}]}}

            """
        );
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Resource) == 1);
        Assert.Equal(("e1000e", "igb"), (bench.Driver(First), bench.Driver(Second)));

        var pod = await AdmitAsync(bench, "vm");
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        Assert.Equal(("vfio-pci", "vfio-pci"), (bench.Driver(First), bench.Driver(Second)));
        Assert.Equal((null, null), (node.TakeAllTheWay(First), node.TakeAllTheWay(Second)));

        bench.Kubelet.DeletePod("vms", "vm");
        await bench.UntilAsync(() => (bench.Driver(First), bench.Driver(Second)) == ("e1000e", "igb"));
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Resource) == 1);
    }

    private static Task<SimulatedPod> AdmitAsync(ScenarioBench bench, string pod) =>
        bench.Kubelet.AdmitPodAsync("vms", pod, new Dictionary<string, int>(StringComparer.Ordinal) { [Resource] = 1 });

    private static string Set(params string[] vfs) =>
        $$$"""
            policies:
            - kind: HostDevice
              name: set
              spec:
                resourceName: example.com/set
                nodeSelector: {}
                devices:
                  group: {members: [
                    {name: gpu, pci: {selectors: [{addresses: ["{{{Gpu}}}"]}], groupPolicy: AssignSiblings}},
                    {name: nic, pci: {selectors: [{addresses: [{{{string.Join(
                ", ",
                vfs.Select(v => $"\"{v}\"")
            )}}}]}], virtualFunctions: true}}]}

            """;

    private static (string?, string?, string?, string?) Drivers(ScenarioBench bench) =>
        (bench.Driver(Gpu), bench.Driver(Audio), bench.Driver(FirstVf), bench.Driver(SecondVf));

    private static string GroupOf(ScenarioBench bench, string function) =>
        Path.GetFileName(new FileInfo(bench.Node.Machine.Paths.Resolve($"/sys/bus/pci/devices/{function}/iommu_group")).LinkTarget!);
}

[Trait(Pace.Name, Pace.Slow)]
public sealed class SimulatedDeviceGroupScenarios : DeviceGroupScenarios
{
    private const string FarNic = "0000:61:00.0";
    private const string Card = "0000:65:00.0";
    private const string NearNic = "0000:66:00.0";

    private protected override IScenarioNode NewNode() => new SimulatedNode();

    /// <summary>Of a switch without ACS (QEMU's xio3130 is one) everything below is one IOMMU group.</summary>
    [Theory]
    [InlineData(true, 2)]
    [InlineData(false, 1)]
    public async Task A_card_goes_with_the_NIC_below_its_own_switch(bool acs, int groups)
    {
        await using var bench = await ScenarioBench.StartAsync(
            new SimulatedNode(WithSwitch(acs)),
            $$$"""
            policies:
            - kind: HostDevice
              name: set
              spec:
                resourceName: example.com/set
                nodeSelector: {}
                devices:
                  group: {within: Switch, members: [
                    {name: gpu, pci: {selectors: [{addresses: ["{{{Card}}}"]}], groupPolicy: AssignSiblings}},
                    {name: nic, pci: {selectors: [{addresses: ["{{{FarNic}}}", "{{{NearNic}}}"]}]}}]}

            """
        );
        await bench.ReadyAsync();

        Assert.Equal([Card], bench.Kubelet.Devices("example.com/set").Select(d => d.Id));
        Assert.Equal(("vfio-pci", "vfio-pci", "e1000e"), (bench.Driver(Card), bench.Driver(NearNic), bench.Driver(FarNic)));
        var pod = await bench.Kubelet.AdmitPodAsync("vms", "vm", new DeviceRequest("example.com/set", 1));
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        Assert.Equal(groups, pod.DeviceNodes.Count(n => int.TryParse(Path.GetFileName(n), out _)));
        Assert.Equal((null, null), (bench.Node.TakeAllTheWay(Card), bench.Node.TakeAllTheWay(NearNic)));
    }

    /// <summary>The lab with a NIC on a root port, and a card and a NIC below a switch on the next one.</summary>
    private static MachineDescription WithSwitch(bool acs) =>
        LabMachine.Description with
        {
            RootBuses = LabMachine.Description.RootBuses.Add(
                new RootBusDescription(
                    "0000:60",
                    [
                        Hardware.RootPort(
                            "0000:60:00.0",
                            0xf7000000,
                            [Hardware.E1000e(FarNic, 0xf6000000, 0xf6080000, 0x6000, "52:54:00:00:00:60")]
                        ),
                        Hardware.RootPort(
                            "0000:60:01.0",
                            0xf7001000,
                            [
                                Hardware.RootPort(
                                    "0000:62:00.0",
                                    0xf7002000,
                                    [
                                        Hardware.RootPort(
                                            "0000:63:00.0",
                                            0xf7003000,
                                            Hardware.Gpu("0000:65:00", 0xf5000000, 0xf6204000, 0xf6200000),
                                            acs: acs
                                        ),
                                        Hardware.RootPort(
                                            "0000:63:01.0",
                                            0xf7004000,
                                            [Hardware.E1000e(NearNic, 0xf6100000, 0xf6180000, 0x6020, "52:54:00:00:00:61")],
                                            acs: acs
                                        ),
                                    ],
                                    acs: acs
                                ),
                            ]
                        ),
                    ]
                )
            ),
        };
}

[Trait(LabFacts.Where, LabFacts.Lab)]
public sealed class RealDeviceGroupScenarios : DeviceGroupScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
