using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;

namespace Hostdev.Planning;

/// <summary>What is offered as one: one ID under one resource name.</summary>
public sealed record Unit
{
    /// <summary>What the kubelet counts: it stays the same whatever of the unit is given to a VM.</summary>
    public required DeviceId Id { get; init; }

    public required ResourceName Resource { get; init; }

    public required PolicyIdentity Policy { get; init; }

    /// <summary>What a VM gets of it, and how.</summary>
    public required Handout Handout { get; init; }

    /// <summary>What the host goes without beside what the policy names, as a sentence; null when that is nothing.</summary>
    public string? HostLoses { get; init; }

    public required DeviceFile? DeviceFile { get; init; }

    /// <summary>Not to be offered now: its policy lets it go as soon as nobody has it.</summary>
    public bool Cordoned { get; init; }

    /// <summary>Whether a reset of ours may prove that a fault of it is gone.</summary>
    public ResetChoice Reset { get; init; }

    /// <summary>Why it is out of service until a reset proves it; null as a rule.</summary>
    public string? Fault { get; init; }

    /// <summary>Why an admin keeps it from being given out, as a sentence; null as a rule.</summary>
    public string? CordonedByAdmin { get; init; }

    /// <summary>Where it is brought about only when somebody is given it, and goes when nobody has it; null as a rule.</summary>
    public OnAllocate? OnAllocate { get; init; }

    /// <summary>Whose arguments a container is told beside KubeVirt's env, as its policy wants it.</summary>
    public ImmutableArray<Vmm> Vmms { get; init; } = [];

    /// <summary>
    /// What its answer gives under names of their own, in the order of the members: as many tokens of a name go with the unit as there are
    /// members with that name.
    /// </summary>
    public ImmutableArray<Companion> Companions { get; init; } = [];

    /// <summary>The device that findings name, and a VM is told of.</summary>
    public DeviceId Device => Handout.Device;

    /// <summary>Everything that the host goes without while it is offered: whoever has one of these has the unit.</summary>
    public ImmutableArray<DeviceId> Claims => Handout.Claims;
}
