using System.Globalization;
using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// SCSI devices are lent as the host has them: known by what they call themselves, given by where they are at that moment. On the
/// simulation and on the real kernel.
/// </summary>
public abstract class ScsiScenarios
{
    private protected const string Serial = "LABSCSI0";
    private protected const string Resource = "example.com/disk";

    private protected static readonly string Disk = Desired.Policies(
        Desired.ScsiDevice("disk", $"serial: {Serial}", "deviceFile: {uid: 107, gid: 107, mode: \"0660\"}")
    );

    private protected abstract IScenarioNode NewNode();

    [Fact]
    public async Task A_disk_is_offered_as_the_host_has_it_and_a_pod_gets_its_nodes_and_its_address()
    {
        var node = NewNode();
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(node, Disk);
        await bench.ReadyAsync();
        Assert.Equal(1, bench.Kubelet.Allocatable(Resource));
        var id = bench.Kubelet.Devices(Resource).Single().Id;
        Assert.StartsWith("scsi-", id, StringComparison.Ordinal);

        var pod = await RunningAsync(bench, "vm");
        AssertHas(node, pod, Serial);
        Assert.All(pod.DeviceNodes, n => Assert.Equal((107, 107, 0x1b0), OwnerOf(node, n)));
        Assert.Equal(0, bench.Host.Writer.Writes);
        Assert.Single(bench.Host.Journal.State.Ownership.Loans);

        // What a pod has stays over a restart of the agent.
        await bench.StopAgentAsync();
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Condition("Ready") == "True" && bench.Kubelet.Allocatable(Resource) == 1);
        Assert.All(pod.DeviceNodes, n => Assert.Equal((107, 107, 0x1b0), OwnerOf(node, n)));

        bench.Kubelet.DeletePod("vms", "vm");
        await bench.UntilAsync(() => bench.Host.Journal.State.Ownership.Loans.IsEmpty && bench.Host.Journal.State.Nodes.IsEmpty);
        Assert.All(pod.DeviceNodes, n => Assert.Equal((0, 0), (OwnerOf(node, n).Uid, OwnerOf(node, n).Gid)));
        Assert.Equal(PodPhase.Running, (await AdmitAsync(bench, "vm-2")).Phase);
        bench.Kubelet.DeletePod("vms", "vm-2");
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
    }

    [Fact]
    public async Task A_mounted_disk_is_offered_to_nobody_until_it_is_unmounted_and_the_mount_point_is_named()
    {
        var node = NewNode();
        var user = node.UseDisk(Address(node), DiskUse.Mount);
        await using var bench = await ScenarioBench.StartAsync(node, Disk);
        await bench.UntilAsync(() => bench.Problem("disk").Reason == Reasons.Protected);
        Assert.Matches(
            $"^scsi-[0-9a-f]{{16}} \\({Address(node)}, QEMU QEMU HARDDISK\\) is in use: {user.Words}: the host needs it; free it, or "
                + "list Storage in allowProtected together with its serial or wwid$",
            bench.Problem("disk").Message
        );
        await bench.UntilAsync(() => bench.Kubelet.Capacity(Resource) == 1);
        Assert.Equal(0, bench.Kubelet.Allocatable(Resource));

        user.Dispose();
        bench.Host.Agent.Wake();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Resource) == 1);
    }

    [Fact]
    public async Task A_disk_that_got_mounted_since_it_was_offered_is_refused_with_its_mount_point()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Disk);
        await bench.ReadyAsync();
        var user = node.UseDisk(Address(node), DiskUse.Mount);
        var refused = await AdmitAsync(bench, "vm");
        Assert.Equal((PodPhase.Failed, "UnexpectedAdmissionError"), (refused.Phase, refused.Reason));
        Assert.Contains($"cannot be given out: in use: ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(user.Words, refused.Message, StringComparison.Ordinal);
        await Task.Delay(TimeSpan.FromSeconds(2.5), TestContext.Current.CancellationToken); // re-checks that find the same
        Assert.Equal(0, bench.Kubelet.Allocatable(Resource));

        user.Dispose();
        bench.Host.Agent.Wake();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Resource) == 1);
        Assert.Equal(PodPhase.Running, (await AdmitAsync(bench, "vm-2")).Phase);
    }

    [Theory]
    [InlineData("sg")]
    [InlineData("bsg")]
    [InlineData("sd")]
    public async Task A_process_that_has_a_node_of_the_disk_open_is_waited_for_and_named(string kind)
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Disk);
        await bench.ReadyAsync();
        var address = Address(node);
        var user = node.OpenNode(
            kind switch
            {
                "sg" => ScenarioNodes.GenericNodeOf(node.Machine.Paths, address),
                "bsg" => "/dev/bsg/" + address,
                _ => "/dev/" + ScenarioNodes.DiskOf(node.Machine.Paths, address),
            }
        );
        var refused = await AdmitAsync(bench, "vm");
        Assert.Equal((PodPhase.Failed, "UnexpectedAdmissionError"), (refused.Phase, refused.Reason));
        Assert.Contains(user.Words, refused.Message, StringComparison.Ordinal);
        bench.Host.Agent.Wake();
        var words = $"is in use: {user.Words}: it can be given to a pod as soon as nobody uses it";
        await bench.UntilAsync(() => bench.Problem("disk").Message.EndsWith(words, StringComparison.Ordinal));
        Assert.Equal(Reasons.InUse, bench.Problem("disk").Reason);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Resource) == 0);

        user.Dispose();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Resource) == 1);
        Assert.Equal(PodPhase.Running, (await AdmitAsync(bench, "vm-2")).Phase);
    }

    [Theory]
    [InlineData(DiskUse.MountedPartition)]
    [InlineData(DiskUse.DeviceMapper)]
    [InlineData(DiskUse.Md)]
    [InlineData(DiskUse.SwapOnPartition)]
    [InlineData(DiskUse.MountInOtherNamespace)]
    [InlineData(DiskUse.Loop)]
    public async Task What_the_host_keeps_on_a_disk_protects_it_unless_the_policy_passes_over_it_by_the_serial_number(DiskUse use)
    {
        var node = NewNode();
        var user = node.UseDisk(Address(node), use);
        await using var bench = await ScenarioBench.StartAsync(node, Disk);
        await bench.UntilAsync(() => bench.Problem("disk").Reason == Reasons.Protected);
        Assert.Contains($" is in use: {user.Words}", bench.Problem("disk").Message, StringComparison.Ordinal);
        await bench.UntilAsync(() => bench.Kubelet.Capacity(Resource) == 1);
        Assert.Equal(0, bench.Kubelet.Allocatable(Resource));

        bench.Desire(Desired.Policies(Desired.ScsiDevice("disk", $"serial: {Serial}", "allowProtected: [Storage]")));
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Resource) == 1);
        AssertHas(node, await RunningAsync(bench, "vm"), Serial);
        bench.Kubelet.DeletePod("vms", "vm");
        await bench.UntilAsync(() => bench.Host.Journal.State.Ownership.Loans.IsEmpty);
    }

    /// <summary>It has no block node here and no name: what it is used for only the target says.</summary>
    [Fact]
    public async Task A_CD_that_the_SCSI_target_passes_on_is_refused_with_the_target_s_name_until_it_is_withdrawn()
    {
        var node = NewNode();
        var address = Address(node)[..^3] + "1:0";
        var user = node.UseDisk(address, DiskUse.ScsiTarget);
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.ScsiDevice("disk", $"address: \"{address}\""))
        );
        await bench.UntilAsync(() => bench.Problem("disk").Reason == Reasons.Protected);
        Assert.EndsWith(
            $"({address}, QEMU QEMU CD-ROM) is in use: {user.Words}: the host needs it; free it; it has neither a wwid nor a serial "
                + "number by which allowProtected could name it",
            bench.Problem("disk").Message,
            StringComparison.Ordinal
        );
        user.Dispose();
        bench.Host.Agent.Wake();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Resource) == 1);
        var pod = await RunningAsync(bench, "vm");
        Assert.Equal(address, pod.Envs["SCSI_RESOURCE_EXAMPLE_COM_DISK"]);
        Assert.Equal([ScenarioNodes.GenericNodeOf(node.Machine.Paths, address)], pod.DeviceNodes);
    }

    /// <summary>Both get the other's node: sgN is the lowest number that is free.</summary>
    [Fact]
    public async Task Devices_that_are_found_again_in_another_order_keep_their_IDs_and_a_pod_gets_the_nodes_of_now()
    {
        var node = NewNode();
        var (disk, cd) = (Address(node), Address(node)[..^3] + "1:0");
        await using var bench = await ScenarioBench.StartAsync(node, Disk);
        await bench.ReadyAsync();
        var id = bench.Kubelet.Devices(Resource).Single().Id;
        string NodeOf(string address) => ScenarioNodes.GenericNodeOf(node.Machine.Paths, address);
        var (disksNode, cdsNode) = (NodeOf(disk), NodeOf(cd));
        Delete(node, disk);
        Delete(node, cd);
        // Whose number was the higher one is found first, and gets the lower.
        foreach (var found in ((string[])[disk, cd]).OrderByDescending(a => a == disk ? Number(disksNode) : Number(cdsNode)))
            Scan(node, found);
        Assert.Equal((cdsNode, disksNode), (NodeOf(disk), NodeOf(cd)));

        await SettledAsync(bench);
        AssertHas(node, await RunningAsync(bench, "vm"), Serial);
        Assert.Equal(id, bench.Kubelet.Devices(Resource).Single().Id);

        static int Number(string generic) => int.Parse(generic["/dev/sg".Length..], CultureInfo.InvariantCulture);
    }

    /// <summary>The number of its node was another's meanwhile.</summary>
    [Fact]
    public async Task A_container_is_not_started_with_a_node_that_is_another_device_s_by_now()
    {
        var node = NewNode();
        var (disk, cd) = (Address(node), Address(node)[..^3] + "1:0");
        await using var bench = await ScenarioBench.StartAsync(node, Disk);
        await bench.ReadyAsync();
        var pod = await RunningAsync(bench, "vm");
        // A number is free only when whoever looks at its device this moment has let go, and which of the two had the lower one is what
        // came before: in one of both orders the disk gets another.
        string[] order = [cd, disk];
        await bench.UntilAsync(() =>
        {
            foreach (var gone in (string[])[disk, cd])
                Delete(node, gone);
            foreach (var found in order)
                Scan(node, found);
            Array.Reverse(order);
            return ScenarioNodes.GenericNodeOf(node.Machine.Paths, Address(node)) != pod.DeviceNodes[0];
        });
        var restarted = await bench.Kubelet.RestartContainerAsync("vms", "vm");
        Assert.Equal(PodPhase.Waiting, restarted.Phase);
        // It is the other device's by now, or nobody's, where there were lower numbers.
        Assert.Matches(
            $"{pod.DeviceNodes[0]}, which was given to this container for {pod.Devices[Resource].Single()}, (belongs to another device now|"
                + "is not the same device any more): delete the pod, so that it is allocated anew",
            restarted.Message
        );
        bench.Kubelet.DeletePod("vms", "vm");
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Resource) == 1 && bench.Host.Journal.State.Ownership.Loans.IsEmpty);
        AssertHas(node, await RunningAsync(bench, "vm-2"), Serial);
    }

    /// <summary>Each disk is at the address of the other then.</summary>
    [Fact]
    public async Task Host_numbers_that_swapped_because_adapters_were_bound_in_the_other_order_give_no_pod_another_disk()
    {
        string[] adapters = [LabMachine.ScsiAdapter, LabMachine.SecondScsiAdapter];
        var node = NewNode();
        node.PlugPath(1, 0);
        await using var bench = await ScenarioBench.StartAsync(node, Disk);
        await bench.ReadyAsync();
        var id = bench.Kubelet.Devices(Resource).Single().Id;
        var (first, second) = (Address(node), Address(node, ScenarioNodes.PathsSerial));
        await RebindAsync(bench, string.CompareOrdinal(first, second) < 0 ? [.. adapters.Reverse()] : adapters);
        try
        {
            Assert.Equal((second, first), (Address(node), Address(node, ScenarioNodes.PathsSerial)));
            await SettledAsync(bench);
            Assert.Equal(id, bench.Kubelet.Devices(Resource).Single().Id);
            AssertHas(node, await RunningAsync(bench, "vm"), Serial);
        }
        finally
        {
            bench.Kubelet.DeletePod("vms", "vm");
            await RebindAsync(bench, adapters);
        }
    }

    [Fact]
    public async Task Two_paths_to_one_disk_are_offered_to_nobody_until_one_is_left()
    {
        var node = NewNode();
        node.PlugPath(0, 5);
        node.PlugPath(1, 0);
        var paths = ScenarioNodes.ScsiAddressesOf(node.Machine.Paths, ScenarioNodes.PathsSerial);
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.ScsiDevice("disk", $"wwid: {ScenarioNodes.PathsWwid}"))
        );
        await bench.UntilAsync(() => bench.Problems("disk").Count == 2);
        Assert.All(bench.Problems("disk"), p => Assert.Equal(Reasons.SeveralPaths, p.Reason));
        Assert.Contains(
            $"{paths[0]} and {paths[1]} call themselves {ScenarioNodes.PathsWwid}, so they are paths to one disk, and none is offered "
                + "alone: take the other paths from this host (1 to their delete file below /sys/bus/scsi/devices), or give VMs what "
                + "stands on the multipath map; if they are disks to which their maker gave one name, only one of them can be on this host",
            bench.Policy("disk")!["problems"]!.AsArray().Select(p => (string)p!["message"]!)
        );
        Assert.True(bench.Kubelet.Capacity(Resource) is null or 0);

        Delete(node, paths[0]);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Resource) == 1);
        AssertHas(node, await RunningAsync(bench, "vm"), ScenarioNodes.PathsSerial);
        bench.Kubelet.DeletePod("vms", "vm");
        await bench.UntilAsync(() => bench.Host.Journal.State.Ownership.Loans.IsEmpty);

        // One path with a map over it is the map's.
        using var map = node.UseDisk(paths[1], DiskUse.DeviceMapper);
        bench.Host.Agent.Wake();
        await bench.UntilAsync(() => bench.Problem("disk").Reason == Reasons.Protected);
        Assert.Contains(map.Words, bench.Problem("disk").Message, StringComparison.Ordinal);
    }

    /// <summary>The host finds the disks a while after the adapters.</summary>
    private static async Task RebindAsync(ScenarioBench bench, string[] inOrder)
    {
        foreach (var verb in (string[])["unbind", "bind"])
        {
            foreach (var adapter in inOrder)
                bench.Node.Write(($"/sys/bus/pci/drivers/virtio-pci/{verb}", adapter));
        }

        foreach (var serial in (string[])[Serial, ScenarioNodes.PathsSerial])
            await bench.UntilAsync(() => ScenarioNodes.ScsiAddressesOf(bench.Node.Machine.Paths, serial).Count == 1);
    }

    /// <summary>All that was done to the hardware is seen, and the kubelet has it.</summary>
    private static async Task SettledAsync(ScenarioBench bench)
    {
        await bench.QuietAsync();
        bench.Host.Agent.Wake();
        await bench.QuietAsync();
        await bench.UntilAsync(() => bench.Condition("Ready") == "True" && bench.Kubelet.Allocatable(Resource) == 1);
    }

    private protected static void Delete(IScenarioNode node, string address) =>
        node.Write(($"{ScenarioNodes.ScsiDevices}{address}/delete", "1"));

    private protected static void Scan(IScenarioNode node, string address)
    {
        var place = address.Split(':');
        node.Write(($"/sys/class/scsi_host/host{place[0]}/scan", $"{place[1]} {place[2]} {place[3]}"));
    }

    private protected static async Task<SimulatedPod> RunningAsync(ScenarioBench bench, string name)
    {
        var pod = await AdmitAsync(bench, name);
        Assert.Equal("", pod.Message);
        Assert.Equal(PodPhase.Running, pod.Phase);
        return pod;
    }

    private protected static string Address(IScenarioNode node, string serial = Serial) =>
        ScenarioNodes.ScsiAddressOf(node.Machine.Paths, serial);

    /// <summary>Address and nodes that the pod was given are those of the disk with this serial number now, and nothing else.</summary>
    private protected static void AssertHas(IScenarioNode node, SimulatedPod pod, string serial, string resource = "DISK")
    {
        var address = Address(node, serial);
        Assert.Equal(address, pod.Envs[$"SCSI_RESOURCE_EXAMPLE_COM_{resource}"]);
        Assert.Equal(
            [ScenarioNodes.GenericNodeOf(node.Machine.Paths, address), "/dev/" + ScenarioNodes.DiskOf(node.Machine.Paths, address)],
            pod.DeviceNodes
        );
    }

    private protected static (int Uid, int Gid, int Mode) OwnerOf(IScenarioNode node, string path) =>
        node.Machine.Calls.ReadOwner(path).Owner is var owner ? (owner.Uid, owner.Gid, owner.Mode) : default;

    private protected static Task<SimulatedPod> AdmitAsync(ScenarioBench bench, string name, string resource = Resource, int count = 1) =>
        bench.Kubelet.AdmitPodAsync("vms", name, new Dictionary<string, int>(StringComparer.Ordinal) { [resource] = count });
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // nothing of vfio's is in it: one flavour is enough
public sealed class RealScsiScenarios : ScsiScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
