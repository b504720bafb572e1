using System.Globalization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Offering;
using Hostdev.DevicePlugin.Planning;

namespace Hostdev.DevicePlugin.Allocating;

/// <summary>
/// Compares the nodes of answers with the machine. The kernel uses group numbers, <c>vfioN</c> names and device numbers again, while a container keeps the rights that its
/// answer gave it, and gets the same answer at each restart (contracts/kubelet.md, "What breaks a kubelet, or a pod").
/// </summary>
internal sealed class AnsweredNodes(UnitStateReader reader, TimeProvider time)
{
    /// <summary>What is to be remembered of an answer for this unit as it is now.</summary>
    public Allocation Record(Unit unit, UnitState state) => new()
    {
        Id = unit.Id,
        Resource = unit.Resource.Value,
        Functions = [.. unit.Members.Select(m => m.Address.ToString())],
        Drivers = [.. unit.Assigned.Select(m => $"{m.Address}={m.Driver}")],
        Nodes = [.. AllocateAnswer.NodesOf(unit, state).Select(Identity)],
        AnsweredAt = time.GetUtcNow(),
    };

    /// <summary>What has become of an answer's devices that a container must not be started with; null when they are as they were.</summary>
    public string? Changed(Allocation answer)
    {
        foreach (var node in answer.Nodes)
        {
            if (Identity(Path(node)) != node) return $"{Path(node)}, which was given to this container for {answer.Id}, is not the same device any more";
        }

        if (answer.Drivers.IsEmpty) return null;
        var drivers = answer.Drivers.Select(d => (Address: PciAddress.Parse(d.Split('=')[0]), Driver: d.Split('=')[1])).ToList();
        var state = reader.Read(drivers[0].Address);
        var ours = drivers.Where(d => state.Cdevs.ContainsKey(d.Address)).Select(d => $"/dev/vfio/devices/{state.Cdevs[d.Address]}").Append($"/dev/vfio/{state.Group}").ToHashSet(StringComparer.Ordinal);
        if (answer.Nodes.Select(Path).FirstOrDefault(p => !ours.Contains(p)) is { } foreign) return $"{foreign}, which was given to this container for {answer.Id}, belongs to another device now";
        foreach (var (address, driver) in drivers)
        {
            if (!state.Members.TryGetValue(address, out var now)) return $"{address}, which was given to this container, is gone";
            if (now != driver) return $"{address}, which was given to this container, is {(now is null ? "without a driver" : $"on the driver {now}")} instead of {driver}";
        }

        return null;
    }

    /// <summary>The answer that still stands for a node of this unit, or for its device number, and was given for another device; as a sentence, null when there is none.</summary>
    public string? TakenBy(Unit unit, UnitState state, AllocationLedger ledger)
    {
        if (ledger.ById.IsEmpty || state.Group is null) return null;
        var now = AllocateAnswer.NodesOf(unit, state).Select(Identity).ToList();
        foreach (var answer in ledger.ById.Values)
        {
            var node = answer.Id == unit.Id
                ? answer.Nodes.Take(1).FirstOrDefault(n => n != now[0]) // the same device, and its group came back as another
                : answer.Nodes.FirstOrDefault(n => now.Exists(m => Path(m) == Path(n) || (Number(n).Length > 0 && Number(m) == Number(n))));
            if (node is not null) return $"{Path(node)} ({Number(node)}) stands in the answer that {(answer.Pod is null ? "a pod" : $"pod {answer.Pod}")} got for {answer.Id}, and its container may still open it: delete that pod, or wait until it is proven gone";
        }

        return null;
    }

    public static string Path(string identity) => identity.Split('=')[0];

    /// <summary><c>major:minor</c>; empty when the node had none.</summary>
    public static string Number(string identity) => identity[(identity.IndexOf('=', StringComparison.Ordinal) + 1)..];

    private string Identity(string node) => string.Create(CultureInfo.InvariantCulture, $"{node}={reader.ReadNodeIdentity(node)}");
}
