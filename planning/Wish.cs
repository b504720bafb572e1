using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Planning;

/// <summary>
/// One thing that a policy wishes, whatever its class: what its checks say of it, what it must have for itself, and what comes of it where
/// it is granted. Whether it is, is decided over all of them (<see cref="Claims"/>).
/// </summary>
internal sealed record Wish
{
    public required PolicyIdentity Policy { get; init; }

    /// <summary>The device that findings name.</summary>
    public required DeviceId Device { get; init; }

    /// <summary>Begins the sentence that another policy has it.</summary>
    public string What
    {
        get => field ?? Device.ToString();
        init;
    }

    /// <summary>Every selector that matches it passes over what the host needs.</summary>
    public bool PassesOver { get; init; }

    /// <summary>The host needs it, now or when a pod would be given it, and its policy means it only where that is not so.</summary>
    public bool IsPassedOver => PassesOver && Needed.Any();

    /// <summary>As what is passed over: it has nothing, and is in nobody's way.</summary>
    public Wish PassedOver() =>
        this with
        {
            Claims = [],
            StandsOn = [],
            Granted = Targets.None,
            Then = [],
            Missing = 0,
            Behind = () => [],
            Ruling = new Ruling([], null, Ruling.AsksWhoUses),
            Findings = [.. Needed.Select(f => f with { State = FindingState.Noticed, Reason = Reasons.PassedOver })],
        };

    private IEnumerable<Finding> Needed =>
        Ruling.Findings.Concat(Findings).Where(f => f.Reason == Reasons.Protected && f.State == FindingState.Blocked);

    /// <summary>What is said of it, whatever other policies wish.</summary>
    public required Ruling Ruling { get; init; }

    /// <summary>The devices that it names, may it have them or not, with the unit that each is of.</summary>
    public ImmutableDictionary<DeviceId, DeviceId> Named { get; init; } = ImmutableDictionary<DeviceId, DeviceId>.Empty;

    /// <summary>What it must have for itself, with what goes with that and what that goes with.</summary>
    public ImmutableArray<DeviceId> Claims { get; init; } = [];

    /// <summary>What it stands on, and others may stand on too, but nobody may have for himself: the parent of a mediated device.</summary>
    public ImmutableArray<DeviceId> StandsOn { get; init; } = [];

    /// <summary>What the host is to be brought to where it is granted.</summary>
    public Targets Granted { get; init; } = Targets.None;

    /// <summary>What is said where it is granted.</summary>
    public ImmutableArray<Finding> Findings { get; init; } = [];

    /// <summary>What else is in the way of it, behind what is said; asked for only where somebody wants to see all at once.</summary>
    public Func<ImmutableArray<Finding>> Behind
    {
        get => field ?? Ruling.Behind;
        init;
    }

    /// <summary>Everything in the way of it, whatever other policies wish.</summary>
    public ImmutableArray<Finding> InTheWay =>
        [.. Ruling.Findings.Where(f => f.State.IsInTheWay), .. Findings.Where(f => f.State.IsInTheWay), .. Behind()];

    /// <summary>How many units its policy is met with by it, where that is known only when it is granted.</summary>
    public int Matched { get; init; }

    /// <summary>How many units more its policy names than there are, where it is granted.</summary>
    public int Missing { get; init; }

    /// <summary>What is wished only where it is granted.</summary>
    public ImmutableArray<Wish> Then { get; init; } = [];
}
