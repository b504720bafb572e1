using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Kubectl.Answers;

/// <summary>Everything that a node's status says about one device.</summary>
public sealed record Explanation
{
    public required DeviceRow Device { get; init; }

    /// <summary>The others of its IOMMU group: they go to VMs, or stay with the host, together.</summary>
    public required ImmutableArray<DeviceRow> Group { get; init; }

    /// <summary>What hangs on it: USB, SCSI and mediated devices.</summary>
    public required ImmutableArray<DeviceRow> Below { get; init; }

    public required ImmutableArray<DeviceFinding> Findings { get; init; }

    /// <summary>
    /// Each policy of the node that asks for it, or for another device with which it goes from the host, and how: clauses that begin with
    /// the policy, as the node's own <c>explain</c> has them. By the agent's planner, on what the node reports.
    /// </summary>
    public required ImmutableArray<string> AskedBy { get; init; }

    /// <param name="state">The whole object of a node that has reported.</param>
    /// <param name="id">A device's ID; upper and lower case are alike.</param>
    /// <returns>Null where the node reports no such device.</returns>
    public static Explanation? Of(NodeDeviceState state, string id)
    {
        var reading = NodeReading.Of(state);
        var rows = NodeDevices.Of(reading);
        if (rows.FirstOrDefault(r => string.Equals(r.Id, id, StringComparison.OrdinalIgnoreCase)) is not { } device)
            return null;
        return new Explanation
        {
            Device = device,
            Group = device.IommuGroup is { } group ? [.. rows.Where(r => r.IommuGroup == group && r.Id != device.Id)] : [],
            Below = [.. rows.Where(r => r.Parent == device.Id)],
            Findings = NodeDevices.FindingsOf(reading)(device.Id),
            AskedBy =
                reading.Status is { } status && DeviceId.TryParse(device.Id, out var known)
                    ? Planning.Explaining.Explanation.Of(ReportedMachine.AsItIs(state, status), known).AskedBy
                    : [],
        };
    }

    public ImmutableArray<string> Lines()
    {
        var lines = new List<string> { $"{Device.Id} on {Device.Node}" };
        Add("Name", Device.Name is null ? Device.Ids : $"{Device.Name}{(Device.Ids is null ? "" : $" ({Device.Ids})")}");
        Add("Class", Device.Class);
        Add("Serial", Device.Serial);
        Add("Parent", Device.Parent);
        Add("Driver", Device.Driver ?? "none");
        Add("NUMA node", Device.NumaNode?.ToString());
        Add("IOMMU group", Device.IommuGroup?.ToString());
        foreach (var other in Group)
            Add("", $"with {other.Id}{(other.Name is null ? "" : $" {other.Name}")}: {other.State}");
        foreach (var below in Below)
            Add("Below it", $"{below.Id}{(below.Name is null ? "" : $" {below.Name}")}: {below.State}");
        Add("State", $"{Device.State}: {DeviceUses.Meaning(Device.State)}");
        Add("Resource", Device.Resource);
        Add("Pod", Device.PodText);
        Add("VM", Device.VirtualMachine);
        Add("Since", Device.Since?.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'"));
        var isUnsaid = Findings.IsEmpty && Device.State == DeviceUse.Host; // else state, resource and findings tell
        foreach (var asked in isUnsaid ? AskedBy : [])
            Add("Asked for", asked);
        if (Device.Message is { } message && Findings.All(f => f.Message != message))
            Add("Message", message);
        foreach (var finding in Findings)
            lines.AddRange(["", .. finding.Lines()]);
        if (isUnsaid && AskedBy.IsEmpty)
            lines.AddRange([
                "",
                "No policy of this node says anything of it: kubectl get hostdev lists the policies, and what each matches.",
            ]);
        return [.. lines];

        void Add(string field, string? value)
        {
            if (value is not null)
                lines.Add($"{(field.Length == 0 ? "" : field + ":"), -13}{value}");
        }
    }
}

/// <summary>What a policy says of a device, with what this version knows of the word that it says.</summary>
public sealed record DeviceFinding
{
    /// <summary><c>HostDevice/gpus</c>; null where it is on its way back and no policy wants it, and of a cordon that keeps nothing back.
    /// </summary>
    public string? Policy { get; init; }

    public required string State { get; init; }

    public required string Reason { get; init; }

    public required string Message { get; init; }

    /// <summary>Null of a word that this version does not know, as are the others.</summary>
    public string? Cause { get; init; }

    public string? Remedy { get; init; }

    public string? Ends { get; init; }

    public static DeviceFinding Of(PolicyResult? policy, DeviceProblem problem) =>
        new()
        {
            Policy = policy is null ? null : $"{policy.Kind}/{policy.Name}",
            State = problem.State.Name,
            Reason = problem.Reason.Name,
            Message = problem.Message,
            Cause = Known(problem.Reason.Cause),
            Remedy = Known(problem.Reason.Remedy),
            Ends = problem.State.IsRemark ? null : Ending(problem.Reason.Ends),
        };

    public IEnumerable<string> Lines()
    {
        yield return $"{Policy ?? (State == FindingState.Releasing.Name ? "Given back" : "Cordon")}: {State}, {Reason}";
        yield return $"  {Message}";
        if (Cause is not null)
            yield return $"  Cause:  {Cause}";
        if (Remedy is not null)
            yield return $"  Remedy: {Remedy}";
        if (Ends is not null)
            yield return $"  Ends:   {Ends}";
    }

    private static string? Known(string text) => text.Length == 0 ? null : text;

    private static string? Ending(Ends ends) =>
        ends switch
        {
            Crds.Words.Ends.Event => "by itself, at once when it is over",
            Crds.Words.Ends.Look => "by itself: it is looked at every few seconds",
            Crds.Words.Ends.SlowLook => "when somebody mends or frees it: it is looked at every minute",
            Crds.Words.Ends.Retry => "by itself: it is tried again",
            Crds.Words.Ends.Admin => "when somebody changes the policy, the cluster, the host or its firmware",
            _ => null,
        };
}
