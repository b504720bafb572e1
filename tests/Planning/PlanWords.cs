using System.Globalization;
using System.Text;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>Plans in words, to compare and to read.</summary>
internal static class PlanWords
{
    /// <summary>The steps of all lanes, in order.</summary>
    public static List<string> Steps(this Plan plan) => [.. plan.Lanes.SelectMany(l => l.Steps).Select(s => s.Step.Words())];

    /// <summary>The same, each with its lane.</summary>
    public static IEnumerable<string> LaneWords(this Plan plan) =>
        plan.Lanes.SelectMany(l => l.Steps.Select(s => $"{l.Key}: {s.Step.Words()}"));

    public static List<string> UnitIds(this Plan plan) => [.. plan.Units.Select(u => u.Id.ToString())];

    /// <summary>The one finding of a device, beside that it was found as it is.</summary>
    public static Finding About(this Plan plan, string device) =>
        Assert.Single(plan.Findings, f => f.Device == device && f.State != FindingState.Adopted);

    /// <summary>Asserts what an admin reads about a device.</summary>
    public static void Says(this Plan plan, string device, FindingState state, Reason reason, string message)
    {
        var finding = plan.About(device);
        Assert.Equal((state, reason, message), (finding.State, finding.Reason, finding.Message));
    }

    /// <summary>Asserts that nothing is done and nothing offered, and what an admin reads about the device that is not taken.</summary>
    public static void Refuses(this Plan plan, string device, Reason reason, string message)
    {
        Assert.Empty(plan.Lanes);
        Assert.Empty(plan.Units);
        plan.Says(device, FindingState.Blocked, reason, message);
    }

    public static string Words(this PlanStep step) =>
        step switch
        {
            PlanStep.ProveFree s => $"prove {s.Address} free",
            PlanStep.Record s => s.Entry.Words(),
            PlanStep.SetAutoprobe s => $"autoprobe {(s.Autoprobe ? 1 : 0)} on {s.PhysicalFunction}",
            PlanStep.SetNumVfs s => string.Create(CultureInfo.InvariantCulture, $"numvfs {s.NumVfs} on {s.PhysicalFunction}"),
            PlanStep.SetDriverOverride s => $"override {Or(s.Driver, "nothing")} on {s.Address}",
            PlanStep.Unbind s => $"unbind {s.Address} from {s.Driver}",
            PlanStep.Reset s => $"reset {s.Address}",
            PlanStep.Probe s => $"probe {s.Address} for {Or(s.ExpectedDriver, "the host")}",
            _ => throw new InvalidOperationException($"no words for {step}"),
        };

    private static string Words(this JournalRecord record) =>
        record switch
        {
            JournalRecord.RecordFunction { DriverOverride: { } set } r =>
                $"record {r.Address} with {Or(r.Driver, "no driver")} and override {set}",
            JournalRecord.RecordFunction r => $"record {r.Address} with {Or(r.Driver, "no driver")}",
            JournalRecord.RecordPhysicalFunction r =>
                $"record the VFs of {r.Address}: {Number(r.NumVfs)}, autoprobe {(r.Autoprobe ? 1 : 0)}",
            JournalRecord.OpenVfSetup r => $"open the setup of {r.Address}",
            JournalRecord.CloseVfSetup r => $"close the setup of {r.Address}",
            JournalRecord.ForgetFunction r => $"forget {r.Address}",
            JournalRecord.ForgetPhysicalFunction r => $"forget the VFs of {r.Address}",
            JournalRecord.RecordFault r => $"record a fault of {r.Device} at {Number(r.FatalErrors)} errors",
            JournalRecord.ClearFault r => $"clear the fault of {r.Device} at {Number(r.FatalErrors)} errors",
            JournalRecord.ForgetFault r => $"forget the fault of {r.Device}",
            _ => throw new InvalidOperationException($"no plan has {record}"),
        };

    /// <summary>Everything a plan says, so that two plans can be compared.</summary>
    public static string Whole(this Plan plan)
    {
        var text = new StringBuilder();
        foreach (var lane in plan.Lanes)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"lane {lane.Key}");
            foreach (var step in lane.Steps)
                text.AppendLine(CultureInfo.InvariantCulture, $"  {step.Purpose}: {step.Step.Words()}");
        }

        foreach (var u in plan.Units)
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"unit {u.Id} {u.Resource} {u.Policy} {u.Primary} [{string.Join(' ', u.Assigned)}] "
                    + $"[{string.Join(' ', u.Held)}] {u.Cordoned}"
            );
        foreach (var f in plan.Findings)
            text.AppendLine(CultureInfo.InvariantCulture, $"{f.Policy} {f.Device} {f.State} {f.Reason} {f.Message}");
        foreach (var p in plan.Policies)
            text.AppendLine(CultureInfo.InvariantCulture, $"policy {p.Policy} matched {p.Matched}");
        return text.AppendJoin(' ', plan.Resources).ToString();
    }

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Or(string? text, string otherwise) => text ?? otherwise;
}
