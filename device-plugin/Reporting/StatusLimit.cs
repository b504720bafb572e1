using System.Collections.Immutable;
using System.Text;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>
/// Keeps a status within what the API server takes and stores well. Counts are never cut; lists and messages lose first what says least,
/// and devices, from which the operator tells what a node has, last.
/// </summary>
public static class StatusLimit
{
    /// <summary>In bytes of JSON. etcd refuses a request of 1.5 MiB; an operator reads one of these for each node.</summary>
    public const int Most = 256 * 1024;

    private static readonly ImmutableArray<Func<NodeDeviceStateStatus, NodeDeviceStateStatus>> Cuts =
    [
        s => Messages(Problems(s, each: 100, releasing: 256), 1024),
        s => Messages(Problems(s, each: 20, releasing: 100), 512),
        s => Messages(Problems(s, each: 5, releasing: 50), 256),
        s => Messages(Problems(s, each: 1, releasing: 50), 128),
        s => s with { Names = [], VirtualFunctions = [.. s.VirtualFunctions.Select(v => v with { Ranges = [.. v.Ranges.Take(32)] })] },
        s =>
            s with
            {
                VirtualFunctions = [.. s.VirtualFunctions.Take(100)],
                Allocations = [.. s.Allocations.Take(500)],
                Host = s.Host with { KernelArguments = [.. s.Host.KernelArguments.Take(16).Select(a => BoundedText.Cut(a, 256))] },
            },
        s => s with { Devices = [.. s.Devices.DistinctBy(d => d.State is null ? Model(d) : d.Id)] }, // of the host's own, one of each model
        s => s with { Devices = [.. s.Devices.DistinctBy(Model)] },
        // No machine comes to this; what is not bounded by anything else is bounded here.
        .. Enumerable.Range(0, 9).Select(i => new Func<NodeDeviceStateStatus, NodeDeviceStateStatus>(s => First(s, 256 >> i))),
    ];

    public static NodeDeviceStateStatus Cut(NodeDeviceStateStatus status)
    {
        var cut = StatusBounds.Apply(status);
        for (var i = 0; i < Cuts.Length && Size(cut) > Most; i++)
            cut = Cuts[i](cut) with { Truncated = true };
        return cut;
    }

    /// <summary>
    /// What is left to report when the API server takes nothing else: the host, and why there is no more. It follows no generation, so that
    /// nobody takes its empty lists for an empty host.
    /// </summary>
    /// <param name="words">The server's.</param>
    public static NodeDeviceStateStatus Refused(NodeDeviceStateStatus status, string words)
    {
        var message = BoundedText.Cut(
            "the API server refuses the status of this node, and this is all that can be reported; devices are "
                + "served as before. Apply the CRDs of the agent's version; if they are, please report it as a bug. The "
                + $"server says: {words}",
            StatusBounds.Text
        );
        return StatusBounds.Apply(
            new NodeDeviceStateStatus
            {
                Truncated = true,
                Host = status.Host with { KernelArguments = [], VfioDrivers = [], Problems = [] },
                Devices = [],
                VirtualFunctions = [],
                Allocations = [],
                Policies = [],
                Releasing = [],
                Resources = [],
                Conditions =
                [
                    new NodeCondition(ConditionTypes.Degraded, "True", Reasons.StatusRefused, message),
                    new NodeCondition(ConditionTypes.Ready, "False", Reasons.StatusRefused, message),
                    .. status
                        .Conditions.Where(c => c.Type is not (ConditionTypes.Degraded or ConditionTypes.Ready))
                        .Select(c => c with { Message = "" }),
                ],
            }
        );
    }

    private static string Model(DeviceStatus d) => $"{d.Class} {d.Ids}";

    private static int Size(NodeDeviceStateStatus status) =>
        Encoding.UTF8.GetByteCount(NodeDeviceStateWriter.ToJson(status).ToJsonString());

    private static NodeDeviceStateStatus Problems(NodeDeviceStateStatus s, int each, int releasing) =>
        s with
        {
            Policies = [.. s.Policies.Select(p => p with { Problems = [.. p.Problems.Take(each)] })],
            Releasing = [.. s.Releasing.Take(releasing)],
            Cordons = s.Cordons is { } cordons ? [.. cordons.Take(releasing)] : null,
        };

    private static NodeDeviceStateStatus Messages(NodeDeviceStateStatus s, int most) =>
        s with
        {
            Host = s.Host with { Problems = [.. s.Host.Problems.Select(p => BoundedText.Cut(p, most))] },
            Devices = [.. s.Devices.Select(d => d with { State = StatusBounds.Optional(d.State, most) })],
            Allocations = [.. s.Allocations.Select(a => a with { WaitsFor = StatusBounds.Optional(a.WaitsFor, most) })],
            Policies =
            [
                .. s.Policies.Select(p =>
                    p with
                    {
                        Message = BoundedText.Cut(p.Message, most),
                        Problems = [.. p.Problems.Select(f => f with { Message = BoundedText.Cut(f.Message, most) })],
                    }
                ),
            ],
            Releasing = [.. s.Releasing.Select(f => f with { Message = BoundedText.Cut(f.Message, most) })],
            Cordons = s.Cordons is { } cordons ? [.. cordons.Select(f => f with { Message = BoundedText.Cut(f.Message, most) })] : null,
            Resources = [.. s.Resources.Select(r => r with { Problem = StatusBounds.Optional(r.Problem, most) })],
            Conditions = [.. s.Conditions.Select(c => c with { Message = BoundedText.Cut(c.Message, most) })],
        };

    private static NodeDeviceStateStatus First(NodeDeviceStateStatus s, int most) =>
        s with
        {
            Host = s.Host with
            {
                KernelArguments = [.. s.Host.KernelArguments.Take(most)],
                VfioDrivers = [.. s.Host.VfioDrivers.Take(most)],
                Problems = [.. s.Host.Problems.Take(most)],
            },
            Devices = [.. s.Devices.Take(most)],
            VirtualFunctions = [.. s.VirtualFunctions.Take(most).Select(v => v with { Ranges = [.. v.Ranges.Take(most)] })],
            Allocations = [.. s.Allocations.Take(most)],
            Policies = [.. s.Policies.Take(most).Select(p => p with { Ids = [.. p.Ids.Take(most)] })],
            Releasing = [.. s.Releasing.Take(most)],
            Cordons = s.Cordons is { } cordons ? [.. cordons.Take(most)] : null,
            Resources = [.. s.Resources.Take(most)],
        };
}
