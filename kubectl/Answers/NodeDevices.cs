using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Kubectl.Answers;

/// <summary>
/// The devices of one node, each with who has it: put together from what a status says in several lists. Whoever has the node's token
/// writes what they like into it: a list may hold null, and ids may be any text.
/// </summary>
public sealed class NodeDevices
{
    private readonly NodeReading _reading;
    private readonly NodeDeviceStateStatus _status;
    private readonly Dictionary<(string Class, string Ids), string> _names = [];
    private readonly Dictionary<string, AllocationStatus> _allocations = new(StringComparer.Ordinal);
    private readonly Dictionary<int, AllocationStatus> _byGroup = [];
    private readonly ILookup<string, (PolicyResult? Policy, DeviceProblem Problem)> _problems;

    private NodeDevices(NodeReading reading, NodeDeviceStateStatus status)
    {
        (_reading, _status) = (reading, status);
        foreach (var name in status.Names.OfType<DeviceName>())
            _names.TryAdd((name.Class ?? DeviceClass.Pci.Word(), name.Ids), name.Name);
        foreach (var allocation in status.Allocations.OfType<AllocationStatus>())
            _allocations.TryAdd(allocation.Id, allocation);
        foreach (var device in status.Devices.OfType<DeviceStatus>())
        {
            if (device.Pci?.IommuGroup is { } group && _allocations.TryGetValue(IdOf(device), out var allocation))
                _byGroup.TryAdd(group, allocation);
        }

        var said = status.Policies.OfType<PolicyResult>().SelectMany(p => p.Problems, (p, problem) => (Policy: (PolicyResult?)p, problem));
        // What keeps a unit back stands with its policy; only what keeps back none has no policy.
        var idle = (status.Cordons ?? []).Where(c => c is not null && c.Reason != Reasons.CordonedByAdmin);
        _problems = said.Concat(status.Releasing.Concat(idle).Select(r => (Policy: (PolicyResult?)null, problem: r)))
            .Where(p => p.problem is not null)
            .ToLookup(p => p.problem.Device, p => (p.Policy, p.problem), StringComparer.Ordinal);
    }

    /// <summary>
    /// In the order of the status, then virtual functions that pods have or that something stands in the way of: others are not listed one
    /// by one. Empty for a node that has not reported.
    /// </summary>
    public static ImmutableArray<DeviceRow> Of(NodeReading reading)
    {
        if (reading.Status is not { } status)
            return [];
        var devices = new NodeDevices(reading, status);
        var listed = status.Devices.OfType<DeviceStatus>().Select(devices.Row).ToImmutableArray();
        var ids = listed.Select(r => r.Id).ToHashSet(StringComparer.Ordinal);
        var others = devices
            ._allocations.Keys.Concat(devices._problems.Where(p => p.Any(f => IsShown(f.Problem))).Select(p => p.Key))
            .Where(id => !ids.Contains(id) && !TokenId.Is(id))
            .Distinct(StringComparer.Ordinal)
            .Select(id => (Text: id, Id: DeviceId.TryParse(id, out var known) ? known : null))
            .Where(o => o.Id is not null)
            .OrderBy(o => o.Id)
            .Select(o => devices.Row(DeviceStatus.Of(o.Id!)));
        return [.. listed, .. others];
    }

    /// <summary>What policies say of each device, those in the way first; the policy is null where it is on its way back.</summary>
    public static Func<string, ImmutableArray<DeviceFinding>> FindingsOf(NodeReading reading)
    {
        if (reading.Status is not { } status)
            return _ => [];
        var devices = new NodeDevices(reading, status);
        return id =>
            [
                .. devices
                    ._problems[id]
                    .OrderByDescending(p => p.Problem.State.IsInTheWay)
                    .Select(p => DeviceFinding.Of(p.Policy, p.Problem)),
            ];
    }

    internal static string IdOf(DeviceStatus device) => device.Id ?? device.PciAddress ?? "";

    private static bool IsShown(DeviceProblem problem) =>
        problem.State.IsInTheWay || problem.State == FindingState.Releasing || IsCordon(problem);

    /// <summary>An admin keeps it back: that is a remark to its policy, and all there is to say to whoever asks for the device.</summary>
    private static bool IsCordon(DeviceProblem? problem) => problem?.Reason == Reasons.CordonedByAdmin;

    private DeviceRow Row(DeviceStatus device)
    {
        var id = IdOf(device);
        var state = DeviceState.Read(device.State);
        // A unit is called by the lowest function of its group, whichever of them a VM gets.
        var allocation =
            state is DeviceState.Taken ? null
            : _allocations.TryGetValue(id, out var own) ? own
            : state is not null && device.Pci?.IommuGroup is { } group ? _byGroup.GetValueOrDefault(group)
            : null;
        var (policy, problem) = _problems[id].OrderByDescending(p => Weight(p.Problem)).FirstOrDefault();
        var (use, message) = Use(state, allocation, problem);
        var isTrouble =
            use is not (DeviceUse.Host or DeviceUse.Free) && problem is not null && (!problem.State.IsRemark || IsCordon(problem));
        return new DeviceRow
        {
            Class = device.Class ?? DeviceClass.Pci.Word(),
            Node = _reading.Node,
            Id = id,
            Name = NameOf(device),
            State = use,
            IsUnhealthy = state is DeviceState.NotOffered || _problems[id].Any(p => IsCordon(p.Problem)),
            Reason = isTrouble ? problem!.Reason.Name : null,
            Message = message,
            Resource =
                allocation?.Resource
                ?? state switch
                {
                    DeviceState.Offered offered => offered.Resource,
                    DeviceState.NotOffered { Resource: { } resource } => resource,
                    _ => isTrouble && (policy?.Uid ?? problem!.PolicyUid) is { } uid ? _reading.ResourceOf(uid) : null,
                },
            Namespace = allocation?.Namespace,
            Pod = allocation?.Pod,
            Ids = device.Ids,
            Driver = device.Driver,
            NumaNode = device.NumaNode,
            IommuGroup = device.Pci?.IommuGroup,
            Parent = device.Mdev?.Parent ?? device.Scsi?.Controller ?? (UsbPort.TryParse(id, out var port) ? port.Controller : null),
            Serial = device.Usb?.Serial ?? device.Scsi?.Serial,
        };
    }

    private string? NameOf(DeviceStatus device)
    {
        if (device.Ids is { } ids && _names.TryGetValue((device.Class ?? DeviceClass.Pci.Word(), ids), out var name))
            return name;
        return device switch
        {
            { Mdev: { } mdev } => mdev.TypeId,
            { Scsi: { } scsi } => $"{scsi.Vendor} {scsi.Model}".Trim() is { Length: > 0 } text ? text : null,
            _ => null,
        };
    }

    private static (DeviceUse Use, string? Message) Use(DeviceState? state, AllocationStatus? allocation, DeviceProblem? problem) =>
        (state, allocation, problem) switch
        {
            (_, { WaitsFor: { } proof }, _) => (DeviceUse.Returning, proof),
            (DeviceState.NotOffered n, not null, _) => (DeviceUse.Allocated, n.Why),
            (_, not null, _) => (DeviceUse.Allocated, problem is { State.IsRemark: false } || IsCordon(problem) ? problem!.Message : null),
            (_, _, { } p) when p.State == FindingState.Releasing => (DeviceUse.Releasing, p.Message),
            (_, _, { } p) when IsCordon(p) => (DeviceUse.Cordoned, p.Message),
            (DeviceState.NotOffered n, _, { } p) when p.Reason == Reasons.Cordoned => (DeviceUse.Cordoned, n.Why),
            (DeviceState.NotOffered n, _, _) => (DeviceUse.Unhealthy, n.Why),
            (DeviceState.Taken t, _, _) => (DeviceUse.Held, t.Sentence),
            (DeviceState.Offered, _, _) => (DeviceUse.Free, problem?.Message),
            (_, _, { } p) when p.State == FindingState.Blocked => (DeviceUse.Blocked, p.Message),
            (_, _, { } p) when p.State == FindingState.Waiting => (DeviceUse.Waiting, p.Message),
            _ => (DeviceUse.Host, problem?.Message),
        };

    private static int Weight(DeviceProblem problem) =>
        problem.State == FindingState.Releasing ? 4
        : IsCordon(problem) ? 3
        : problem.State == FindingState.Blocked ? 2
        : problem.State.IsInTheWay ? 1
        : 0;
}
