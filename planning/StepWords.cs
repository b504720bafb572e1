namespace Hostdev.Planning;

/// <summary>Steps in the words an admin reads, in a dry run and in the log of a change.</summary>
public static class StepWords
{
    /// <summary>What is to be done; null for the journal's own steps.</summary>
    public static string? ToDo(PlanStep step) =>
        step switch
        {
            PlanStep.SetAutoprobe s => $"set sriov_drivers_autoprobe of {s.PhysicalFunction} to {(s.Autoprobe ? 1 : 0)}",
            PlanStep.SetNumVfs s => $"set sriov_numvfs of {s.PhysicalFunction} to {s.NumVfs}",
            PlanStep.SetDriverOverride { Driver: null } s => $"clear driver_override of {s.Address}",
            PlanStep.SetDriverOverride s => $"set driver_override of {s.Address} to {s.Driver}",
            PlanStep.Unbind s => $"take {s.Address} from {s.Driver}",
            PlanStep.Reset s => $"reset {s.Address}",
            PlanStep.CreateMdev s => $"make {s.Uuid}, a mediated device of type {s.TypeId} on {s.Parent}",
            PlanStep.RemoveMdev s => $"remove the mediated device {s.Uuid}",
            PlanStep.GiveVgpuType s => $"give {s.Address} the vGPU type {s.TypeId}",
            PlanStep.TakeVgpuType s => $"take the vGPU type {s.TypeId} from {s.Address}",
            PlanStep.SetAttribute s => $"set {s.File.Name} of {s.File.Device} to {s.Value}",
            PlanStep.Lend s => $"lend {s.Lent.Device}",
            PlanStep.ProbeInterface s => $"give {s.Interface} of {s.Port} back to {s.ExpectedDriver ?? "what the host has for it"}",
            PlanStep.Probe s => $"bind {s.Address} to {s.ExpectedDriver ?? "what the host has for it"}",
            _ => null,
        };

    /// <summary>What a plan has brought about when all of it is done, as far as a later one waits for it: completes "once ...".</summary>
    public static string Brought(Plan plan)
    {
        var numbers = plan.Lanes.SelectMany(l => l.Steps).Select(s => s.Step).OfType<PlanStep.SetNumVfs>().ToList();
        var made = numbers.Where(n => n.NumVfs > 0).Select(n => n.PhysicalFunction).ToList();
        var gone = numbers.Select(n => n.PhysicalFunction).Except(made).ToList();
        return (made.Count, gone.Count) switch
        {
            (0, 0) => "that is done",
            (_, 0) => $"the virtual functions of {string.Join(", ", made)} are there",
            (0, _) => $"the virtual functions of {string.Join(", ", gone)} are gone",
            _ => $"the virtual functions of {string.Join(", ", made)} are there, and those of {string.Join(", ", gone)} are gone",
        };
    }

    /// <summary>What was done; null for the journal's own steps.</summary>
    public static string? Done(PlanStep step) =>
        step switch
        {
            PlanStep.SetAutoprobe s => $"{s.PhysicalFunction}: sriov_drivers_autoprobe is {(s.Autoprobe ? 1 : 0)}",
            PlanStep.SetNumVfs s => $"{s.PhysicalFunction}: sriov_numvfs is {s.NumVfs}",
            PlanStep.SetDriverOverride s => $"{s.Address}: driver_override is {s.Driver ?? "cleared"}",
            PlanStep.Unbind s => $"{s.Address}: taken from {s.Driver}",
            PlanStep.Record { Entry: JournalRecord.RecordFault r } => $"{r.Device}: out of service, {r.Fault}",
            PlanStep.Reset s => $"{s.Address}: reset, and it answers",
            PlanStep.CreateMdev s => $"{s.Uuid}: made, of type {s.TypeId} on {s.Parent}",
            PlanStep.RemoveMdev s => $"{s.Uuid}: removed",
            PlanStep.GiveVgpuType s => $"{s.Address}: has the vGPU type {s.TypeId}",
            PlanStep.TakeVgpuType s => $"{s.Address}: has no vGPU type any more",
            PlanStep.SetAttribute s => $"{s.File.Device}: {s.File.Name} is {s.Value}",
            PlanStep.Lend s => $"{s.Lent.Device}: lent to a pod",
            PlanStep.ProbeInterface s => $"{s.Port}: {s.Interface} is back on {s.ExpectedDriver ?? "what the host has for it"}",
            PlanStep.Probe s => $"{s.Address}: bound to {s.ExpectedDriver ?? "what the host has for it"}",
            _ => null,
        };
}
