using System.Globalization;
using System.Text;
using Hostdev.Crds;
using Hostdev.Kube.Meta;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Commands;

/// <summary>A plan as text for a dry run: what would be done, what would be offered, what stands in the way.</summary>
internal static class PlanText
{
    public static string Render(Plan plan)
    {
        var text = new StringBuilder();
        text.AppendLine(
            plan.Halt is { } halt ? $"Nothing is done now: {halt.Reason}: {halt.Message}"
            : plan.Lanes.IsEmpty ? "Nothing is to be done now."
            : "To be done now (lanes run side by side):"
        );
        foreach (var lane in plan.Lanes)
        {
            text.Append(CultureInfo.InvariantCulture, $"  {lane.Key}\n");
            foreach (var step in lane.Steps)
            {
                if (StepWords.ToDo(step.Step) is { } words)
                    text.Append(CultureInfo.InvariantCulture, $"    - {words}\n");
            }
        }

        Section(text, "To be offered:", plan.Units.Select(Offered));
        Section(text, "What the host loses beside what is named:", plan.Units.Select(u => u.HostLoses).OfType<string>());
        Section(
            text,
            "In the way, or worth knowing:",
            plan.Findings.Select(f => $"{f.State} {f.Device}{(f.Policy is null ? "" : $" ({f.Policy})")}: {f.Reason}: {f.Message}")
        );
        Section(
            text,
            "Matching nothing here:",
            plan.Policies.Where(p => p.Matched == 0 && p.Frozen is null && plan.Findings.All(f => f.Policy != p.Policy))
                .Select(p => $"{p.Policy}{p.Hint}")
        );
        return text.ToString();
    }

    /// <summary>Everything that decides about one device.</summary>
    /// <returns>Null where there is no such device, and nothing is to be made that would be it.</returns>
    public static string? Explain(DeviceId device, HostInventory inventory, HostUsage usage, Plan plan)
    {
        var unit = plan.Units.FirstOrDefault(u => u.Claims.Contains(device));
        var described = device switch
        {
            DeviceId.OfPci(var address) when inventory.Functions.TryGetValue(address, out var function) => Describe(function, inventory),
            DeviceId.OfMdev(var uuid) => MdevText.Describe(uuid, inventory, unit),
            DeviceId.OfUsb(var port) => LentText.Describe(port, inventory),
            DeviceId.OfScsi(var disk) => LentText.Describe(disk, inventory),
            _ => null,
        };
        if (described is null)
            return null;
        var text = new StringBuilder();
        text.AppendJoin("\n  ", described).Append('\n');
        Section(text, "Nothing is done now:", plan.Halt is { } halt ? [$"{halt.Reason}: {halt.Message}"] : []);
        Section(text, "In use by:", usage.UsersOf(device).Select(u => u.Description));
        Section(text, "Offered:", unit is null ? [] : [$"as {unit.Resource} in unit {unit.Id} for {unit.Policy}"]);
        Section(text, "Not given out now:", unit?.OnAllocate?.Obstacle is { } obstacle ? [$"{obstacle.Reason}: {obstacle.Message}"] : []);
        Section(text, "What the host loses beside what is named:", unit?.HostLoses is { } loss ? [loss] : []);
        var findings = plan.Findings.Where(f => f.Device == device.ToString() || device.IsNamedIn(f.Message)).ToList();
        Section(text, "In the way, or worth knowing:", findings.Select(f => $"{f.State}: {f.Reason}: {f.Message}"));
        var steps = plan.Lanes.SelectMany(l => l.Steps).Select(s => s.Step).Where(s => s.Device == device);
        Section(text, "To be done now:", steps.Select(StepWords.ToDo).OfType<string>());
        Section(text, "To be done when a pod is given it:", (unit?.OnAllocate?.Steps ?? []).Select(StepWords.ToDo).OfType<string>());
        if (unit is null && findings.Count == 0)
            text.Append("No policy asks for it.\n");
        return text.ToString();
    }

    private static IEnumerable<string> Describe(PciFunction function, HostInventory inventory)
    {
        var group = inventory.GroupOf(function);
        string?[] title = [function.Address.ToString(), $"{function.Vendor}:{function.Device}", function.VendorName, function.DeviceName];
        yield return string.Join(' ', title.Where(t => t is not null));
        yield return $"driver: {function.Driver ?? "none"}";
        yield return $"IOMMU group: {Members(inventory, group)}";
        var regions = string.Join(", ", group?.DirectRegions ?? []);
        if (regions.Length > 0)
            yield return $"direct regions of the group: {regions}";
        foreach (var line in MdevText.MadeOn(function.Address, inventory))
            yield return line;
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
            _ => string.Join(", ", given),
        };
        var when = unit.OnAllocate switch
        {
            { Obstacle: { } obstacle } => $"; not given out now: {obstacle.Reason}: {obstacle.Message}",
            { IsLent: true } => "; the host's until a pod is given it",
            { Steps.IsEmpty: false } => "; made when a pod is given it",
            _ => "",
        };
        return $"{unit.Resource}: {unit.Id} ({what}{(held.Count == 0 ? "" : $"; held: {string.Join(", ", held)}")}{when})";
    }

    private static string Members(HostInventory inventory, IommuGroup? group)
    {
        if (group is null)
            return "none";
        var members = group.Members.Select(a => Member(inventory, a)).Concat(group.OtherMembers.Select(m => Member(m)));
        return $"{group.Number} with {string.Join(", ", members)}";
    }

    private static string Member(HostInventory inventory, PciAddress address) =>
        inventory.Functions.TryGetValue(address, out var f)
            ? $"{address} ({(f.IsBridge ? "bridge" : f.Driver ?? "no driver")})"
            : address.ToString();

    private static string Member(OtherGroupMember member) => $"{member.Name} ({member.Driver ?? "no driver"})";

    private static void Section(StringBuilder text, string title, IEnumerable<string> lines)
    {
        var all = lines.ToList();
        if (all.Count == 0)
            return;
        text.Append(title).Append('\n');
        foreach (var line in all)
            text.Append("  - ").Append(PrintableText.Of(line)).Append('\n'); // what a process is called makes no line of its own
    }
}
