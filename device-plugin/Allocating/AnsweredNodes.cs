using Hostdev.Crds;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Allocating;

/// <summary>
/// Compares the nodes of answers with the machine. The kernel uses group numbers, <c>vfioN</c> names and device numbers again, while a
/// container keeps the rights that its answer gave it, and gets the same answer at each restart (contracts/kubelet.md, "What breaks a
/// kubelet, or a pod").
/// </summary>
internal sealed class AnsweredNodes(UnitStateReader reader, TimeProvider time)
{
    /// <summary>What is to be remembered of an answer for this unit as it is now.</summary>
    public Allocation Record(Unit unit, UnitState state) =>
        new()
        {
            Id = unit.Id.ToString(),
            Resource = unit.Resource.Value,
            Functions = unit.Claims,
            Drivers = unit.Handout.Drivers,
            Nodes = [.. state.Nodes.Select(Now)],
            Address = state.Address,
            AnsweredAt = time.GetUtcNow(),
        };

    /// <summary>
    /// What has become of an answer's devices that a container must not be started with; null when they are as they were.
    /// </summary>
    public string? Changed(Allocation answer)
    {
        foreach (var node in answer.Nodes)
        {
            if (Now(node.Path) == node)
                continue;
            return $"{node.Path}, which was given to this container for {answer.Id}, is not the same device any more";
        }

        if (answer.Drivers.IsEmpty)
            return null;
        var state = reader.Read(Handout.OfGiven(answer.Drivers));
        if (state.Problem is { } problem && answer.Drivers[0].Device.Class is DeviceClass.Usb or DeviceClass.Scsi)
            return $"what was given to this container for {answer.Id} is not there as it was: {problem}";
        if (answer.Nodes.Select(n => n.Path).FirstOrDefault(p => !state.Nodes.Contains(p)) is { } foreign)
            return $"{foreign}, which was given to this container for {answer.Id}, belongs to another device now";
        if (answer.Address is { } address && state.Address != address)
            return $"{answer.Id}, which this container is told to be at {address}, is at {state.Address} now";
        foreach (var (device, driver) in answer.Drivers)
        {
            if (!state.Drivers.TryGetValue(device, out var now))
                return $"{device}, which was given to this container, is gone";
            if (now == driver)
                continue;
            var bound = now is null ? "without a driver" : $"on the driver {now}";
            return $"{device}, which was given to this container, is {bound} instead of {driver}";
        }

        return null;
    }

    /// <summary>
    /// The answer that still stands for a node of this unit, or for its device number, and was given for another device: the ID that it was
    /// given for, and all of it as a sentence. Null when there is none.
    /// </summary>
    public (string Id, string Message)? TakenBy(Unit unit, UnitState state, AllocationLedger ledger)
    {
        if (ledger.ById.IsEmpty || state.Nodes.IsEmpty)
            return null;
        var now = state.Nodes.Select(Now).ToList();
        foreach (var answer in ledger.ById.Values)
        {
            var node =
                answer.Id == unit.Id.ToString()
                    ? answer.Nodes.Take(1).FirstOrDefault(n => n != now[0]) // the same device, and its group came back as another
                    : answer.Nodes.FirstOrDefault(n => now.Exists(m => m.Path == n.Path || (n.Number.Length > 0 && m.Number == n.Number)));
            if (node is null)
                continue;
            var pod = answer.Pod is null ? "a pod" : $"pod {answer.Pod}";
            return (
                answer.Id,
                $"{node.Path} ({node.Number}) stands in the answer that {pod} got for {answer.Id}, and its container may still open it: "
                    + "delete that pod, or wait until it is proven gone"
            );
        }

        return null;
    }

    private AnsweredNode Now(string node) => new(node, reader.ReadNodeIdentity(node) ?? "");
}
