using System.Text;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Explaining;

namespace Hostdev.DevicePlugin.Commands;

/// <summary>How what is said of a device stands to what is so.</summary>
internal enum Standing
{
    /// <summary>An agent runs and follows this desired state.</summary>
    Followed,

    /// <summary>An agent runs and follows another desired state.</summary>
    NotFollowed,

    /// <summary>No agent runs.</summary>
    NoAgent,
}

/// <summary>Everything that decides about one device, as text.</summary>
internal static class ExplainText
{
    /// <param name="writes">What was written to it, as lines.</param>
    /// <returns>Null where there is no such device, and nothing is to be made that would be it.</returns>
    public static string? Render(Explanation it, Standing standing, IEnumerable<string> writes)
    {
        var (device, inventory, unit) = (it.Device, it.Input.Inventory, it.Unit);
        var described = device switch
        {
            DeviceId.OfPci(var address) => PciText.Describe(address, inventory),
            DeviceId.OfMdev(var uuid) => MdevText.Describe(uuid, inventory, unit),
            DeviceId.OfUsb(var port) => LentText.Describe(port, inventory),
            DeviceId.OfScsi(var disk) => LentText.Describe(disk, inventory),
            _ => null,
        };
        if (described is null)
            return null;
        var text = new StringBuilder();
        text.AppendJoin("\n  ", described).Append('\n');
        Section(text, "Nothing is done now:", it.Plan.Halt is { } halt ? [$"{halt.Reason}: {halt.Message}"] : []);
        Section(text, "In use by:", it.Users);
        Section(text, "Asked for:", it.AskedBy);
        Section(text, "Not asked for:", it.WouldBeAskedBy);
        if (unit is not null)
        {
            var what = it.IsHeld
                ? $"for unit {unit.Id}, which is {unit.Resource} for {unit.Policy}: the host goes without it, and no VM gets it"
                : $"as {unit.Resource} in unit {unit.Id} for {unit.Policy}"
                    + (unit.CompanionOf(device) is { } name ? $": a VM of KubeVirt gets it by asking for {name} too (companion)" : "");
            Section(text, $"{Now(it, standing, it.IsHeld ? "held" : "offered")}:", [what]);
        }

        Section(text, "Not given out now:", NotGivenOut(unit));
        Section(text, "What the host loses beside what is named:", unit?.HostLoses is { } loss ? [loss] : []);
        Section(text, "In the way, or worth knowing:", it.Findings.Select(f => $"{f.State}: {f.Reason}: {f.Message}"));
        Section(text, "In the way after that:", it.Behind.Select(f => $"{f.State}: {f.Reason}: {f.Message}"));
        Section(text, "What may help:", it.Advice);
        var steps = it.Plan.Lanes.SelectMany(l => l.Steps).Select(s => s.Step).Where(s => s.Device == device);
        Section(
            text,
            standing == Standing.Followed ? "To be done now:" : $"Would be done{Unless(standing)}:",
            steps.Select(StepWords.ToDo).OfType<string>()
        );
        Section(text, "To be done when a pod is given it:", StepsForAPod(it));
        Section(text, "On record:", it.Records);
        Section(text, "Written to it in this boot, the last ones:", writes);
        if (unit is null && it.Findings.IsEmpty && it.AskedBy.IsEmpty)
            text.Append(it.WouldBeAskedBy.IsEmpty ? "No policy asks for it.\n" : "");
        return text.ToString();
    }

    private static string Now(Explanation it, Standing standing, string what) =>
        standing != Standing.Followed ? $"Would be {what}{Unless(standing)}"
        : it.IsChanging ? $"To be {what}, when what is to be done is done"
        : char.ToUpperInvariant(what[0]) + what[1..];

    private static string Unless(Standing standing) =>
        standing == Standing.NoAgent ? " (no agent runs on this host)" : " (the agent of this host follows another desired state)";

    private static IEnumerable<string> StepsForAPod(Explanation it) =>
        it.Unit is { OnAllocate.Steps: var steps } unit && !it.Input.Given.Contains(unit.Id)
            ? steps.Select(StepWords.ToDo).OfType<string>()
            : [];

    private static IEnumerable<string> NotGivenOut(Unit? unit)
    {
        if (unit?.OnAllocate?.Obstacle is { } obstacle)
            yield return $"{obstacle.Reason}: {obstacle.Message}";
        if (unit?.Fault is { } fault)
            yield return fault;
        if (unit?.CordonedByAdmin is not null)
            yield return $"{Reasons.CordonedByAdmin}: by an admin's word, which stands below";
        if (unit is { Cordoned: true })
            yield return "its policy lets it go as soon as nobody has it (disruption: Cordon)";
    }

    private static void Section(StringBuilder text, string title, IEnumerable<string> lines) => PlanText.Section(text, title, lines);
}
