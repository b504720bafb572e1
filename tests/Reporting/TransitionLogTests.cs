using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Reporting;
using Xunit;

namespace Hostdev.Tests.Reporting;

/// <summary>What an admin reads in the agent's log: each thing once, when it comes and when it is over.</summary>
public sealed class TransitionLogTests
{
    private readonly LogLines _lines = new();
    private readonly Sink _sink = new();
    private readonly TransitionLog _log;

    public TransitionLogTests() => _log = new TransitionLog(_sink, _lines);

    [Fact]
    public void A_policy_says_where_it_stands_once_and_again_when_that_changes()
    {
        var ready = Status(Policy(Reasons.Ready, "2 devices offered"));
        Assert.Equal(["Information HostDevice/gpus: Ready: 2 devices offered"], Says(ready));
        Assert.Empty(Says(ready));
        Assert.Empty(Says(Status(Policy(Reasons.Ready, "3 devices offered")))); // how many is no news
        Assert.Equal(
            [
                "Warning HostDevice/gpus: Blocked: 1 of 2 devices cannot be offered: it is mounted",
                "Warning HostDevice/gpus: 0000:43:00.0: Blocked: Protected: it is mounted",
            ],
            Says(
                Status(
                    Policy(
                        Reasons.Blocked,
                        "1 of 2 devices cannot be offered: it is mounted",
                        Problem("0000:43:00.0", FindingState.Blocked, Reasons.Protected, "it is mounted")
                    )
                )
            )
        );
        Assert.Equal(
            [
                "Information HostDevice/gpus: 0000:43:00.0: nothing stands in the way any more",
                "Information HostDevice/gpus: Ready: 2 devices offered",
            ],
            Says(ready)
        );
        Assert.Equal(["Information HostDevice/gpus is not wanted on this node any more"], Says(Status()));
    }

    [Fact]
    public void Whom_a_device_waits_for_is_said_again_when_it_is_another_one()
    {
        string[] Waits(string who) =>
            Says(
                Status(
                    Policy(Reasons.Progressing, "waits", Problem("0000:43:00.0", FindingState.Waiting, Reasons.InUse, $"pod {who} has it"))
                )
            );
        Assert.Contains("Information HostDevice/gpus: 0000:43:00.0: Waiting: InUse: pod vms/a has it", Waits("vms/a"));
        Assert.Empty(Waits("vms/a"));
        Assert.Equal(["Information HostDevice/gpus: 0000:43:00.0: Waiting: InUse: pod vms/b has it"], Waits("vms/b"));
    }

    [Fact]
    public void A_policy_with_many_devices_in_trouble_says_how_many_more_there_are()
    {
        var problems = Enumerable.Range(0, 40).Select(i => Problem($"0000:43:{i:x2}.0", FindingState.Blocked, Reasons.Protected, "no"));
        var said = Says(Status(Policy(Reasons.Blocked, "40 of 40", [.. problems])));

        Assert.Equal(12, said.Length);
        Assert.Equal("Warning HostDevice/gpus: 30 devices more are not offered: the status says why", said[^1]);
    }

    [Theory]
    [InlineData("Disabled")]
    [InlineData("HostUnreadable")]
    public void What_stops_the_node_is_said_and_that_it_is_over(string reason)
    {
        var halted = Status() with { Conditions = [new(ConditionTypes.Degraded, "True", Reasons.Of(reason), "nothing is written")] };
        Assert.Equal([$"Warning {reason}: nothing is written"], Says(halted));
        Assert.Empty(Says(halted));
        Assert.Equal(["Information nothing stops the agent any more: it goes on"], Says(Status()));
    }

    [Fact]
    public void What_is_not_followed_is_said_and_that_it_is_again()
    {
        var refused = Status() with
        {
            Conditions = [new(ConditionTypes.Synced, "False", Reasons.DesiredStateUnreadable, "desired.yaml: line 3: no such field")],
        };
        Assert.Equal(["Warning desired.yaml: line 3: no such field"], Says(refused));
        Assert.Equal(["Information the desired state is followed again"], Says(Status()));
    }

    [Fact]
    public void A_kubelet_that_is_not_there_is_said_once()
    {
        var absent = Status() with
        {
            Resources = [new ResourceStatus("example.com/gpus", 1, 1, false, "kubelet.sock does not exist: is the kubelet running?")],
        };
        Assert.Equal(["Warning kubelet.sock does not exist: is the kubelet running?"], Says(absent));
        Assert.Empty(Says(absent));
    }

    [Fact]
    public void What_is_on_its_way_back_is_said_with_what_it_waits_for_and_when_it_is_back()
    {
        var waits = Status() with { Releasing = [Problem("0000:43:00.0", FindingState.Releasing, Reasons.InUse, "pod vms/a has it")] };
        Assert.Equal(["Information 0000:43:00.0: Releasing: InUse: pod vms/a has it"], Says(waits));
        Assert.Equal(["Information 0000:43:00.0 is given back"], Says(Status()));
    }

    [Fact]
    public void Every_status_goes_on_as_it_is()
    {
        var status = Status(Policy(Reasons.Ready, "1 device offered"));
        Says(status);
        Says(status);
        Assert.Equal([status, status], _sink.Written);
    }

    private string[] Says(NodeDeviceStateStatus status)
    {
        _lines.Clear();
        _log.Write(status);
        return [.. _lines.Lines];
    }

    private static DeviceProblem Problem(string device, FindingState state, Reason reason, string message) =>
        new(device, state, reason, message);

    private static PolicyResult Policy(Reason reason, string message, params ImmutableArray<DeviceProblem> problems) =>
        new()
        {
            Kind = "HostDevice",
            Name = "gpus",
            Uid = "u1",
            Generation = 1,
            Matched = 2,
            Ready = 2,
            Blocked = 0,
            Reason = reason,
            Message = message,
            Problems = problems,
        };

    private static NodeDeviceStateStatus Status(params ImmutableArray<PolicyResult> policies) =>
        new()
        {
            Host = new HostStatus
            {
                Kernel = "6.12",
                Architecture = "x86_64",
                BootId = "b1",
                Iommu = true,
                InterruptRemapping = "Yes",
                KernelArguments = [],
                VfioDrivers = [],
                Problems = [],
            },
            Devices = [],
            VirtualFunctions = [],
            Allocations = [],
            Policies = policies,
            Releasing = [],
            Resources = [],
            Conditions = [new(ConditionTypes.Synced, "True", Reasons.Followed, "the desired state is followed")],
        };

    private sealed class Sink : IStatusSink
    {
        public List<NodeDeviceStateStatus> Written { get; } = [];

        public void Write(NodeDeviceStateStatus status) => Written.Add(status);
    }
}
