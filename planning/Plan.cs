using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Attributes;
using Hostdev.Planning.Sriov;

namespace Hostdev.Planning;

/// <summary>
/// What to do now, and what is to be said. Immutable; empty <see cref="Lanes"/> means the machine is as desired, or waits.
/// </summary>
public sealed record Plan
{
    public static Plan Nothing { get; } =
        new()
        {
            Lanes = [],
            Units = [],
            Findings = [],
            Policies = [],
            Resources = [],
        };

    /// <summary>
    /// Independent sequences: they run side by side, and one that fails or hangs stops no other. Within one, removals come before
    /// additions.
    /// </summary>
    public required ImmutableArray<Lane> Lanes { get; init; }

    /// <summary>The units that may be offered once the machine shows them ready, ordered by ID.</summary>
    public required ImmutableArray<Unit> Units { get; init; }

    /// <summary>What stands in the way of what, and what is held for whom, ordered by policy and device.</summary>
    public required ImmutableArray<Finding> Findings { get; init; }

    /// <summary>One entry for each policy, in order of precedence.</summary>
    public required ImmutableArray<PolicyMatch> Policies { get; init; }

    /// <summary>The resource names that desired policies use, ordered; those without a unit are offered with 0 devices.</summary>
    public required ImmutableArray<ResourceName> Resources { get; init; }

    /// <summary>The choices by name to keep, on disk before a lane is begun; null where nothing is said about them.</summary>
    public ImmutableArray<Choice>? Choices { get; init; }

    /// <summary>What is said, or stays, depends on who uses what, also where nothing is to be done.</summary>
    public bool AsksWhoUses { get; init; }

    /// <summary>Something is offered, or missing, for which room on a card comes and goes without an event.</summary>
    public bool AsksForRoom { get; init; }

    /// <summary>Files whose values decide what is to be done, also where nothing is.</summary>
    public ImmutableArray<AttributeFile> Attributes { get; init; } = [];

    /// <summary>Why there are no lanes, whatever is missing; null when that is not so.</summary>
    public Halt? Halt { get; init; }
}

/// <param name="Key">The lowest among the devices that hang together.</param>
public sealed record Lane(DeviceId Key, ImmutableArray<LaneStep> Steps)
{
    /// <summary>The devices whose drivers or existence this lane changes: nothing of them may be handed out meanwhile.</summary>
    public ImmutableArray<DeviceId> Disturbs => [.. Steps.SelectMany(s => s.Step.MustBeFree).Distinct().Order()];

    /// <summary>The devices that count as the host's from then on: nobody may have been given them since this was planned.</summary>
    public ImmutableArray<DeviceId> Forgets => [.. Steps.Select(s => ForgottenBy(s.Step)).OfType<DeviceId>().Distinct().Order()];

    /// <summary>The devices that something is written for: no answer may be half made of them meanwhile.</summary>
    public ImmutableArray<DeviceId> Touches => [.. Steps.Select(s => s.Step.Device).OfType<DeviceId>().Distinct().Order()];

    /// <summary>
    /// Whether something of one is something of the other: which devices are one lane is a matter of the plan, so that two plans may have
    /// one device in two.
    /// </summary>
    public bool Meets(Lane other) => Key == other.Key || All.Intersect(other.All).Any();

    private IEnumerable<DeviceId> All => Disturbs.Concat(Forgets).Concat(Touches);

    private static DeviceId? ForgottenBy(PlanStep step) =>
        step is PlanStep.Record { Entry: var entry }
            ? entry switch
            {
                JournalRecord.ForgetFunction forget => forget.Address,
                JournalRecord.ForgetMdev forget => forget.Uuid,
                JournalRecord.ForgetVgpu forget => forget.Address,
                JournalRecord.ForgetLoan forget => forget.Device,
                _ => null,
            }
            : null;
}

/// <param name="Purpose">What the step is for: steps of one purpose get through together or not at all.</param>
public sealed record LaneStep(Purpose Purpose, PlanStep Step)
{
    /// <summary>
    /// The unit that is had as a whole: where one of its devices is not proven free, nothing of it is taken. Null for all else.
    /// </summary>
    public DeviceId? Unit { get; init; }

    /// <summary>
    /// Whether something that a policy wants is in force when this step is done: what is done to the host for it once, and again only if
    /// something else undid it.
    /// </summary>
    public bool BringsIntoForce =>
        (Step is PlanStep.Probe { ExpectedDriver: not null, Again: false } && Purpose.Verb == PurposeVerb.Take)
        || (Step is PlanStep.SetNumVfs { NumVfs: > 0 } && Purpose.Verb == PurposeVerb.Vfs)
        || Step is PlanStep.CreateMdev
        || (Step is PlanStep.SetAttribute { Restores: false } && Purpose.Verb != PurposeVerb.Take);
}

/// <summary>Something an admin should know about one device.</summary>
/// <param name="Policy">Null for what no policy wants any more.</param>
/// <param name="Device">The address or identity.</param>
/// <param name="Message">What is wrong, where, which fix.</param>
/// <param name="OwnerUid">With <see cref="FindingState.Releasing"/>: the policy that it was taken for.</param>
public sealed record Finding(
    PolicyIdentity? Policy,
    string Device,
    FindingState State,
    Reason Reason,
    string Message,
    string? OwnerUid = null
);

/// <param name="Matched">How many devices (units or physical functions) its selectors match.</param>
/// <param name="Frozen">Why it is not followed; null when it is.</param>
/// <param name="Hint">Where nothing matches: what there is instead, going on after "matches no device of this node"; null when there is
/// nothing to say.</param>
/// <param name="Missing">How many units more it names than there are.</param>
public sealed record PolicyMatch(PolicyIdentity Policy, int Matched, Finding? Frozen, string? Hint = null, int Missing = 0);

/// <summary>A unit or physical function that failed lately: not tried again before its time, so what was begun is undone.</summary>
public sealed record Setback(Reason Reason, string Message);
