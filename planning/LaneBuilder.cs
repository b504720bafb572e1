using System.Collections.Immutable;
using Hostdev.Planning.Attributes;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Lending;
using Hostdev.Planning.Mdev;
using Hostdev.Planning.Pci;
using Hostdev.Planning.Sriov;

namespace Hostdev.Planning;

/// <summary>The difference between what is there and what is wanted, as steps in lanes that do not touch each other.</summary>
internal static class LaneBuilder
{
    /// <summary>What is to be done: removals first, then additions.</summary>
    public static ImmutableArray<Work> WorkOn(Situation situation, Targets targets, GoingBack goingBack)
    {
        var physicalFunctions = targets.PhysicalFunctions.Values.OrderBy(t => t.Address).ToList();
        return
        [
            .. goingBack.Loans.Select(l => LoanSteps.TakeBack(situation, l)),
            .. goingBack.Vgpus.Select(o => VgpuSteps.Release(situation, targets, o)),
            .. goingBack.Mdevs.Select(o => MdevSteps.Release(situation, targets, o)),
            .. goingBack.PhysicalFunctions.Select(o => VfSteps.Release(situation, o)),
            .. physicalFunctions.Select(t => VfSteps.Remove(situation, t)),
            .. AttributeSteps.Release(situation, goingBack),
            .. goingBack.Functions.Select(o => FunctionSteps.Release(situation, targets, o)),
            .. AttributeSteps.Set(situation, targets),
            .. physicalFunctions.Select(t => VfSteps.Create(situation, targets, t)),
            .. targets
                .Units.OrderBy(u => u.Id)
                .Where(u =>
                    u.OnAllocate is null
                    && !VfSteps.Makes(situation, targets, u)
                    && u.Functions().All(m => AttributeSteps.MayBind(situation, targets, m.Address))
                )
                .Select(u => FunctionSteps.Take(situation, targets, u)),
            .. MdevSteps.Create(situation, targets),
            .. VgpuSteps.Give(situation, targets),
        ];
    }

    /// <summary>Work on devices that have to do with each other, or that one work touches, is one lane, in its order.</summary>
    public static ImmutableArray<Lane> Build(DeviceGraph graph, IEnumerable<Work> work)
    {
        var all = work.ToList();
        var clusters = graph.Clusters(all.Select(w => w.Touches.Prepend(w.Device)));
        return
        [
            .. all.GroupBy(w => clusters.GetValueOrDefault(w.Device, w.Device), w => w.Steps)
                .Select(g => new Lane(g.Key, [.. g.SelectMany(s => s)]))
                .Where(l => !l.Steps.IsEmpty)
                .OrderBy(l => l.Key),
        ];
    }
}
