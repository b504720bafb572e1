using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Planning;

/// <summary>
/// Units as admins keep them from being given out. A cordon changes nothing that is done: what policies want is brought about and given
/// back as ever, and only what is offered is kept back.
/// </summary>
/// <param name="Units">All of them; one that is kept back says why.</param>
/// <param name="Findings">One for each unit that is kept back, and one for each entry that keeps back none.</param>
internal sealed record CordonedUnits(ImmutableArray<Unit> Units, ImmutableArray<Finding> Findings)
{
    public static CordonedUnits Of(Situation situation, ImmutableArray<Unit> units)
    {
        if (situation.Input.Cordons.IsEmpty)
            return new CordonedUnits(units, []);
        var named = situation.Input.Cordons.OfType<DesiredCordon.OfDevice>().ToDictionary(c => c.Device);
        var used = new HashSet<DeviceId>();
        var findings = ImmutableArray.CreateBuilder<Finding>();
        var marked = ImmutableArray.CreateBuilder<Unit>(units.Length);
        foreach (var unit in units)
        {
            var cordons = NamedBy(situation, unit).Where(named.ContainsKey).Distinct().Select(d => named[d]).ToList();
            used.UnionWith(cordons.Select(c => c.Device));
            if (cordons.Count == 0)
            {
                marked.Add(unit);
                continue;
            }

            var message = Message(unit, cordons);
            marked.Add(unit with { CordonedByAdmin = message });
            findings.Add(new Finding(unit.Policy, unit.Device.ToString(), FindingState.Noticed, Reasons.CordonedByAdmin, message));
        }

        foreach (var cordon in situation.Input.Cordons)
        {
            if (cordon is DesiredCordon.NotUnderstood(var at, var message))
                findings.Add(new Finding(null, at, FindingState.Noticed, Reasons.InvalidCordon, message));
            else if (cordon is DesiredCordon.OfDevice { Device: var device } idle && !used.Contains(device))
                findings.Add(new Finding(null, device.ToString(), FindingState.Noticed, Reasons.NothingCordoned, Idle(situation, idle)));
        }

        return new CordonedUnits(marked.ToImmutable(), findings.ToImmutable());
    }

    /// <summary>What a cordon may name to keep a unit back: the unit, each of its devices, and what any of them hangs on.</summary>
    private static IEnumerable<DeviceId> NamedBy(Situation situation, Unit unit) =>
        unit.Claims.SelectMany(situation.Graph.Above).Concat(ToBeMadeOn(unit).SelectMany(situation.Graph.Above)).Prepend(unit.Id);

    /// <summary>Of a mediated device that is made for an answer, and is in no reading before: its parent.</summary>
    private static IEnumerable<DeviceId> ToBeMadeOn(Unit unit) =>
        (unit.OnAllocate?.Steps ?? [])
            .OfType<PlanStep.CreateMdev>()
            .Select(s => PciAddress.TryParse(s.Parent, out var parent) ? (DeviceId)parent : null)
            .OfType<DeviceId>();

    private static string Message(Unit unit, List<DesiredCordon.OfDevice> cordons)
    {
        var words = cordons.Select(c => $"{(c.Device == unit.Id ? "it is" : $"{c.Device} is")} cordoned{c.Words}");
        return $"{unit.Id} is given to no pod, and stays with one that has it: {string.Join("; ", words)}. "
            + $"kubectl hostdev uncordon NODE {string.Join(", and ", cordons.Select(c => c.Device))} ends it";
    }

    private static string Idle(Situation situation, DesiredCordon.OfDevice cordon) =>
        $"{cordon.Device} is cordoned{cordon.Words}; "
        + (
            situation.Graph.Has(cordon.Device)
                ? "nothing of it is offered now, and nothing will be before that ends"
                : "it is not on this node now, and is not given out when it comes"
        );
}
