using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Following;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>
/// What is, in the words of <c>NodeDeviceState.status</c>. The same state gives the same status, to the letter: times that pass change
/// nothing.
/// </summary>
public static class StatusBuilder
{
    // A status is 64 KB as a rule: a machine that is broken all over says so with its first files.
    private const int MostProblems = 20;
    private const int MostIds = 64;

    /// <param name="generation">Of the object's spec that was planned for: a newer one may have come in since, and nothing here speaks of
    /// it.</param>
    /// <param name="others">What other device plugins offer on this node.</param>
    public static NodeDeviceStateStatus Build(
        HostInventory inventory,
        Plan plan,
        Catalog catalog,
        AllocationLedger ledger,
        ImmutableArray<ResourceState> kubelet,
        DesiredState desired,
        long? generation = null,
        ImmutableArray<OtherOffer> others = default
    )
    {
        plan = DoubleOffers.Tell(plan, inventory, others);
        var unready = Unready(catalog, kubelet);
        var devices = new DeviceStatuses(inventory, plan, catalog, unready);
        var policies = plan.Policies.Select(p => Result(p, plan, catalog, unready, ledger, devices)).ToImmutableArray();
        var resources = Resources(catalog, kubelet);
        var tokens = catalog.Units.Values.SelectMany(u => u.Unit.Companions).Select(c => c.Name.Value).ToHashSet(StringComparer.Ordinal);
        var all = devices.All;
        var unreached = kubelet.OrderBy(s => s.Name).Select(s => s.Problem).FirstOrDefault(p => p is not null);
        return new NodeDeviceStateStatus
        {
            ObservedGeneration = generation,
            Host = Host(inventory.Facts, [.. inventory.MissingFiles, .. inventory.Problems]),
            Names = devices.Names,
            Devices = all,
            Counts = new StatusCounts(
                all.Length,
                resources.Where(r => !tokens.Contains(r.Name)).Sum(r => r.Allocatable),
                ledger.ById.Values.Count(a => !a.IsToken),
                policies.Sum(p => p.Problems.Where(x => x.State.IsInTheWay).DistinctBy(x => x.Device).Count())
            ),
            VirtualFunctions = devices.VirtualFunctions,
            Allocations =
            [
                .. ledger.ById.Values.Select(a => new AllocationStatus(
                    a.Id,
                    a.Resource,
                    a.Pod?.Split('/')[0],
                    a.Pod?.Split('/')[^1],
                    a.Lacks
                )),
            ],
            Policies = policies,
            Releasing = [.. plan.Findings.Where(f => f.State == FindingState.Releasing).Select(Problem)],
            Cordons = Cordons(plan),
            Resources = resources,
            Conditions = NodeConditions.Of(inventory, desired, policies, resources, unreached, plan),
        };
    }

    private static ImmutableArray<DeviceProblem>? Cordons(Plan plan)
    {
        var cordons = plan
            .Findings.Where(f =>
                f.Reason == Reasons.CordonedByAdmin || f.Reason == Reasons.NothingCordoned || f.Reason == Reasons.InvalidCordon
            )
            .Select(Problem)
            .ToImmutableArray();
        return cordons.IsEmpty ? null : cordons;
    }

    private static HostStatus Host(HostFacts facts, ImmutableArray<ReadProblem> problems) =>
        new()
        {
            Kernel = facts.KernelRelease,
            Architecture = facts.Architecture,
            BootId = facts.BootId,
            Iommu = facts.IommuEnabled,
            InterruptRemapping = facts.InterruptRemapping.ToString(),
            KernelArguments = facts.KernelArguments,
            VfioDrivers = facts.PassthroughDrivers,
            Problems = [.. problems.Take(MostProblems).Select(p => p.ToString())],
        };

    /// <summary>
    /// The units that are not given out now, by ID: by what the machine shows, what is known of pods, what the kubelet was refused, and
    /// whose the name is.
    /// </summary>
    internal static Dictionary<string, OfferProblem> Unready(Catalog catalog, ImmutableArray<ResourceState> kubelet)
    {
        var refused = kubelet.ToDictionary(s => s.Name, s => s.Refused.Where(r => r.Shown).ToDictionary(r => r.Id, StringComparer.Ordinal));
        var anothers = kubelet.Where(IsAnothers).ToDictionary(s => s.Name, s => s.Problem!);
        var problems = new Dictionary<string, OfferProblem>(StringComparer.Ordinal);
        foreach (var (id, unit) in catalog.Units)
        {
            var refusal = refused.GetValueOrDefault(unit.Unit.Resource)?.GetValueOrDefault(id);
            if (unit.Problem is { } problem)
                problems[id] = problem;
            else if (refusal is not null)
                problems[id] = new OfferProblem(refusal.Reason, refusal.Message);
            else if (anothers.GetValueOrDefault(unit.Unit.Resource) is { } contested)
                problems[id] = new OfferProblem(contested.Reason, contested.Message);
        }

        return problems;
    }

    private static PolicyResult Result(
        PolicyMatch match,
        Plan plan,
        Catalog catalog,
        Dictionary<string, OfferProblem> unready,
        AllocationLedger ledger,
        DeviceStatuses devices
    )
    {
        // What a frozen policy has in force is of an earlier generation than the one that is reported.
        var findings = plan.Findings.Where(f => f.Policy?.Uid == match.Policy.Uid).ToList();
        var units = catalog.Units.Values.Where(u => u.Unit.Policy.Uid == match.Policy.Uid).ToList();
        var withheld = units
            .Where(u => unready.ContainsKey(u.Unit.Id.ToString()))
            .Select(u => (u.Unit, Problem: unready[u.Unit.Id.ToString()]))
            .ToList();
        // What an admin keeps back is as it is meant to be, and its finding tells of it: nothing waits for it.
        var stuck = withheld.FindAll(w => w.Problem.Reason != Reasons.CordonedByAdmin);
        var cordoned = withheld.Count - stuck.Count;
        var ready = units.Count - withheld.Count;
        var blocked = findings.Count(f => f.State == FindingState.Blocked);
        var waiting = findings.Count(f => f.State == FindingState.Waiting);
        var passed = findings.Count(f => f.Reason == Reasons.PassedOver);
        // A SriovPolicy matches physical functions, and what is blocked are their virtual ones.
        var besides = findings.Count(f => f.State.IsInTheWay && units.All(u => u.Unit.Id.ToString() != f.Device));
        var all = Math.Max(match.Matched, units.Count + besides);
        var (reason, message) = match switch
        {
            { Frozen: { } frozen } => (Reasons.Frozen, frozen.Message),
            { Matched: 0 } when blocked + waiting == 0 => (Reasons.NoMatch, $"{match.Policy} matches no device of this node{match.Hint}"),
            { Matched: 0 } when blocked > 0 => (Reasons.Blocked, findings.First(f => f.State == FindingState.Blocked).Message),
            _ when blocked > 0 => (
                Reasons.Blocked,
                $"{blocked} of {Devices(all)} cannot be offered: {findings.First(f => f.State == FindingState.Blocked).Message}"
            ),
            _ when waiting > 0 => (Reasons.Progressing, findings.First(f => f.State == FindingState.Waiting).Message),
            _ when stuck.Count > 0 => (Reasons.Progressing, stuck[0].Problem.Message),
            _ => (
                Reasons.Ready,
                $"{Devices(ready)} offered{(passed == 0 ? "" : $", and {passed} passed over that the host needs")}"
                    + (cordoned == 0 ? "" : $", and {cordoned} cordoned by an admin")
            ),
        };
        return new PolicyResult
        {
            Kind = match.Policy.Kind,
            Name = match.Policy.Name,
            Uid = match.Policy.Uid,
            Generation = match.Policy.Generation,
            Matched = Math.Max(match.Matched, units.Count + match.Missing),
            Ready = ready,
            Blocked = blocked,
            Allocated = units.Count(u => ledger.ById.ContainsKey(u.Unit.Id.ToString())),
            Ids = [.. devices.IdsOf(units.Select(u => u.Unit)).Take(MostIds)],
            Reason = reason,
            Message = message,
            Problems =
            [
                .. findings.Select(Problem),
                .. stuck.Where(s => !findings.Exists(f => SaysOf(f, s.Unit))).Select(s => Problem(s.Unit, s.Problem)),
            ],
        };
    }

    /// <summary>Whether a finding tells already why a unit is not offered.</summary>
    private static bool SaysOf(Finding finding, Unit unit) =>
        finding.State.IsInTheWay && unit.Claims.Any(c => c.ToString() == finding.Device);

    private static DeviceProblem Problem(Unit unit, OfferProblem problem) =>
        new(unit.Device.ToString(), FindingState.Waiting, problem.Reason, problem.Message, null);

    private static string Devices(int count) => string.Create(CultureInfo.InvariantCulture, $"{count} device{(count == 1 ? "" : "s")}");

    private static DeviceProblem Problem(Finding f) => new(f.Device, f.State, f.Reason, f.Message, f.OwnerUid);

    private static ImmutableArray<ResourceStatus> Resources(Catalog catalog, ImmutableArray<ResourceState> kubelet)
    {
        var states = kubelet.ToDictionary(s => s.Name);
        var offered = catalog.Resources.Select(r =>
            states.TryGetValue(r.Name, out var s)
                ? Resource(s)
                : new ResourceStatus(r.Name.Value, r.Devices.Length, r.Devices.Count(d => d.Healthy), false, null)
        );
        var leaving = kubelet.Where(s => s.Removed && s.Listed.Length > 0).Select(Resource);
        return [.. offered.Concat(leaving).DistinctBy(r => r.Name).OrderBy(r => r.Name, StringComparer.Ordinal)];
    }

    private static ResourceStatus Resource(ResourceState s) =>
        new(
            s.Name.Value,
            s.Listed.Length,
            IsAnothers(s) ? 0 : s.Listed.Count(d => d.Healthy),
            s is { Registered: true, StreamLive: true },
            s.Problem?.Message
        );

    private static bool IsAnothers(ResourceState s) => s.Problem?.Reason == Reasons.ResourceContested;
}
