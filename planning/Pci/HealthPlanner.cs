using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>
/// Functions that are broken: out of service from the moment they show it, whatever they show later, until a reset proves them. A device
/// that a VM has is not reset: its VM notices first.
/// </summary>
internal static class HealthPlanner
{
    public static IEnumerable<(PciAddress Function, LaneStep Step)> Plan(PlanningContext context)
    {
        var known = context.Input.Ownership.Health.Keys.Select(d => d.AsPci).OfType<PciAddress>();
        foreach (var gone in known.Where(a => !context.Inventory.Functions.ContainsKey(a)))
        {
            yield return (gone, new LaneStep(Purpose.Reset(gone), new JournalRecord.ForgetFault(gone)));
        }

        for (var i = 0; i < context.Units.Count; i++)
        {
            var unit = context.Units[i];
            var faults = unit.Functions()
                .Select(m => (Function: context.Inventory.Functions[m.Address], Fault: Fault(context, m.Address)))
                .Where(f => f.Fault is not null)
                .ToList();
            if (faults.Count == 0)
                continue;
            context.Units[i] = unit with { Fault = $"{faults[0].Function.Address} is out of service: {faults[0].Fault}" };
            foreach (var (function, fault) in faults)
            {
                foreach (var step in Steps(context, unit, function, fault!))
                    yield return (faults[0].Function.Address, new LaneStep(Purpose.Reset(function.Address), step));
            }
        }
    }

    /// <summary>
    /// What is wrong with a function, by what it shows now or by what it showed since its last reset; null when nothing is.
    /// </summary>
    private static string? Fault(PlanningContext context, PciAddress address)
    {
        var known = context.Input.Ownership.Health.GetValueOrDefault(address);
        if (known?.Fault is { } recorded)
            return recorded;
        if (context.Inventory.Functions[address].Health is not { } health)
            return null;
        if (!health.Answers)
            return "its configuration space reads all ones, so it does not answer: it lost power, its firmware crashed, or "
                + "its link is down";
        var news = health.FatalErrors - (known?.FatalErrors ?? 0);
        return news > 0 ? $"it reported {news} fatal PCIe error{(news == 1 ? "" : "s")} (aer_dev_fatal)" : null;
    }

    private static IEnumerable<PlanStep> Steps(PlanningContext context, Unit unit, PciFunction function, string fault)
    {
        var count = function.Health?.FatalErrors ?? 0;
        if (context.Input.Ownership.Health.GetValueOrDefault(function.Address)?.Fault is null)
            yield return new JournalRecord.RecordFault(function.Address, fault, count);
        var obstacle = Obstacle(context, unit, function);
        var outlook = obstacle?.Message ?? "it is being reset";
        context.Findings.Add(
            new Finding(
                unit.Policy,
                function.Address.ToString(),
                obstacle?.State ?? FindingState.Waiting,
                Reasons.Faulty,
                $"{function.Address} is out of service: {fault}; {outlook}"
            )
        );
        if (obstacle is not null)
            yield break;
        yield return new PlanStep.Reset(function.Address, [.. unit.Functions().Select(m => m.Address)]);
        yield return new JournalRecord.ClearFault(function.Address, count);
    }

    /// <summary>Why it cannot be reset now; null when it can.</summary>
    private static (FindingState State, string Message)? Obstacle(PlanningContext context, Unit unit, PciFunction function)
    {
        const string later = "it is reset as soon as nobody has it";
        if (function.ResetMethods.IsEmpty && !function.ResetsUntold)
            return (FindingState.Blocked, "the kernel knows no way to reset it: remove and rescan it, or power-cycle the host");
        var users = context.Input.Usage.InWords(unit.Claims);
        if (!users.IsEmpty)
            return (FindingState.Waiting, $"{later}; in use: {string.Join("; ", users)}");
        if (!context.Input.Setbacks.TryGetValue(Purpose.Reset(function.Address), out var setback))
            return null;
        return setback.Reason.IsUse ? (FindingState.Waiting, $"{later}; {setback.Message}") : (FindingState.Blocked, setback.Message);
    }
}
