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
    /// Of a function that a unit is made of, or whose virtual function one is. Nothing is done for them: a fatal error of what is offered
    /// takes it out of service by itself.
    /// </summary>
    internal static IEnumerable<Finding> Findings(PlanningInput input, ImmutableArray<Unit> units)
    {
        var errors = input.Errors.ToDictionary(e => e.Function);
        if (errors.Count == 0)
            return [];
        var concerned =
            from unit in units
            from function in Reporters(unit, input.Inventory)
            where errors.TryGetValue(function, out var it) && (it.NonFatal > 0 || !IsWatchedForFaults(function))
            select (unit.Policy, Function: function);
        return concerned.Distinct().OrderBy(c => c.Function).Select(c => Of(c.Policy, errors[c.Function]));

        bool IsWatchedForFaults(PciAddress function) => input.Inventory.Functions.GetValueOrDefault(function)?.Health is not null;
    }

    /// <summary>
    /// The functions that report a unit's errors: of virtual functions the physical one, since link and transactions are the card's.
    /// </summary>
    public static IEnumerable<PciAddress> Reporters(Unit unit, HostInventory inventory) =>
        unit
            .Handout.Claims.Select(c => c.AsPci)
            .OfType<PciAddress>()
            .Select(a => inventory.Functions.GetValueOrDefault(a)?.PhysicalFunction ?? a)
            .Distinct();

    private static Finding Of(PolicyIdentity policy, PcieErrors it)
    {
        var fatal = it.Fatal > 0 ? string.Create(CultureInfo.InvariantCulture, $", {it.Fatal} of them fatal") : "";
        var count = it.NonFatal + it.Fatal;
        return new Finding(
            policy,
            it.Function.ToString(),
            FindingState.Noticed,
            Reasons.UncorrectableErrors,
            FormattableString.Invariant(
                $"{it.Function} reported {count} uncorrectable PCIe error{(count == 1 ? "" : "s")}{fatal}, the last at {it.Last:u}: "
            ) + "a transfer was lost; look at dmesg for which (AER), and when they go on reseat the card, or exchange its riser or cable"
        );
    }
}
