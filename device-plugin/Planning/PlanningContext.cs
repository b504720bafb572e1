using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Planning.Pci;
using Hostdev.DevicePlugin.Planning.Sriov;

namespace Hostdev.DevicePlugin.Planning;

/// <summary>What the policies want so far, while one plan is made. Lives only within <see cref="Planner.Plan"/>.</summary>
internal sealed class PlanningContext(PlanningInput input)
{
    private readonly Dictionary<DeviceId, PolicyIdentity> _claims = [];

    public PlanningInput Input { get; } = input;

    public HostInventory Inventory => Input.Inventory;

    public Dictionary<DeviceId, FunctionTarget> Functions { get; } = [];

    public Dictionary<DeviceId, VfTarget> PhysicalFunctions { get; } = [];

    public List<Unit> Units { get; } = [];

    /// <summary>Functions of units that a policy wants as soon as somebody lets go.</summary>
    public HashSet<DeviceId> Awaited { get; } = [];

    /// <summary>The functions that policies name, whether they may have them now or not, with the unit that each is of.</summary>
    public Dictionary<DeviceId, DeviceId> Wanted { get; } = [];

    /// <summary>Virtual functions that a pool leaves to the host's own driver.</summary>
    public HashSet<DeviceId> Native { get; } = [];

    /// <summary>How many virtual functions to be offered a policy names that are not there, by its uid.</summary>
    public Dictionary<string, int> Missing { get; } = new(StringComparer.Ordinal);

    public List<Finding> Findings { get; } = [];

    /// <summary>What is said, or stays, depends on who uses what, also where nothing is to be done.</summary>
    public bool AsksWhoUses { get; set; }

    public Choosing Choosing => field ??= new Choosing(this);

    public DeviceGraph Graph => field ??= DeviceGraph.Of(Inventory);

    public void Say(Ruling ruling)
    {
        Findings.AddRange(ruling.Findings);
        AsksWhoUses |= ruling.AsksWhoUses;
    }

    public void Block(PolicyIdentity policy, string device, Reason reason, string message) =>
        Findings.Add(new Finding(policy, device, FindingState.Blocked, reason, message));

    /// <summary>Says what an admin should know, though it stands in nobody's way.</summary>
    public void Notice(PolicyIdentity policy, string device, Reason reason, string message) =>
        Findings.Add(new Finding(policy, device, FindingState.Noticed, reason, message));

    public void Wait(PolicyIdentity policy, string device, Reason reason, string message) =>
        Findings.Add(new Finding(policy, device, FindingState.Waiting, reason, message));

    /// <summary>Says what keeps a function from going back to the host, though no policy wants it.</summary>
    /// <param name="ownerUid">The policy that it was taken for.</param>
    public void Releasing(DeviceId device, string? ownerUid, Reason reason, string message) =>
        Findings.Add(new Finding(null, device.ToString(), FindingState.Releasing, reason, message, ownerUid));

    /// <summary>
    /// Claims devices for a policy. A claim covers what goes with them, and what they go with: null when it is granted, else the policy
    /// that was first.
    /// </summary>
    public PolicyIdentity? Claim(PolicyIdentity policy, IEnumerable<DeviceId> devices)
    {
        var wanted = devices.ToList();
        var other = wanted
            .SelectMany(Graph.Kin)
            .Select(a => _claims.GetValueOrDefault(a))
            .FirstOrDefault(p => p is not null && p != policy);
        if (other is not null)
            return other;
        foreach (var device in wanted)
            _claims.TryAdd(device, policy);
        return null;
    }
}
