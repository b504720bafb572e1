using System.Collections.Immutable;
using Hostdev.DevicePlugin.Host;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>As <see cref="ScsiScenarios"/>, with hardware that the lab does not have.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class SimulatedScsiScenarios : ScsiScenarios
{
    private const string Adapter = LabMachine.ScsiAdapter;
    private const string OtherAdapter = LabMachine.SecondScsiAdapter;

    private static readonly ScsiUnitDescription s_first = new(0, 0, "SEAGATE", "ST1000", "SER-A") { Wwid = "naa.5000c500aaaaaaaa" };
    private static readonly ScsiUnitDescription s_second = new(1, 0, "SEAGATE", "ST1000", "SER-B") { Wwid = "naa.5000c500bbbbbbbb" };

    private static readonly string s_first1 = Desired.Policies(Desired.ScsiDevice("disk", "wwid: naa.5000c500aaaaaaaa"));

    private protected override IScenarioNode NewNode() => new SimulatedNode();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_disk_that_swapped_its_address_with_another_since_the_last_look_is_found_or_refused(bool isThere)
    {
        var node = With([s_first, s_second], []);
        ImmutableArray<ScsiUnitDescription> swapped = isThere
            ? [s_second with { Target = 0 }, s_first with { Target = 1 }]
            : [s_second with { Target = 0 }];
        var calls = new DuringProof(
            node,
            () =>
            {
                foreach (var address in (string[])["0:0:0:0", "0:0:1:0"])
                    Delete(node, address);
                node.Kernel.CableScsi(Adapter, swapped);
                Scan(node, "0:-:-:-");
            }
        );
        await using var bench = await ScenarioBench.StartAsync(node, s_first1, node.Machine with { Calls = calls });
        await bench.ReadyAsync();
        calls.IsArmed = true;
        if (isThere)
        {
            AssertHas(node, await RunningAsync(bench, "vm"), "SER-A");
            Assert.Equal("0:0:1:0", Address(node, "SER-A"));
        }
        else
        {
            var refused = await AdmitAsync(bench, "vm");
            Assert.Equal(PodPhase.Failed, refused.Phase);
            Assert.Contains(" (naa.5000c500aaaaaaaa) is not there", refused.Message, StringComparison.Ordinal);
        }

        Assert.False(calls.IsArmed);
    }

    /// <summary>The answer would have named the node and the address of the other disk, or a mounted one.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_disk_that_is_found_anew_or_mounted_when_it_was_proven_free_already_is_refused(bool isFoundAnew)
    {
        var node = With([s_first, s_second], []);
        var calls = new DuringOwner(
            node,
            () =>
            {
                if (!isFoundAnew)
                {
                    Assert.True(node.Kernel.Storage.MountDisk("sda", "/mnt").IsSuccess);
                    return;
                }

                foreach (var address in (string[])["0:0:0:0", "0:0:1:0"])
                    Delete(node, address);
                node.Kernel.CableScsi(Adapter, s_second with { Target = 0 }, s_first with { Target = 1 });
                Scan(node, "0:-:-:-");
            }
        );
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Disk.Replace(Serial, "SER-A", StringComparison.Ordinal),
            node.Machine with
            {
                Calls = calls,
            }
        );
        await bench.ReadyAsync();
        calls.IsArmed = true;
        var refused = await AdmitAsync(bench, "vm");
        Assert.Equal(PodPhase.Failed, refused.Phase);
        Assert.Contains(
            isFoundAnew
                ? "was at 0:0:0:0 a moment ago and is at 0:0:1:0 (/dev/sg1, /dev/sdb) now: it was plugged in or found anew while it was "
                    + "given out; create the pod again"
                : ": sda is mounted at /mnt",
            refused.Message,
            StringComparison.Ordinal
        );
        Assert.False(calls.IsArmed);
        bench.Host.Agent.Wake();
        await bench.UntilAsync(() => bench.Host.Journal.State.Nodes.IsEmpty);
    }

    [Fact]
    public async Task What_has_no_name_is_given_by_its_address_as_long_as_it_is_there_and_what_comes_to_its_place_is_another_device()
    {
        var nameless = s_first with { Wwid = null, Serial = null };
        var node = With([nameless], []);
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.ScsiDevice("disk", "address: \"0:0:0:0\"")));
        await bench.ReadyAsync();
        var id = bench.Kubelet.Devices(Resource).Single().Id;
        await bench.StopAgentAsync();
        bench.StartAgent();
        await bench.ReadyAsync();
        Assert.Equal(id, bench.Kubelet.Devices(Resource).Single(d => d.Healthy).Id);

        node.Kernel.LoseUevents(100);
        Delete(node, "0:0:0:0");
        Scan(node, "0:0:0:0");
        bench.Host.Agent.Wake();
        await bench.UntilAsync(() => bench.Kubelet.Devices(Resource) is [{ Healthy: true } other] && other.Id != id);
        Assert.Equal(PodPhase.Running, (await AdmitAsync(bench, "vm")).Phase);
    }

    [Theory]
    [InlineData(1, "st0", "SONY")]
    [InlineData(1, "nst0", "SONY")]
    [InlineData(1, "sg0", "SONY")]
    [InlineData(8, "sch0", "ADIC")]
    [InlineData(5, "sr0", "HL-DT-ST")]
    public async Task A_process_that_has_any_node_of_the_device_open_is_named(int type, string open, string vendor)
    {
        var node = With([new(0, type, vendor, "MODEL", "SER-T") { HasCdDriver = true }], []);
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.ScsiDevice("disk", "serial: SER-T")));
        await bench.ReadyAsync();
        using var user = node.OpenNode("/dev/" + open);
        var refused = await AdmitAsync(bench, "vm");
        Assert.Equal(PodPhase.Failed, refused.Phase);
        Assert.Contains(user.Words, refused.Message, StringComparison.Ordinal);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Resource) == 0);

        user.Dispose();
        bench.Host.Agent.Wake();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Resource) == 1);
        var pod = await RunningAsync(bench, "vm-2");
        Assert.Equal(type == 5 ? ["/dev/sg0", "/dev/sr0"] : ["/dev/sg0"], pod.DeviceNodes);
    }

    /// <summary>A tape's st0 is 9:0, and so is md0, which is a block device.</summary>
    [Fact]
    public async Task A_block_device_that_has_a_node_s_number_is_not_taken_for_it()
    {
        var node = With([s_first], []);
        await using var bench = await ScenarioBench.StartAsync(node, s_first1);
        await bench.ReadyAsync();
        var pod = await RunningAsync(bench, "vm");
        Assert.Equal(["/dev/sg0=21:0", "/dev/sda=b 8:0"], bench.Host.Allocator.Ledger.ById.Values.Single().Nodes.Select(n => n.ToString()));
        var process = node.Kernel.Processes.Start("tail");
        process.OpenPlain("/dev/sda");
        bench.Kubelet.DeletePod("vms", "vm");
        var id = pod.Devices[Resource].Single();
        await bench.UntilAsync(() =>
            bench.WaitsFor(id)?.Contains($"process {process.Pid} (tail) still holds /dev/sda open", StringComparison.Ordinal) == true
        );
        process.Exit();
        await bench.UntilAsync(() => bench.WaitsFor(id) is null);
    }

    [Fact]
    public async Task A_second_path_that_came_since_the_last_look_is_met_by_the_answer()
    {
        var node = With([s_first], []);
        var calls = new DuringProof(
            node,
            () =>
            {
                node.Kernel.CableScsi(OtherAdapter, s_first);
                Scan(node, "1:0:0:0");
            }
        );
        await using var bench = await ScenarioBench.StartAsync(node, s_first1, node.Machine with { Calls = calls });
        await bench.ReadyAsync();
        calls.IsArmed = true;
        var refused = await AdmitAsync(bench, "vm");
        Assert.Equal(PodPhase.Failed, refused.Phase);
        Assert.Contains("0:0:0:0 and 1:0:0:0 call themselves naa.5000c500aaaaaaaa", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task After_a_boot_a_pod_s_disk_with_another_address_is_not_started_with_and_one_with_the_same_is()
    {
        var node = With([s_first, s_second], []);
        await using var bench = await ScenarioBench.StartAsync(node, s_first1);
        await bench.ReadyAsync();
        await RunningAsync(bench, "vm");
        await bench.StopAgentAsync();
        node.Reboot(bench.StateDirectory);
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Status["allocations"]?.AsArray().Count == 1 && bench.Kubelet.Allocatable(Resource) == 1);
        Assert.Equal(("", PodPhase.Running), await RestartAsync(bench));
        Assert.Single(bench.Host.Journal.State.Ownership.Loans);

        // Cabled elsewhere: the nodes are called as before, the address is another.
        await bench.StopAgentAsync();
        node.Kernel.CableScsi(Adapter, s_first with { Target = 3 }, s_second);
        node.Reboot(bench.StateDirectory);
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Status["allocations"]?.AsArray().Count == 1 && bench.Kubelet.Allocatable(Resource) == 1);
        var (message, phase) = await RestartAsync(bench);
        Assert.Equal(PodPhase.Waiting, phase);
        Assert.Contains(
            "which this container is told to be at 0:0:0:0, is at 0:0:3:0 now: delete the pod",
            message,
            StringComparison.Ordinal
        );
    }

    private static async Task<(string Message, PodPhase Phase)> RestartAsync(ScenarioBench bench)
    {
        var pod = await bench.Kubelet.RestartContainerAsync("vms", "vm");
        return (pod.Message, pod.Phase);
    }

    /// <summary>The lab's machine with these units on its adapters.</summary>
    private static SimulatedNode With(ImmutableArray<ScsiUnitDescription> units, ImmutableArray<ScsiUnitDescription> others) =>
        new(LabMachine.Description.With(Adapter, f => Having(f, units)).With(OtherAdapter, f => Having(f, others)));

    private static FunctionDescription Having(FunctionDescription adapter, ImmutableArray<ScsiUnitDescription> units) =>
        adapter with
        {
            Children = [new ChildDescription.ScsiHost(BehindVirtio: true, units)],
        };

    /// <summary>Somebody does something to the hardware in the moment of the proof that nobody uses a disk.</summary>
    private sealed class DuringProof(SimulatedNode node, Action deed) : Meddling(node, deed)
    {
        public override OpenResult Open(string path, OpenIntent intent)
        {
            var result = base.Open(path, intent);
            if (intent == OpenIntent.WholeDisk)
                Meddle();
            return result;
        }
    }

    /// <summary>As <see cref="DuringProof"/>, when the last of its nodes is seen to have its owner.</summary>
    private sealed class DuringOwner(SimulatedNode node, Action deed) : Meddling(node, deed)
    {
        public override NodeOwnerResult ReadOwner(string path)
        {
            var result = base.ReadOwner(path);
            if (path == "/dev/sda" && result.Owner.Uid == 107)
                Meddle();
            return result;
        }
    }

    private abstract class Meddling(SimulatedNode node, Action deed) : DecoratedCalls(node.Machine.Calls)
    {
        private bool _isArmed;

        public bool IsArmed
        {
            get => Volatile.Read(ref _isArmed);
            set => Volatile.Write(ref _isArmed, value);
        }

        protected void Meddle()
        {
            if (!IsArmed)
                return;
            IsArmed = false;
            deed();
        }
    }
}
