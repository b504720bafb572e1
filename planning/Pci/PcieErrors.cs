using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>Uncorrectable PCIe errors that a function has reported lately.</summary>
/// <param name="NonFatal">How many since they began; <paramref name="Fatal"/> as well.</param>
public sealed record PcieErrors(PciAddress Function, long NonFatal, long Fatal, DateTimeOffset Last)
{
    /// <summary>
    /// Of what reports a unit's errors. Nothing is done for them: a fatal error of what is offered takes it out of service by itself, and
    /// is said there.
    /// </summary>
    internal static IEnumerable<Finding> Findings(Situation situation, ImmutableArray<Unit> units)
    {
        var errors = situation.Input.Errors.ToDictionary(e => e.Function);
        if (errors.Count == 0)
            return [];
        var concerned =
            from unit in units
            from function in Reporters(unit, situation.Graph, situation.Inventory)
            where errors.TryGetValue(function.Address, out var it) && (it.NonFatal > 0 || function.Health is null)
            select (unit.Policy, Function: function, unit.Id);
        return concerned
            .OrderBy(c => c.Function.Address)
            .ThenBy(c => c.Id)
            .DistinctBy(c => (c.Policy, c.Function.Address))
            .Select(c => Of(c.Policy, c.Function, c.Id, errors[c.Function.Address]));
    }

    /// <summary>
    /// The functions that report errors of units, each once: what a unit is made of, what that goes with (of a virtual function the
    /// physical one, of a mediated device its card), and the ports above, which see what is wrong with their links (PCIe 6.2.4).
    /// </summary>
    public static IEnumerable<PciFunction> Reporters(ImmutableArray<Unit> units, HostInventory inventory)
    {
        var graph = DeviceGraph.Of(inventory);
        return units.SelectMany(u => Reporters(u, graph, inventory)).DistinctBy(f => f.Address);
    }

    private static IEnumerable<PciFunction> Reporters(Unit unit, DeviceGraph graph, HostInventory inventory) =>
        unit
            .Claims.SelectMany(graph.Above)
            .Select(d => d.AsPci is { } address ? inventory.Functions.GetValueOrDefault(address) : null)
            .OfType<PciFunction>()
            .SelectMany(f => f.Path.Select(inventory.Functions.GetValueOrDefault).OfType<PciFunction>().Append(f));

    private static Finding Of(PolicyIdentity policy, PciFunction function, DeviceId unit, PcieErrors it)
    {
        var who = function.IsBridge ? $"{it.Function}, a port above {unit}," : $"{it.Function}";
        var fatal = it.Fatal > 0 ? string.Create(CultureInfo.InvariantCulture, $", {it.Fatal} of them fatal") : "";
        var count = it.NonFatal + it.Fatal;
        return new Finding(
            policy,
            it.Function.ToString(),
            FindingState.Noticed,
            Reasons.UncorrectableErrors,
            FormattableString.Invariant(
                $"{who} reported {count} uncorrectable PCIe error{(count == 1 ? "" : "s")}{fatal}, the last at {it.Last:u}: "
            ) + "a transfer was lost; look at dmesg for which (AER), and when they go on reseat the card, or exchange its riser or cable"
        );
    }
}
