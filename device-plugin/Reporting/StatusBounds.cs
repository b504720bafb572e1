using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>
/// Keeps every text and every list of a status within what <c>crds/nodedevicestates.yaml</c> allows: one that is longer would make the API
/// server refuse the whole status. Texts end with an ellipsis then; lists lose their last entries, and the status says that it is
/// <see cref="NodeDeviceStateStatus.Truncated"/>.
/// </summary>
internal static class StatusBounds
{
    public const int Text = 4096;
    public const int Word = 64; // types of conditions may be longer in the schema, and never are
    public const int Address = 32;
    public const int Ids = 16;
    public const int Id = 256;
    private const int Resource = 308;
    private const int Name = 253;
    private const int Namespace = 63;
    private const int Uid = 320;
    private const int List = 1024;
    private const int LongList = 4096;
    private const int Policies = 512;
    private const int FewWords = 64;
    public const int FewInterfaces = 16;
    private const int FewFields = 16;
    public const int Serial = 256;

    public static NodeDeviceStateStatus Apply(NodeDeviceStateStatus s)
    {
        var bounded = s with
        {
            Follows = s.Follows is { } follows ? Words(follows, FewFields, Word) : null,
            Host = Bound(s.Host),
            Names = [.. s.Names.Take(List).Select(n => n with { Ids = BoundedText.Cut(n.Ids, Ids), Name = BoundedText.Cut(n.Name, 256) })],
            Devices = [.. s.Devices.Take(LongList).Select(DeviceStatuses.Bound)],
            VirtualFunctions = [.. s.VirtualFunctions.Take(List).Select(Bound).DistinctBy(v => v.PhysicalFunction)],
            Allocations = [.. s.Allocations.Take(LongList).Select(Bound)],
            Policies = [.. s.Policies.Take(Policies).Select(Bound)],
            Releasing = [.. s.Releasing.Take(List).Select(Bound)],
            Cordons = s.Cordons is { } cordons ? [.. cordons.Take(List).Select(Bound)] : null,
            Resources =
            [
                .. s
                    .Resources.Take(List)
                    .Select(r => r with { Name = BoundedText.Cut(r.Name, Resource), Problem = Optional(r.Problem, Text) })
                    .DistinctBy(r => r.Name),
            ],
            Conditions =
            [
                .. s
                    .Conditions.Take(16)
                    .Select(c => c with { Type = BoundedText.Cut(c.Type, Word), Message = BoundedText.Cut(c.Message, Text) })
                    .DistinctBy(c => c.Type),
            ],
        };
        return bounded with { Truncated = s.Truncated || Entries(bounded) < Entries(s) };
    }

    public static string? Optional(string? text, int most) => text is null ? null : BoundedText.Cut(text, most);

    private static int Entries(NodeDeviceStateStatus s) =>
        (s.Follows?.Length ?? 0)
        + s.Host.KernelArguments.Length
        + s.Host.VfioDrivers.Length
        + s.Host.Problems.Length
        + s.Names.Length
        + s.Devices.Sum(d => 1 + (d.Pci?.Interfaces?.Length ?? 0))
        + s.VirtualFunctions.Sum(v => 1 + v.Ranges.Length)
        + s.Allocations.Length
        + s.Policies.Sum(p => 1 + p.Problems.Length + p.Ids.Length)
        + s.Releasing.Length
        + (s.Cordons?.Length ?? 0)
        + s.Resources.Length
        + s.Conditions.Length;

    private static HostStatus Bound(HostStatus h) =>
        h with
        {
            Kernel = BoundedText.Cut(h.Kernel, 256),
            Architecture = BoundedText.Cut(h.Architecture, Word),
            BootId = BoundedText.Cut(h.BootId, Word),
            KernelArguments = Words(h.KernelArguments, FewWords, 1024),
            VfioDrivers = Words(h.VfioDrivers, FewWords, Word),
            Problems = Words(h.Problems, 20, Text),
        };

    private static VirtualFunctionsStatus Bound(VirtualFunctionsStatus v) =>
        v with
        {
            PhysicalFunction = BoundedText.Cut(v.PhysicalFunction, Address),
            Ranges = Words(v.Ranges, 512, 128),
        };

    private static AllocationStatus Bound(AllocationStatus a) =>
        new(
            BoundedText.Cut(a.Id, Id),
            BoundedText.Cut(a.Resource, Resource),
            Optional(a.Namespace, Namespace),
            Optional(a.Pod, Name),
            Optional(a.WaitsFor, Text)
        );

    private static PolicyResult Bound(PolicyResult p) =>
        p with
        {
            Kind = BoundedText.Cut(p.Kind, 63),
            Name = BoundedText.Cut(p.Name, Name),
            Uid = BoundedText.Cut(p.Uid, Uid),
            Ids = Words(p.Ids, FewWords, Ids),
            Message = BoundedText.Cut(p.Message, Text),
            Problems = [.. p.Problems.Take(List).Select(Bound)],
        };

    private static DeviceProblem Bound(DeviceProblem p) =>
        new(BoundedText.Cut(p.Device, Id), p.State, p.Reason, BoundedText.Cut(p.Message, Text), Optional(p.PolicyUid, Uid));

    public static ImmutableArray<string> Words(ImmutableArray<string> words, int most, int longest) =>
        [.. words.Take(most).Select(w => BoundedText.Cut(w, longest))];
}
