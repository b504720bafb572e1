using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Serialization;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Agent;

/// <summary>
/// How often what was in force is brought about again after something else on the host undid it: <see cref="Repairs"/> times, then it is
/// left undone until <see cref="QuietTime"/> after the last repair, or until the desired state changes. Two programs that each undo the
/// other harm a machine more than either. It is kept on disk (<c>repairs.json</c> in the state directory), so that an agent which is
/// restarted again and again does not fight either.
/// </summary>
public sealed class RepairBudget
{
    public const string FileName = "repairs.json";

    public const int Repairs = 3;

    public static readonly TimeSpan QuietTime = TimeSpan.FromHours(1);

    private readonly StateFile<RepairContent> _file;
    private readonly string _bootId;
    private readonly TimeProvider _time;
    private RepairContent _content;

    public RepairBudget(string directory, string bootId, TimeProvider time)
    {
        (_bootId, _time) = (bootId, time);
        _file = new StateFile<RepairContent>(Path.Combine(directory, FileName), RepairJsonContext.Default.RepairContent);
        // It only bounds a fight: what cannot be read gives a full budget.
        _content = _file.Read(c => c, out _) is { } kept && kept.BootId == bootId ? kept : Empty("");
    }

    /// <summary>When the next thing that is left undone may be tried again; null when nothing is.</summary>
    public DateTimeOffset? NextDue =>
        _content
            .InForce.Values.Where(e => e.Repairs >= Repairs && e.Last + QuietTime > _time.GetUtcNow())
            .Min(e => (DateTimeOffset?)e.Last + QuietTime);

    /// <summary>What must not be brought about again if it is undone now, and why.</summary>
    public ImmutableDictionary<Purpose, Setback> Contested(string desired)
    {
        if (desired != _content.Desired)
            return ImmutableDictionary<Purpose, Setback>.Empty;
        var now = _time.GetUtcNow();
        return _content
            .InForce.Where(e => e.Value.Repairs >= Repairs && now - e.Value.Last < QuietTime)
            .ToImmutableDictionary(e => e.Key, e => new Setback(Reasons.Contested, Message(e.Value)));
    }

    /// <summary>Takes in what was done for a desired state.</summary>
    public void Learn(string desired, IEnumerable<LaneOutcome> outcomes)
    {
        var before = _content;
        if (desired != _content.Desired)
            _content = Empty(desired);
        foreach (var purpose in outcomes.SelectMany(o => o.Results).GroupBy(r => r.Step.Purpose))
        {
            var steps = purpose.Where(r => r.Step.BringsIntoForce).Select(r => r.Step.Step).ToList();
            if (purpose.Key.Verb == PurposeVerb.Release && purpose.Any(IsUndoneByUs))
                Forget(Purpose.Take(purpose.Key.Device));
            else if (steps.Count > 0 && purpose.All(r => r.Outcome is StepOutcome.Done))
                InForce(purpose.Key, string.Join(", ", steps.Select(Words)));
            else if (_content.InForce.TryGetValue(purpose.Key, out var known) && purpose.Any(WasUndone))
                InForce(purpose.Key, known.What);
        }

        if (_content != before)
            _file.Write(_content);
    }

    /// <summary>A record alone is forgotten also when another hand has undone it.</summary>
    private static bool IsUndoneByUs(StepResult result) => result is { Step.Step: PlanStep.Unbind, Outcome: StepOutcome.Done };

    /// <summary>The other hand was so quick that the repair was undone before it was through: it is one all the same.</summary>
    private static bool WasUndone(StepResult result) => result.Outcome is StepOutcome.Failed { Undone: true };

    private void Forget(Purpose purpose)
    {
        if (_content.InForce.ContainsKey(purpose))
            _content = _content with { InForce = _content.InForce.Remove(purpose) };
    }

    private void InForce(Purpose purpose, string what)
    {
        var now = _time.GetUtcNow();
        var entry = _content.InForce.GetValueOrDefault(purpose) switch
        {
            null => new RepairEntry { What = what },
            { Repairs: > 0 } old when now - old.Last >= QuietTime => new RepairEntry
            {
                What = what,
                Repairs = 1,
                First = now,
                Last = now,
            },
            { Repairs: 0 } old => old with { What = what, Repairs = 1, First = now, Last = now },
            var old => old with { What = what, Repairs = old.Repairs + 1, Last = now },
        };
        _content = _content with { InForce = _content.InForce.SetItem(purpose, entry) };
    }

    private static string Words(PlanStep step) =>
        step switch
        {
            PlanStep.Probe s => $"took {s.Address} from {s.ExpectedDriver}",
            // contracts/kubevirt.md, 12: on each heartbeat.
            PlanStep.CreateMdev s =>
                $"removed {s.Uuid} from {s.Parent} (KubeVirt does so with every type that is not in its configuration: "
                    + "set mediatedDevicesConfiguration.enabled to false there, or list the type in permittedHostDevices with "
                    + "externalResourceProvider: true)",
            PlanStep.GiveVgpuType s => $"took the vGPU type {s.TypeId} from {s.Address}",
            PlanStep.SetAttribute s => $"changed {s.File.Name} of {s.File.Device} from {s.Value}",
            PlanStep.SetNumVfs s => $"changed sriov_numvfs of {s.PhysicalFunction} from {s.NumVfs}",
            _ => StepWords.Done(step) ?? "",
        };

    private static string Message(RepairEntry entry) =>
        $"something else on this host {entry.What} again and again: it was put back {entry.Repairs} times in "
        + $"{InWords(entry.Last - entry.First)}, and is left now. Find and stop it (a udev rule, driverctl, tuned, "
        + $"another device plugin, a script); it is tried again {QuietTime.TotalHours:0} h after the last time, or "
        + "when the desired state changes";

    private static string InWords(TimeSpan time) =>
        time.TotalSeconds < 120
            ? string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(time.TotalSeconds):0} seconds")
            : string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(time.TotalMinutes):0} minutes");

    private RepairContent Empty(string desired) =>
        new()
        {
            BootId = _bootId,
            Desired = desired,
            InForce = ImmutableSortedDictionary<Purpose, RepairEntry>.Empty,
        };
}

internal sealed record RepairContent
{
    public required string BootId { get; init; }

    /// <summary>The fingerprint of the desired state that the rest is about.</summary>
    public required string Desired { get; init; }

    /// <summary>What was brought about.</summary>
    public required ImmutableSortedDictionary<Purpose, RepairEntry> InForce { get; init; }
}

internal sealed record RepairEntry
{
    /// <summary>What somebody does who undoes it.</summary>
    public required string What { get; init; }

    /// <summary>How often it was brought about after the first time.</summary>
    public int Repairs { get; init; }

    public DateTimeOffset First { get; init; }

    public DateTimeOffset Last { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    Converters = [typeof(PurposeConverter)],
    WriteIndented = true
)]
[JsonSerializable(typeof(RepairContent))]
internal sealed partial class RepairJsonContext : JsonSerializerContext;
