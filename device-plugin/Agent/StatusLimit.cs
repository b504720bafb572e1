using System.Collections.Immutable;
using System.Text;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;

namespace Hostdev.DevicePlugin.Agent;

/// <summary>Keeps a status within what the API server stores well. Counts are never cut; lists lose first what says least.</summary>
public static class StatusLimit
{
    /// <summary>In bytes of JSON. etcd refuses a request of 1.5 MiB; an operator reads one of these for each node.</summary>
    public const int Most = 256 * 1024;

    /// <summary>The schema of NodeDeviceState bounds messages by 4,096 and lists by these.</summary>
    private const int LongestText = 4096;

    private static readonly ImmutableArray<Func<NodeDeviceStateStatus, NodeDeviceStateStatus>> Cuts =
    [
        s => s with { Names = [], Devices = [.. s.Devices.Where(d => d.State is not null)] }, // what is the host's own
        s => s with { Policies = [.. s.Policies.Select(p => p with { Problems = [.. p.Problems.Take(20)] })] },
        s => s with { Devices = [.. s.Devices.Take(200)], VirtualFunctions = [.. s.VirtualFunctions.Take(100)], Releasing = [.. s.Releasing.Take(50)] },
        s => s with { Allocations = [.. s.Allocations.Take(500)], Policies = [.. s.Policies.Select(p => p with { Problems = [.. p.Problems.Take(2)] })] },
        s => s with { Devices = [], VirtualFunctions = [], Allocations = [], Policies = [.. s.Policies.Select(p => p with { Problems = [] })] },
    ];

    public static NodeDeviceStateStatus Cut(NodeDeviceStateStatus status)
    {
        var cut = Texts(status);
        for (var i = 0; i < Cuts.Length && Size(cut) > Most; i++) cut = Cuts[i](cut) with { Truncated = true };
        return cut;
    }

    private static int Size(NodeDeviceStateStatus status) => Encoding.UTF8.GetByteCount(NodeDeviceStateWriter.ToJson(status).ToJsonString());

    private static NodeDeviceStateStatus Texts(NodeDeviceStateStatus s) => s with
    {
        Policies = [.. s.Policies.Select(p => p with { Message = Short(p.Message), Problems = [.. p.Problems.Select(Short)] })],
        Releasing = [.. s.Releasing.Select(Short)],
        Conditions = [.. s.Conditions.Select(c => c with { Message = Short(c.Message) })],
    };

    private static DeviceProblem Short(DeviceProblem problem) => problem with { Message = Short(problem.Message) };

    private static string Short(string text) => text.Length <= LongestText ? text : string.Concat(text.AsSpan(0, LongestText - 1), "…");
}
