using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>
/// Functions that are broken: out of service from the moment they show it, whatever they show later, until a reset proves them. A device
/// that a VM has is not reset: its VM notices first. Where none is to be made, they are proven by their absence: a function that was
/// removed and is found again is another one, and so is one of another boot.
/// </summary>
internal static class HealthPlanner
{
    public static UnitHealth Plan(Situation situation, ImmutableArray<Unit> units)
    {
        var known = situation.Input.Ownership.Health.Keys.Select(d => d.AsPci).OfType<PciAddress>();
        var judged = units.Select(u => (Unit: u, Faults: FaultsOf(situation, u))).ToList();
        // What goes back to the host is reset by nobody but its driver.
        var ours = judged.Where(j => j.Unit.OnAllocate is null);
        return new UnitHealth(
            [
                .. judged.Select(j =>
                    j.Faults is [var (function, fault), ..]
                        ? j.Unit with
                        {
                            Fault = $"{function.Address} is out of service: {fault}",
                        }
                        : j.Unit
                ),
            ],
            [
                .. known
                    .Where(a => !situation.Inventory.Functions.ContainsKey(a))
                    .Select(gone => new Work(gone, [new LaneStep(Purpose.Reset(gone), new JournalRecord.ForgetFault(gone))])),
                .. ours.SelectMany(j => j.Faults.Select(f => WorkOn(situation, j.Unit, f.Function, f.Fault))),
            ]
        );
    }

    private static List<(PciFunction Function, string Fault)> FaultsOf(Situation situation, Unit unit) =>
        [
            .. unit.Functions()
                .Select(m => (Function: situation.Inventory.Functions[m.Address], Fault: Fault(situation, m.Address)))
                .Where(f => f.Fault is not null)
                .Select(f => (f.Function, f.Fault!)),
        ];

    /// <summary>
    /// What is wrong with a function, by what it shows now or by what it showed since its last reset; null when nothing is.
    /// </summary>
    private static string? Fault(Situation situation, PciAddress address)
    {
        var known = situation.Input.Ownership.Health.GetValueOrDefault(address);
        if (known?.Fault is { } recorded)
            return recorded;
        if (situation.Inventory.Functions[address].Health is not { } health)
            return null;
        if (!health.Answers)
            return "its configuration space reads all ones, so it does not answer: it lost power, its firmware crashed, or "
                + "its link is down";
        var news = health.FatalErrors - (known?.FatalErrors ?? 0);
        return news > 0 ? $"it reported {news} fatal PCIe error{(news == 1 ? "" : "s")} (aer_dev_fatal)" : null;
    }

    private static Work WorkOn(Situation situation, Unit unit, PciFunction function, string fault)
    {
        var count = function.Health?.FatalErrors ?? 0;
        var obstacle = Obstacle(situation, unit, function);
        List<PlanStep> steps = [];
        if (situation.Input.Ownership.Health.GetValueOrDefault(function.Address)?.Fault is null)
            steps.Add(new JournalRecord.RecordFault(function.Address, fault, count));
        if (obstacle is null)
        {
            steps.Add(new PlanStep.Reset(function.Address, [.. unit.Functions().Select(m => m.Address)]));
            steps.Add(new JournalRecord.ClearFault(function.Address, count));
        }

        var finding = new Finding(
            unit.Policy,
            function.Address.ToString(),
            obstacle?.State ?? FindingState.Waiting,
            Reasons.Faulty,
            $"{function.Address} is out of service: {fault}; {obstacle?.Message ?? "it is being reset"}"
        );
        return new Work(function.Address, [.. steps.Select(s => new LaneStep(Purpose.Reset(function.Address), s))])
        {
            Findings = [finding],
        };
    }

    /// <summary>Why it cannot be reset now; null when it can.</summary>
    private static (FindingState State, string Message)? Obstacle(Situation situation, Unit unit, PciFunction function)
    {
        const string later = "it is reset as soon as nobody has it";
        if (function.HasNoReset)
            return (FindingState.Blocked, "the kernel knows no way to reset it: remove and rescan it, or power-cycle the host");
        var users = situation.Input.Usage.InWords(unit.Claims);
        var inUse = users.IsEmpty ? "" : $"; in use: {string.Join("; ", users)}";
        if (WhyNot(situation, unit, function) is { } why)
            return (FindingState.Blocked, $"{why}: {Returns(function)}{inUse}");
        if (!users.IsEmpty)
            return (FindingState.Waiting, later + inUse);
        if (!situation.Input.Setbacks.TryGetValue(Purpose.Reset(function.Address), out var setback))
            return null;
        return setback.Reason.IsUse ? (FindingState.Waiting, $"{later}; {setback.Message}") : (FindingState.Blocked, setback.Message);
    }

    /// <summary>Why it is not reset at all; null when it is.</summary>
    private static string? WhyNot(Situation situation, Unit unit, PciFunction function) =>
        BoardsHarmedByReset.Of(function, situation.Inventory.Facts) is { } board ? $"it is not reset, because {board.Harms(function)}"
        : unit.Reset == ResetChoice.Never ? "it is not reset, because the policy says reset: Never (with Auto it is)"
        : null;

    /// <summary>Nothing in the kernel tells of a reset that somebody else made.</summary>
    private static string Returns(PciFunction function) =>
        "it stays out of service until the host boots again, or until it was removed and is found again: once nobody has it, write 1 to "
        + $"/sys/bus/pci/devices/{function.Address}/remove, and to /sys/bus/pci/rescan when this is no longer said. A reset by hand is "
        + "not seen";
}
