using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Pci;
using Hostdev.Planning.Sriov;

namespace Hostdev.Planning;

/// <summary>
/// The difference between what is there and what is wanted, as steps: removals first, then additions, in lanes that do not touch each
/// other.
/// </summary>
internal static class LaneBuilder
{
    public static ImmutableArray<Lane> Build(PlanningContext context)
    {
        var steps = new SortedDictionary<DeviceId, List<LaneStep>>();
        var clusters = context.Graph.Clusters();
        List<LaneStep> Of(DeviceId device)
        {
            var key = clusters.GetValueOrDefault(device, device);
            if (!steps.TryGetValue(key, out var list))
                steps[key] = list = [];
            return list;
        }

        var goingVfs = new HashSet<DeviceId>();
        var kept = NeverUnderstood(context);
        foreach (var pf in ReleasedPhysicalFunctions(context).Where(o => !kept(o.PolicyUid, o.Address)))
            Of(pf.Address).AddRange(VfSteps.Release(context, pf, goingVfs));
        foreach (var target in context.PhysicalFunctions.Values.OrderBy(t => t.Address))
            Of(target.Address).AddRange(VfSteps.Remove(context, target, goingVfs));
        foreach (var owned in context.Input.Ownership.Functions.Values)
        {
            if (context.Functions.ContainsKey(owned.Address) || goingVfs.Contains(owned.Address) || kept(owned.PolicyUid, owned.Address))
                continue;
            Of(owned.Address).AddRange(FunctionSteps.Release(context, owned));
        }

        LeaveOutUnitsOf(context, goingVfs);
        foreach (var target in context.PhysicalFunctions.Values.OrderBy(t => t.Address))
            Of(target.Address).AddRange(VfSteps.Create(context, target));
        foreach (var unit in context.Units.OrderBy(u => u.Id).Where(u => !VfSteps.Makes(context, u)))
            Of(unit.Device).AddRange(FunctionSteps.Take(context, unit));

        foreach (var (function, step) in HealthPlanner.Plan(context))
            Of(function).Add(step);
        return [.. steps.Where(s => s.Value.Count > 0).Select(s => new Lane(s.Key, [.. s.Value]))];
    }

    /// <summary>Physical functions whose VFs we made and that no policy manages any more.</summary>
    private static IEnumerable<OwnedPhysicalFunction> ReleasedPhysicalFunctions(PlanningContext context) =>
        context.Input.Ownership.PhysicalFunctions.Values.Where(o => !context.PhysicalFunctions.ContainsKey(o.Address));

    /// <summary>
    /// What was taken for a policy of which no version was ever understood: as long as it is desired, nothing of it is given back.
    /// </summary>
    private static Func<string, DeviceId, bool> NeverUnderstood(PlanningContext context)
    {
        var policies = context
            .Input.Policies.Where(p => p.InForce is DesiredPolicy.Frozen)
            .Select(p => p.Identity.Uid)
            .ToHashSet(StringComparer.Ordinal);
        return (uid, device) => policies.Contains(uid) && context.Graph.Has(device);
    }

    /// <summary>
    /// A HostDevice may want virtual functions that a SriovPolicy had made and that go with it: taking them would keep them from ever
    /// going.
    /// </summary>
    private static void LeaveOutUnitsOf(PlanningContext context, HashSet<DeviceId> goingVfs)
    {
        foreach (var unit in context.Units.Where(u => u.Functions().Any(m => goingVfs.Contains(m.Address))).ToList())
        {
            context.Units.Remove(unit);
            context.Wait(
                unit.Policy,
                unit.Device.ToString(),
                Reasons.ReleaseWaits,
                $"{unit.Device} is a virtual function that Hostdev made for a policy which is gone, and is removed: "
                    + "keep a SriovPolicy for its physical function"
            );
        }
    }
}
