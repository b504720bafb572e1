using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Foreseeing;

/// <summary>What will be done, in which order, and how the host is then, if nothing changes from outside.</summary>
public sealed record ForeseenWay
{
    /// <summary>The plans with something to do, each for how the host is when the one before is done; the first is that of now.</summary>
    public required ImmutableArray<Plan> Rounds { get; init; }

    /// <summary>What is planned then. It has lanes only where the way <see cref="Settles"/> not.</summary>
    public required Plan End { get; init; }

    /// <summary>What the first was planned for.</summary>
    public required PlanningInput Before { get; init; }

    /// <summary>What <see cref="End"/> was planned for.</summary>
    public required PlanningInput After { get; init; }

    /// <summary>What is known only when it is done, and how it was taken to be: sentences, in the order in which it mattered.</summary>
    public required ImmutableArray<string> Assumptions { get; init; }

    public bool Settles => End.Lanes.IsEmpty;

    /// <summary>What is planned now.</summary>
    public Plan Now => Rounds.IsEmpty ? End : Rounds[0];

    public Verdict Verdict =>
        End.Halt is not null
        || !Settles
        || End.Findings.Any(f => f.State == FindingState.Blocked)
        || End.Policies.Any(p => p.Frozen is not null)
            ? Verdict.Blocked
        : Rounds.IsEmpty && !End.Findings.Any(f => f.State.GoesOn) ? Verdict.Nothing
        : Verdict.Changes;

    /// <summary>
    /// What is said at the end, and of what is said now what is true until then: that something was found so, or is passed over.
    /// </summary>
    public ImmutableArray<Finding> Findings =>
        Rounds.IsEmpty
            ? End.Findings
            :
            [
                .. Now
                    .Findings.Where(f => f.State.IsRemark && !End.Findings.Any(e => IsOfTheSame(e, f)))
                    .Concat(End.Findings)
                    .OrderBy(f => f.Policy?.ToString() ?? "", StringComparer.Ordinal)
                    .ThenBy(f => f.Device, StringComparer.Ordinal),
            ];

    /// <summary>
    /// What the host goes without beside what policies name, as a sentence for each unit: as it is before that is taken, when what hangs
    /// below it is there to be named.
    /// </summary>
    public ImmutableArray<string> HostLoses =>
        [
            .. Rounds
                .Append(End)
                .SelectMany(p => p.Units)
                .Where(u => u.HostLoses is not null)
                .DistinctBy(u => u.Id)
                .OrderBy(u => u.Id)
                .Select(u => u.HostLoses!),
        ];

    /// <summary>Functions that a driver of the host has now, and that it has no more at the end; ordered by address.</summary>
    public ImmutableArray<ForeseenMove> Lost =>
        [.. Moves(Before.Inventory, After.Inventory).Select(m => new ForeseenMove(m.Function, m.Function.Driver!, DriverAtTheEnd(m)))];

    /// <summary>Functions that a driver of the host has at the end, and has not now; ordered by address.</summary>
    public ImmutableArray<ForeseenMove> Returned =>
        [.. Moves(After.Inventory, Before.Inventory).Select(m => new ForeseenMove(m.Function, m.Other?.Driver, m.Function.Driver))];

    /// <summary>Who is waited for at the end: the devices that something is said of for it, each with its users.</summary>
    public ImmutableArray<(string Device, ImmutableArray<string> Users)> WaitsFor
    {
        get
        {
            var graph = DeviceGraph.Of(After.Inventory);
            return
            [
                .. End
                    .Findings.Where(f => f.State == FindingState.Releasing || (f.State.GoesOn && f.Reason.IsUse))
                    .Select(f => f.Device)
                    .Distinct(StringComparer.Ordinal)
                    .Select(device => (Device: device, Users: DeviceId.TryParse(device, out var id) ? UsersAbout(graph, id) : []))
                    .Where(w => !w.Users.IsEmpty),
            ];
        }
    }

    private string? DriverAtTheEnd((PciFunction Function, PciFunction? Other) move) => move.Other is null ? null : move.Other.Driver ?? "";

    /// <summary>The device's own, those of its group and those of what is made of it: all of them must let go.</summary>
    private ImmutableArray<string> UsersAbout(DeviceGraph graph, DeviceId device)
    {
        var members = After.Inventory.GroupOf(device)?.Members.Select(a => (DeviceId)a) ?? [];
        var usage = After.Usage.ByDevice.ToImmutableSortedDictionary(u => u.Key, u => u.Value.RemoveAll(IsItsOwn));
        var own = $"{device}: ";
        return
        [
            .. new HostUsage(usage)
                .InWords([device, .. members.Where(m => m != device), .. graph.Below(device, Bond.Made)])
                .Select(u => u.StartsWith(own, StringComparison.Ordinal) ? u[own.Length..] : u),
        ];
    }

    /// <summary>What is made of a device is waited for by its users, who are named themselves.</summary>
    private static bool IsItsOwn(DeviceUser user) => user.Kind is UserKind.VirtualFunctions or UserKind.MediatedDevices;

    private static bool IsOfTheSame(Finding one, Finding other) =>
        (one.Policy, one.Device, one.Reason) == (other.Policy, other.Device, other.Reason);

    private static IEnumerable<(PciFunction Function, PciFunction? Other)> Moves(HostInventory from, HostInventory to) =>
        from
            .Functions.Values.Where(f => HostHas(from, f))
            .Select(f => (Function: f, Other: to.Functions.GetValueOrDefault(f.Address)))
            .Where(m => m.Other is null || !HostHas(to, m.Other));

    private static bool HostHas(HostInventory inventory, PciFunction function) =>
        function.Driver is { } driver && !inventory.Facts.PassthroughDrivers.Contains(driver);
}

/// <param name="Function">As it is where the host has it.</param>
/// <param name="From">The driver before; empty for none, null where the function is not there.</param>
/// <param name="To">The driver at the end; empty for none, null where the function is not there.</param>
public sealed record ForeseenMove(PciFunction Function, string? From, string? To);

/// <summary>What a plan comes to, for whoever decides by it whether to go on.</summary>
public enum Verdict
{
    /// <summary>The host is as desired, and nothing is waited for.</summary>
    Nothing,

    /// <summary>Something is done, now or when somebody lets go.</summary>
    Changes,

    /// <summary>Something that is desired cannot be, or was not understood, until somebody changes something.</summary>
    Blocked,
}
