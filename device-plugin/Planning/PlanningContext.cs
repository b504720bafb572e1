using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Planning.Sriov;

namespace Hostdev.DevicePlugin.Planning;

/// <summary>What the policies want so far, while one plan is made. Lives only within <see cref="Planner.Plan"/>.</summary>
internal sealed class PlanningContext(PlanningInput input)
{
    private readonly Dictionary<DeviceId, PolicyIdentity> _claims = [];

    public PlanningInput Input { get; } = input;

    public HostInventory Inventory => Input.Inventory;

    public Dictionary<PciAddress, FunctionTarget> Functions { get; } = [];

    public Dictionary<PciAddress, VfTarget> PhysicalFunctions { get; } = [];

    public List<Unit> Units { get; } = [];

    /// <summary>Functions of units that a policy wants as soon as somebody lets go.</summary>
    public HashSet<PciAddress> Awaited { get; } = [];

    /// <summary>The functions that policies name, whether they may have them now or not, with the unit that each is of.</summary>
    public Dictionary<PciAddress, DeviceId> Wanted { get; } = [];

    /// <summary>Virtual functions that a pool leaves to the host's own driver.</summary>
    public HashSet<PciAddress> Native { get; } = [];

    /// <summary>How many virtual functions to be offered a policy names that are not there, by its uid.</summary>
    public Dictionary<string, int> Missing { get; } = new(StringComparer.Ordinal);

    public List<Finding> Findings { get; } = [];

    /// <summary>What is said, or stays, depends on who uses what, also where nothing is to be done.</summary>
    public bool AsksWhoUses { get; set; }

    public Choosing Choosing => field ??= new Choosing(this);

    public DeviceGraph Graph => field ??= DeviceGraph.Of(Inventory);

    /// <summary>What goes when this function loses its driver, ordered by address; empty for nearly all.</summary>
    public ImmutableArray<PciFunction> CarriedBy(PciAddress address) =>
        [.. Graph.Below(address, Bond.Carried).Select(d => d.AsPci).OfType<PciAddress>().Select(a => Inventory.Functions[a])];

    /// <summary>
    /// What the function's network interfaces in this namespace are called, by their names first and then by their alternative ones.
    /// </summary>
    public IEnumerable<string> NamesOf(PciFunction function) => NamesOf(function, ChildKind.NetworkInterface);

    /// <summary>
    /// What the interfaces below the function are called that stand for its virtual functions: these names are not its own.
    /// </summary>
    public IEnumerable<string> RepresentorsOf(PciFunction function) => NamesOf(function, ChildKind.Representor);

    /// <summary>The driver a function has by the host's own choice, whatever we did to it since.</summary>
    public string? HostDriver(PciFunction function) =>
        Input.Ownership.Functions.TryGetValue(function.Address, out var owned) ? owned.OriginalDriver : function.Driver;

    /// <summary>The SR-IOV of the physical function that a virtual one belongs to; null for others.</summary>
    public SriovCapability? SriovAbove(PciFunction function) =>
        function.PhysicalFunction is { } pf && Inventory.Functions.TryGetValue(pf, out var physical) ? physical.Sriov : null;

    /// <summary>
    /// Why a function must be left as it is: what decides over it, or over its physical function, could not be read, and what it seems to
    /// be is a guess. Null when all could.
    /// </summary>
    public (Reason Reason, string Message)? Unreadable(PciFunction function)
    {
        var physical = function.PhysicalFunction is { } pf ? Inventory.Functions.GetValueOrDefault(pf) : null;
        var problem = function.Unreadable.Concat(physical?.Unreadable ?? []).OrderBy(p => p.Unanswered).FirstOrDefault();
        if (problem is null)
            return null;
        // What is not answered because a write of ours has not returned has that write for its cause.
        var ours = problem.Unanswered
            ? Input.Unreturned.FirstOrDefault(w => w.Device == function.Address || (physical is not null && w.Device == physical.Address))
            : null;
        if (ours is not null)
            return (Reasons.StepTimedOut, $"{function.Address} is left as it is: {ours.InWords()}");
        // Advice that destroys the device is for what the kernel said of it, never for what was not answered in time.
        var advice = problem.Unanswered
            ? "nothing is wrong with it as far as is known, and it is read again; "
                + "if it stays so, find who holds it or what keeps this machine busy"
            : "look at dmesg; a rescan (1 to its remove file, then to /sys/bus/pci/rescan) "
                + "or a reboot often helps, else the device is failing";
        return (Reasons.Unreadable, $"{function.Address} is left as it is, because {problem}: {advice}");
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
    public void Releasing(PciAddress device, string? ownerUid, Reason reason, string message) =>
        Findings.Add(new Finding(null, device.ToString(), FindingState.Releasing, reason, message, ownerUid));

    /// <summary>Says what failed lately: a user is waited for, anything else blocks until it is tried again.</summary>
    public void Report(PolicyIdentity policy, string device, Setback setback)
    {
        var state = setback.Reason.IsUse ? FindingState.Waiting : FindingState.Blocked;
        Findings.Add(new Finding(policy, device, state, setback.Reason, setback.Message));
    }

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

    private IEnumerable<string> NamesOf(PciFunction function, ChildKind kind)
    {
        var names = function.Children.Where(c => c.Kind == kind).Select(c => c.Name).ToList();
        return names.Concat(names.SelectMany(n => Input.AlternativeNames.GetValueOrDefault(n, [])));
    }
}

/// <summary>The driver one function is to have, and for whom.</summary>
/// <param name="Carried">What goes with it when the host's driver lets it go.</param>
internal sealed record FunctionTarget(
    PciAddress Address,
    string Driver,
    string PolicyUid,
    DeviceId UnitId,
    ImmutableArray<UserKind> Overridden,
    ImmutableArray<DeviceId> Carried
);

/// <summary>The number of virtual functions one physical function is to have; null keeps what is there.</summary>
internal sealed record VfTarget(PciAddress Address, int? NumVfs, string PolicyUid);
