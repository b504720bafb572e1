using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Attributes;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;
using Hostdev.Planning.Sriov;

namespace Hostdev.Planning;

/// <summary>Everything that planning looks at.</summary>
public sealed record PlanningInput
{
    public required HostInventory Inventory { get; init; }

    /// <summary>In any order: planning sorts them by precedence.</summary>
    public required ImmutableArray<EffectivePolicy> Policies { get; init; }

    public required HostUsage Usage { get; init; }

    public required Ownership Ownership { get; init; }

    /// <summary>The node's name: addresses that stay are made of it.</summary>
    public string Node { get; init; } = "";

    /// <summary>What failed lately and is not to be tried now, by <see cref="LaneStep.Purpose"/>.</summary>
    public ImmutableDictionary<Purpose, Setback> Setbacks { get; init; } = ImmutableDictionary<Purpose, Setback>.Empty;

    /// <summary>
    /// What was brought about again and again because something else undid it, by <see cref="LaneStep.Purpose"/>: if it is undone now, it
    /// is left so. It says nothing about what is in force.
    /// </summary>
    public ImmutableDictionary<Purpose, Setback> Contested { get; init; } = ImmutableDictionary<Purpose, Setback>.Empty;

    /// <summary>The units that pods have by our answers.</summary>
    public ImmutableHashSet<DeviceId> Given { get; init; } = [];

    /// <summary>The devices of each unit that a pod has, or had before the boot and may be started with again.</summary>
    public ImmutableDictionary<DeviceId, ImmutableArray<DeviceId>> GivenDevices { get; init; } =
        ImmutableDictionary<DeviceId, ImmutableArray<DeviceId>>.Empty;

    /// <summary>Writes of ours that the kernel has not returned yet.</summary>
    public ImmutableArray<UnreturnedWrite> Unreturned { get; init; } = [];

    /// <summary>What policies have in force and chose by a name, as the last plan left it.</summary>
    public ImmutableArray<Choice> Choices { get; init; } = [];

    /// <summary>The widest links that were seen on this host; of others nothing is known.</summary>
    public ImmutableSortedDictionary<DeviceId, KnownLink> Links { get; init; } = ImmutableSortedDictionary<DeviceId, KnownLink>.Empty;

    /// <summary>Uncorrectable errors that were reported lately.</summary>
    public ImmutableArray<PcieErrors> Errors { get; init; } = [];

    /// <summary>
    /// Alternative names of network interfaces (<c>altname</c> of ip-link(8)), by their names; empty where none could be asked for.
    /// </summary>
    public ImmutableDictionary<string, ImmutableArray<string>> AlternativeNames { get; init; } =
        ImmutableDictionary<string, ImmutableArray<string>>.Empty;

    /// <summary>What the files read that the plan before named (<see cref="Plan.Attributes"/>); of others nothing is known.</summary>
    public ImmutableDictionary<AttributeFile, AttributeReading> Attributes { get; init; } =
        ImmutableDictionary<AttributeFile, AttributeReading>.Empty;

    /// <summary>
    /// After a boot, until the desired state was read from its source: the devices that were ours before. Only these are restored. Null
    /// when everything may be done.
    /// </summary>
    public ImmutableSortedSet<DeviceId>? RestoreOnly { get; init; }

    /// <summary>What admins keep from being given out: nothing that is done depends on it.</summary>
    public ImmutableArray<DesiredCordon> Cordons { get; init; } = [];

    /// <summary>Why nothing may be written now; null when it may.</summary>
    public Halt? Halt { get; init; }

    /// <summary>
    /// Whether any of the policies selects by the names of network interfaces, so that <see cref="AlternativeNames"/> matter.
    /// </summary>
    public static bool AsksForInterfaces(IEnumerable<EffectivePolicy> policies) =>
        policies.Any(p =>
            p.InForce is DesiredPolicy.OfSriovPolicy { Spec.PhysicalFunctions: var selectors } && selectors.Any(s => !s.Interfaces.IsEmpty)
        );
}

/// <summary>A policy as the agent follows it.</summary>
/// <param name="InForce">The last version that was understood; a <see cref="DesiredPolicy.Frozen"/> when none ever was.</param>
/// <param name="Frozen">The newer version that was not understood; null when <paramref name="InForce"/> is current.</param>
public sealed record EffectivePolicy(DesiredPolicy InForce, DesiredPolicy.Frozen? Frozen)
{
    public PolicyIdentity Identity => Frozen?.Identity ?? InForce.Identity;

    /// <summary>What is in force, under the identity that is reported.</summary>
    public DesiredPolicy Reported => InForce with { Identity = Identity };

    /// <summary>Why it is not followed, or not in its newest version; null when it is.</summary>
    internal Finding? NotUnderstood =>
        (Frozen ?? InForce as DesiredPolicy.Frozen) is { } version
            ? new Finding(Identity, Identity.ToString(), FindingState.Blocked, version.Reason, version.Message)
            : null;

    public static ImmutableArray<EffectivePolicy> InOrderOfPrecedence(IEnumerable<EffectivePolicy> policies) =>
        [.. policies.OrderBy(p => p.Reported, PolicyPrecedence.Comparer)];

    public IPolicySpec? Spec => InForce.Common;
}
