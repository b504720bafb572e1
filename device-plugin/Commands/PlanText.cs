using System.Globalization;
using System.Text;
using Hostdev.Crds.Words;
using Hostdev.Kube.Meta;
using Hostdev.Planning;
using Hostdev.Planning.Foreseeing;

namespace Hostdev.DevicePlugin.Commands;

/// <summary>A plan as text for a dry run: what would be done, what would be offered, what stands in the way.</summary>
internal static class PlanText
{
    /// <summary>What is done now, what then, and how it is at the end.</summary>
    public static string Render(ForeseenWay way)
    {
        var text = new StringBuilder();
        var end = way.End;
        if (end.Halt is { } halt)
            text.AppendLine($"Nothing is done now: {halt.Reason}: {halt.Message}");
        else if (way.Rounds.IsEmpty)
            text.AppendLine("Nothing is to be done now.");
        for (var i = 0; i < way.Rounds.Length; i++)
        {
            text.AppendLine(i == 0 ? "To be done now (lanes run side by side):" : $"Then, once {StepWords.Brought(way.Rounds[i - 1])}:");
            foreach (var lane in way.Rounds[i].Lanes)
            {
                text.Append(CultureInfo.InvariantCulture, $"  {lane.Key}\n");
                foreach (var words in StepsOf(lane))
                    text.Append(CultureInfo.InvariantCulture, $"    - {words}\n");
            }
        }

        if (!way.Settles)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"It does not settle: after {way.Rounds.Length} rounds something is still to be done. "
            );
            text.Append("Two policies may want what undoes each other's work; if none does, please report it\n");
        }

        Section(text, "Known only when it is done:", way.Assumptions);
        Section(text, "Taken from the host on the way:", way.Lost.Select(Lost));
        Section(text, "Given back to the host on the way:", way.Returned.Select(Returned));
        Section(text, "To be offered:", end.Units.Select(Offered));
        Section(text, "What the host loses beside what is named:", way.HostLoses);
        Section(
            text,
            "In the way, or worth knowing:",
            way.Findings.Select(f => $"{f.State} {f.Device}{(f.Policy is null ? "" : $" ({f.Policy})")}: {f.Reason}: {f.Message}")
        );
        Section(text, "Waited for:", way.WaitsFor.Select(w => $"for {w.Device}: {string.Join("; ", w.Users)}"));
        Section(text, "Matching nothing here:", MatchingNothing(end).Select(p => $"{p.Policy}{p.Hint}"));
        return text.ToString();
    }

    /// <summary>What a lane does to the host, in words; what it only notes is said where it does nothing else.</summary>
    internal static IEnumerable<string> StepsOf(Lane lane)
    {
        var words = lane.Steps.Select(s => StepWords.ToDo(s.Step)).OfType<string>().ToList();
        return words.Count > 0 ? words : ["bring the journal up to date"];
    }

    internal static IEnumerable<PolicyMatch> MatchingNothing(Plan plan) =>
        plan.Policies.Where(p => p.Matched == 0 && p.Frozen is null && plan.Findings.All(f => f.Policy != p.Policy));

    internal static string Lost(ForeseenMove move) =>
        $"{PciText.Named(move.Function)}, from {move.From}"
        + move.To switch
        {
            null when move.Function.PhysicalFunction is { } pf => $": it is gone with the number of {pf}",
            null => ": it is gone with what it is behind",
            "" => "",
            var to => $" to {to}",
        };

    internal static string Returned(ForeseenMove move)
    {
        var from =
            move.From is null ? "which is new, "
            : move.From.Length == 0 ? ""
            : $"from {move.From} ";
        return $"{PciText.Named(move.Function)}, {from}to {move.To}";
    }

    private static string Offered(Unit unit)
    {
        var given = unit.Handout.Drivers.Select(d => d.Device).ToList();
        var held = unit.Claims.Except(given).ToList();
        var what = unit.Handout switch
        {
            Handout.MediatedDevice mdev => $"type {mdev.TypeId}",
            Handout.UsbNode usb => usb.Identity.ToString(),
            Handout.ScsiNode scsi => scsi.Name,
            _ => string.Join(", ", given.Select(d => unit.CompanionOf(d) is { } name ? $"{d} as {name}" : $"{d}")),
        };
        var when = unit.OnAllocate switch
        {
            _ when unit.CordonedByAdmin is not null => $"; not given out now: {Reasons.CordonedByAdmin}",
            { Obstacle: { } obstacle } => $"; not given out now: {obstacle.Reason}: {obstacle.Message}",
            { IsLent: true } => "; the host's until a pod is given it",
            { Steps.IsEmpty: false } => "; made when a pod is given it",
            _ => "",
        };
        return $"{unit.Resource}: {unit.Id} ({what}{(held.Count == 0 ? "" : $"; held: {string.Join(", ", held)}")}{when})";
    }

    internal static void Section(StringBuilder text, string title, IEnumerable<string> lines)
    {
        var all = lines.ToList();
        if (all.Count == 0)
            return;
        text.Append(title).Append('\n');
        foreach (var line in all)
            text.Append("  - ").Append(PrintableText.Of(line)).Append('\n'); // what a process is called makes no line of its own
    }
}
