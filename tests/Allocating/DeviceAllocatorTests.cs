using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Allocating;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Scenarios;
using Xunit;

namespace Hostdev.Tests.Allocating;

/// <summary>The one lock between the kubelet, which wants a device, and applying, which wants to change it.</summary>
public sealed class DeviceAllocatorTests
{
    private static readonly string Policy = Desired.Policies(Desired.HostDevice("edu", "0000:46:00.0", "deviceFile: {uid: 107, gid: 107}"));
    private static readonly ImmutableArray<DeviceId> Edu = [PciAddress.Parse("0000:46:00.0")];

    [Fact]
    public async Task A_device_that_is_just_being_given_out_is_not_closed_even_when_its_policy_went_that_moment()
    {
        var node = new SimulatedNode();
        DeviceAllocator? allocator = null;
        HoldingsGate? gate = null;
        ImmutableArray<string> users = [];
        var calls = new CallsWithAMoment(
            node.Machine.Calls,
            () =>
            {
                allocator!.Catalog = Catalog.Empty; // the policy is gone
                users = gate!.TryClose(Edu, [], long.MaxValue);
            }
        );
        await using var bench = await ScenarioBench.StartAsync(node, Policy, node.Machine with { Calls = calls });
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/edu") == 1);
        (allocator, gate) = (bench.Host.Allocator, new HoldingsGate(bench.Host.Holdings));
        var pod = await bench.Kubelet.AdmitPodAsync(
            "vms",
            "vm",
            new Dictionary<string, int>(StringComparer.Ordinal) { ["example.com/edu"] = 1 }
        );
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        Assert.Contains("0000:46:00.0 is being given to a pod this moment", users);
    }

    [Fact]
    public async Task The_owner_of_a_node_is_not_taken_back_while_the_answer_that_needs_it_is_being_made()
    {
        var node = new SimulatedNode();
        DeviceAllocator? allocator = null;
        var calls = new CallsWithAMoment(node.Machine.Calls, () => allocator!.RestoreNodes());
        await using var bench = await ScenarioBench.StartAsync(node, Policy, node.Machine with { Calls = calls });
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/edu") == 1);
        allocator = bench.Host.Allocator;
        var pod = await bench.Kubelet.AdmitPodAsync(
            "vms",
            "vm",
            new Dictionary<string, int>(StringComparer.Ordinal) { ["example.com/edu"] = 1 }
        );
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        Assert.Equal("107:107 0660", node.Kernel.Calls.ReadOwner($"/dev/vfio/{node.Kernel.GroupOf("0000:46:00.0")}").Owner.ToString());
    }

    [Fact]
    public async Task A_device_that_is_being_changed_is_refused_until_it_is_open_again()
    {
        await using var bench = await ScenarioBench.StartAsync(new SimulatedNode(), Policy);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/edu") == 1);
        var (allocator, gate) = (bench.Host.Allocator, new HoldingsGate(bench.Host.Holdings));
        var name = ResourceName.Parse("example.com/edu");
        Assert.Empty(gate.TryClose(Edu, [], long.MaxValue));
        var refused = Assert.IsType<AllocateOutcome.Refused>(
            await allocator.AllocateAsync(name, ["0000:46:00.0"], TestContext.Current.CancellationToken)
        );
        Assert.Equal("0000:46:00.0 of example.com/edu is being reconfigured right now", refused.Refusal.Message);
        gate.Open(Edu);
        Assert.IsType<AllocateOutcome.Granted>(
            await allocator.AllocateAsync(name, ["0000:46:00.0"], TestContext.Current.CancellationToken)
        );
        Assert.Contains(gate.TryClose(Edu, [], long.MaxValue), u => u.Contains("was just given to a pod", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_known_to_be_the_matter_with_a_device_is_said_without_a_look_at_it()
    {
        await using var bench = await ScenarioBench.StartAsync(new SimulatedNode(), Policy);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/edu") == 1);
        var allocator = bench.Host.Allocator;
        await bench.StopAgentAsync(); // nobody else makes a catalog
        var resource = ResourceName.Parse("example.com/edu");
        Assert.Null(allocator.KnownProblem(resource, "0000:46:00.0"));

        var unit = allocator.Catalog.Units["0000:46:00.0"] with { Problem = new OfferProblem(Reasons.InUse, "somebody has it") };
        allocator.Catalog = allocator.Catalog with { Units = allocator.Catalog.Units.SetItem("0000:46:00.0", unit) };

        Assert.Equal(
            "0000:46:00.0 of example.com/edu cannot be given out: somebody has it",
            allocator.KnownProblem(resource, "0000:46:00.0")?.Message
        );
        Assert.Null(allocator.KnownProblem(ResourceName.Parse("example.com/other"), "0000:46:00.0"));
        Assert.Null(allocator.KnownProblem(resource, "0000:47:00.0"));
    }

    [Fact]
    public async Task A_group_that_a_process_still_holds_is_not_given_to_another_pod()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, Policy);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/edu") == 1);
        using var holder = await node.HoldAsync("0000:46:00.0");
        var pod = await bench.Kubelet.AdmitPodAsync(
            "vms",
            "vm",
            new Dictionary<string, int>(StringComparer.Ordinal) { ["example.com/edu"] = 1 }
        );
        Assert.Equal((PodPhase.Failed, "UnexpectedAdmissionError"), (pod.Phase, pod.Reason));
        Assert.Contains($"is still held open by process {holder.ProcessId} (qemu-system-x86)", pod.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pod_gets_its_device_however_many_files_others_have_open_and_none_that_somebody_has()
    {
        var node = new SimulatedNode();
        var calls = new ManyFiles(node.Machine.Calls);
        await using var bench = await ScenarioBench.StartAsync(node, Policy, node.Machine with { Calls = calls });
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/edu") == 1);
        var edu = new Dictionary<string, int>(StringComparer.Ordinal) { ["example.com/edu"] = 1 };
        var evil = node.Kernel.Processes.Start("evil");
        for (var i = 0; i < 300; i++)
            evil.OpenPlain("/dev/null");
        calls.Claim(evil.Pid);
        var taken = evil.Take("0000:46:00.0", node.Kernel.GroupOf("0000:46:00.0")!.Value);

        var refused = await bench.Kubelet.AdmitPodAsync("vms", "first", edu);
        Assert.Contains(
            $"/dev/vfio/{node.Kernel.GroupOf("0000:46:00.0")} is still held open by somebody who was not found: process {evil.Pid} (evil) "
                + "has 1000000 files open, which are not looked through, and may use anything by them",
            refused.Message,
            StringComparison.Ordinal
        );

        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/edu") == 0); // nor is it offered meanwhile
        taken.Close();
        taken.Group.Close();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/edu") == 1);
        var pod = await bench.Kubelet.AdmitPodAsync("vms", "second", edu);
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
    }

    [Fact]
    public async Task A_device_that_a_pod_has_under_another_name_is_not_given_out_again_until_that_pod_is_gone()
    {
        await using var bench = await ScenarioBench.StartAsync(new SimulatedNode(), Policy);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/edu") == 1);
        await bench.Kubelet.AdmitPodAsync("vms", "vm", new Dictionary<string, int>(StringComparer.Ordinal) { ["example.com/edu"] = 1 });
        await bench.UntilAsync(() => bench.Host.Allocator.Ledger.ById.Values.Any(a => a.Pod is not null));

        bench.Desire(Desired.Policies(Desired.HostDevice("other", "0000:46:00.0")));
        await bench.UntilAsync(() => bench.Kubelet.Capacity("example.com/other") == 1);
        Assert.Equal(0, bench.Kubelet.Allocatable("example.com/other"));
        var answer = await bench.Host.Allocator.AllocateAsync(
            ResourceName.Parse("example.com/other"),
            ["0000:46:00.0"],
            TestContext.Current.CancellationToken
        );
        Assert.Equal(
            "0000:46:00.0 of example.com/other cannot be given out: pod vms/vm still has 0000:46:00.0 as "
                + "example.com/edu: it can be given out when that pod is gone",
            Assert.IsType<AllocateOutcome.Refused>(answer).Refusal.Message
        );

        bench.Kubelet.DeletePod("vms", "vm");
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/other") == 1);
    }

    [Fact]
    public async Task What_the_kernel_keeps_holds_up_nobody_is_given_up_with_its_token_and_not_asked_for_again()
    {
        var node = new SimulatedNode();
        var calls = new CallsThatHang(node.Machine.Calls);
        await using var bench = await ScenarioBench.StartAsync(node, Policy, node.Machine with { Calls = calls });
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/edu") == 1);
        var gate = new HoldingsGate(bench.Host.Holdings);
        var (allocator, name) = (bench.Host.Allocator, ResourceName.Parse("example.com/edu"));
        using var patience = new CancellationTokenSource();

        calls.Hang();
        var answer = allocator.AllocateAsync(name, ["0000:46:00.0"], patience.Token).AsTask();
        await calls.Inside;
        Assert.False(answer.IsCompleted);
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answer);

        var again = await allocator.AllocateAsync(name, ["0000:46:00.0"], TestContext.Current.CancellationToken);
        Assert.Equal(
            "0000:46:00.0 of example.com/edu cannot be given out: the kernel does not answer, and an earlier call for it still hangs",
            Assert.IsType<AllocateOutcome.Refused>(again).Refusal.Message
        );
        // It may yet set an owner.
        Assert.Contains("0000:46:00.0 is being given to a pod this moment", gate.TryClose(Edu, [], long.MaxValue));

        calls.LetGo();
        await Waiting.UntilAsync(() => gate.TryClose(Edu, [], long.MaxValue).IsEmpty);
        Assert.Empty(allocator.Ledger.ById); // whoever asked was refused: nothing of the late answer stands
        gate.Open(Edu);
    }

    /// <summary>One process has a million files open.</summary>
    private sealed class ManyFiles(IHostCalls kernel) : DecoratedCalls(kernel)
    {
        private volatile string? _directory;

        public void Claim(int pid) => _directory = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/fd");

        public override FileLook Look(string path)
        {
            var look = base.Look(path);
            return path == _directory ? look with { Size = 1_000_000 } : look;
        }
    }

    /// <summary>The kernel keeps whoever looks at a node's owner.</summary>
    private sealed class CallsThatHang(IHostCalls kernel) : DecoratedCalls(kernel)
    {
        private readonly TaskCompletionSource _inside = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private volatile TaskCompletionSource? _held;

        public Task Inside => _inside.Task;

        public void Hang() => _held = new TaskCompletionSource();

        public void LetGo() => _held!.SetResult();

        public override NodeOwnerResult ReadOwner(string path)
        {
            if (_held is { } held)
            {
                _inside.TrySetResult();
                held.Task.GetAwaiter().GetResult();
            }

            return base.ReadOwner(path);
        }
    }

    /// <summary>Something happens while an answer is being made: right after the change of the node's owner.</summary>
    private sealed class CallsWithAMoment(IHostCalls kernel, Action moment) : DecoratedCalls(kernel)
    {
        private bool _came;

        public override Errno SetOwner(string path, NodeOwner owner)
        {
            var result = base.SetOwner(path, owner);
            if (!_came)
                moment();
            _came = true;
            return result;
        }
    }
}
