using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Serialization;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Kube.Meta;
using Hostdev.Planning;
using Hostdev.Planning.Foreseeing;
using Hostdev.Projection;

namespace Hostdev.Kubectl.Answers;

/// <summary>What changes for a device.</summary>
public enum PlannedUse
{
    /// <summary>Under a resource that it was not offered under before.</summary>
    Offered,

    /// <summary>No more under the resource that it had.</summary>
    Withdrawn,

    /// <summary>A physical function gets another number of virtual functions.</summary>
    VirtualFunctions,

    /// <summary>The host loses it for another device.</summary>
    Held,
    Blocked,
    Waiting,
    Releasing,

    /// <summary>Worth knowing, and in nobody's way.</summary>
    Noticed,

    /// <summary>It depends on what the node alone knows.</summary>
    Unknown,
}

/// <summary>One thing that a change of policies comes to on one node.</summary>
public sealed record PlannedChange
{
    public required string Node { get; init; }

    /// <summary>Its ID; a range of virtual functions by their physical function. Null for the node as a whole.</summary>
    public string? Device { get; init; }

    public required PlannedUse Change { get; init; }

    public string? Resource { get; init; }

    public string? Reason { get; init; }

    public string? Message { get; init; }

    /// <summary>The pods that must let go first, as the message names them; null where none.</summary>
    public ImmutableArray<PlannedWait>? WaitsFor { get; init; }

    /// <summary>With the VMs that the pods are, where they are some.</summary>
    /// <param name="vm">Of a pod; null where it is none, or is not known.</param>
    public PlannedChange With(Func<ObjectKey, string?> vm)
    {
        if (WaitsFor is not { } pods)
            return this;
        var known = pods.Select(p => p with { VirtualMachine = vm(p.Key) }).ToImmutableArray();
        var message = known
            .Where(p => p.VirtualMachine is not null)
            .Aggregate(Message, (text, p) => text?.Replace($"{p.Words} ", $"{p.Words} (VM {p.VirtualMachine}) ", StringComparison.Ordinal));
        return this with { WaitsFor = known, Message = message };
    }
}

/// <summary>A pod that is waited for.</summary>
/// <param name="VirtualMachine">By KubeVirt's annotation; null where it is no VM's, and where its pod may not be read.</param>
public sealed record PlannedWait(string Namespace, string Pod, string? VirtualMachine = null)
{
    internal ObjectKey Key => new(Pod, Namespace);

    internal string Words => ReportedMachine.PodWords(Namespace, Pod);
}

/// <summary>
/// What a change of policies comes to on one node: the agent's own planner is carried on to its end with the policies of before and with
/// those of after, on what the node reports, and what differs at the end is the change. What a report lacks is lacking in both, and says
/// nothing. Pure.
/// </summary>
public sealed record NodePlan(string Node, ImmutableArray<PlannedChange> Changes, ImmutableArray<string> Assumptions)
{
    [JsonIgnore]
    public bool IsUnknown => Changes.Any(c => c.Change == PlannedUse.Unknown);

    /// <param name="state">The whole object.</param>
    public static NodePlan Of(NodeDeviceState state, ImmutableArray<NodeEntry> before, ImmutableArray<NodeEntry> after)
    {
        var reading = NodeReading.Of(state);
        if (reading.Status is not { } status)
            return Unknown(reading.Node, reading.Lack!);
        var spec = ReportedMachine.SpecOf(state);
        var given = spec.Policies;
        var (asIs, toBe) = (Policies(before, given), Policies(after, given));
        var changed = toBe.Where(p => !asIs.Contains(p)).Concat(asIs.Where(p => !toBe.Any(t => t.Identity == p.Identity))).ToList();
        var machine = ReportedMachine.Of(status, given) with { Node = reading.Node, Cordons = spec.Cordons };
        var (way, other) = (Foresight.Of(machine with { Policies = toBe }), Foresight.Of(machine with { Policies = asIs }));
        var unknown = ReportGaps.Of(reading.Node, status, changed.Select(c => c.InForce));
        return new NodePlan(
            reading.Node,
            [.. new Difference(reading.Node, status.Allocations, other, way).Changes, .. unknown],
            [.. way.Assumptions.Except(other.Assumptions)]
        );
    }

    /// <summary>The node has no state, or none that can be read.</summary>
    public static NodePlan Unknown(string node, string why) =>
        new(
            node,
            [
                new PlannedChange
                {
                    Node = node,
                    Change = PlannedUse.Unknown,
                    Message = why,
                },
            ],
            []
        );

    /// <summary>As an agent follows them: of one that it would not understand the version before stays in force.</summary>
    private static ImmutableArray<EffectivePolicy> Policies(ImmutableArray<NodeEntry> entries, ImmutableArray<DesiredPolicy> given) =>
        [.. entries.Select(e => Policy(e, given)).OfType<EffectivePolicy>()];

    private static EffectivePolicy? Policy(NodeEntry entry, ImmutableArray<DesiredPolicy> given)
    {
        var has = given.FirstOrDefault(p => (p.Identity.Kind, p.Identity.Name) == (entry.Version.Key.Kind, entry.Version.Key.Name));
        return entry switch
        {
            NodeEntry.Give { Policy.Policy: DesiredPolicy.Frozen frozen } => new EffectivePolicy(has ?? frozen, frozen),
            NodeEntry.Give { Policy.Policy: var policy } => new EffectivePolicy(policy, null),
            _ => has is null ? null : new EffectivePolicy(has, null),
        };
    }

    /// <summary>Two ways from one machine.</summary>
    private sealed class Difference(string node, ImmutableArray<AllocationStatus> allocations, ForeseenWay before, ForeseenWay after)
    {
        public IEnumerable<PlannedChange> Changes => [.. Numbers(), .. Offers(), .. HeldBeside(), .. Findings()];

        private IEnumerable<PlannedChange> Numbers()
        {
            foreach (var pf in after.After.Inventory.Functions.Values.Where(f => f.Sriov is not null))
            {
                var (then, now) = (
                    pf.Sriov!.NumVfs ?? 0,
                    before.After.Inventory.Functions.GetValueOrDefault(pf.Address)?.Sriov?.NumVfs ?? 0
                );
                if (then != now)
                {
                    yield return new PlannedChange
                    {
                        Node = node,
                        Device = pf.Address.ToString(),
                        Change = PlannedUse.VirtualFunctions,
                        Message = string.Create(CultureInfo.InvariantCulture, $"{then} virtual functions instead of {now}"),
                    };
                }
            }
        }

        private IEnumerable<PlannedChange> Offers()
        {
            var (had, has) = (before.End.Units.ToLookup(u => u.Id), after.End.Units.ToLookup(u => u.Id));
            var gained = after.End.Units.Where(u => !had[u.Id].Any(o => o.Resource == u.Resource));
            var lost = before.End.Units.Where(u => !has[u.Id].Any(o => o.Resource == u.Resource));
            var releasing = after.End.Findings.Where(f => f.State == FindingState.Releasing).Select(f => f.Device).ToHashSet();
            return
            [
                .. InRanges(
                    lost.Where(u => !u.Cordoned),
                    before,
                    PlannedUse.Withdrawn,
                    u =>
                        has.Contains(u.Id) ? "offered otherwise"
                        : releasing.Contains(u.Device.ToString()) || releasing.Contains(u.Id.ToString()) ? "when nobody has it any more"
                        : "given back to the host"
                ),
                .. InRanges(gained.Where(u => !u.Cordoned), after, PlannedUse.Offered, Taking),
            ];
        }

        private string? Taking(Unit unit) =>
            unit.CordonedByAdmin is not null ? "cordoned: given to no pod until that is ended"
            : unit.OnAllocate is { IsLent: true } ? "the host's until a pod is given it"
            : unit.OnAllocate is not null ? "made when a pod is given it"
            : after.Lost.Where(l => unit.Claims.Contains(l.Function.Address)).Select(l => l.From).Distinct().ToList()
                is { Count: > 0 } drivers
                ? $"the host loses it (driver {string.Join(", ", drivers)})"
            : null;

        /// <summary>Virtual functions of one physical function of which the same is said are one row.</summary>
        private IEnumerable<PlannedChange> InRanges(
            IEnumerable<Unit> units,
            ForeseenWay way,
            PlannedUse change,
            Func<Unit, string?> message
        )
        {
            var all = units
                .Select(u =>
                    (Unit: u, Vf: u.Device.AsPci is { } a ? way.After.Inventory.Functions.GetValueOrDefault(a) : null, Message: message(u))
                )
                .Select(u => (u.Unit, Pf: u.Vf?.PhysicalFunction, Index: u.Vf?.VfIndex ?? 0, u.Message))
                .ToList();
            var single = all.Where(u => u.Pf is null).Select(u => Row(u.Unit.Id.ToString(), u.Unit.Resource, u.Message));
            var ranges = all.Where(u => u.Pf is not null)
                .GroupBy(u => (u.Pf, u.Unit.Resource, u.Message))
                .Select(g => Row($"{g.Key.Pf} VFs {Ranges(g.Select(u => u.Index))}", g.Key.Resource, g.Key.Message));
            return single.Concat(ranges);

            PlannedChange Row(string device, ResourceName resource, string? text) =>
                new()
                {
                    Node = node,
                    Device = device,
                    Change = change,
                    Resource = resource.Value,
                    Message = text,
                };
        }

        /// <summary><c>0-3,6</c>.</summary>
        private static string Ranges(IEnumerable<int> indices)
        {
            var ranges = new List<VfRange>();
            foreach (var index in indices.Order())
            {
                if (ranges.Count > 0 && ranges[^1].Last == index - 1)
                    ranges[^1] = ranges[^1] with { Last = index };
                else
                    ranges.Add(new VfRange(index, index));
            }

            return string.Join(',', ranges);
        }

        /// <summary>What the host loses and no unit gives to a VM.</summary>
        private IEnumerable<PlannedChange> HeldBeside()
        {
            var given = after.End.Units.SelectMany(u => u.Handout.Drivers).Select(d => d.Device).ToHashSet();
            var known = before.Lost.Select(l => l.Function.Address).ToHashSet();
            return after
                .Lost.Where(l =>
                    !l.Function.IsVirtualFunction && !given.Contains(l.Function.Address) && !known.Contains(l.Function.Address)
                )
                .Select(l => new PlannedChange
                {
                    Node = node,
                    Device = l.Function.Address.ToString(),
                    Change = PlannedUse.Held,
                    Message = $"the host loses it (driver {l.From}), and no VM gets it",
                });
        }

        private IEnumerable<PlannedChange> Findings()
        {
            var known = before.Findings.Select(f => (f.Policy?.ToString(), f.Device, f.State, f.Reason)).ToHashSet();
            var waits = after.WaitsFor.ToDictionary(w => w.Device, w => w.Users, StringComparer.Ordinal);
            return after
                .Findings.Where(f => !known.Contains((f.Policy?.ToString(), f.Device, f.State, f.Reason)))
                .Where(f => Use(f.State) is not null)
                .Select(f => new PlannedChange
                {
                    Node = node,
                    Device = f.Device,
                    Change = Use(f.State)!.Value,
                    WaitsFor = PodsIn(waits.GetValueOrDefault(f.Device, []).Add(f.Message)),
                    Reason = f.Reason.Name,
                    Message =
                        waits.TryGetValue(f.Device, out var users) && !users.Any(u => f.Message.Contains(u, StringComparison.Ordinal))
                            ? $"{f.Message} (waits for: {string.Join("; ", users)})"
                            : f.Message,
                });
        }

        private ImmutableArray<PlannedWait>? PodsIn(ImmutableArray<string> texts)
        {
            var pods = allocations
                .Where(a => a is { Namespace: not null, Pod: not null })
                .Select(a => new PlannedWait(a.Namespace!, a.Pod!))
                .Distinct()
                .Where(p => texts.Any(t => $"{t} ".Contains($"{p.Words} ", StringComparison.Ordinal)))
                .ToImmutableArray();
            return pods.IsEmpty ? null : pods;
        }

        /// <summary>Null for what the rows beside it say.</summary>
        private static PlannedUse? Use(FindingState state) =>
            state == FindingState.Blocked ? PlannedUse.Blocked
            : state == FindingState.Waiting ? PlannedUse.Waiting
            : state == FindingState.Releasing ? PlannedUse.Releasing
            : state == FindingState.Noticed || state == FindingState.Accepted ? PlannedUse.Noticed
            : null;
    }
}
