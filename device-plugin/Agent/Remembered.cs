using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Following;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;
using Hostdev.Planning.Sriov;

namespace Hostdev.DevicePlugin.Agent;

/// <summary>
/// What the agent knows beside what the machine shows. Planning's input is made of it in one place, for the agent and for <c>plan</c>, so
/// that <c>plan</c> prints what the agent does.
/// </summary>
internal sealed record Remembered
{
    public required JournalState Journal { get; init; }

    public required string Node { get; init; }

    public required RepairBudget Repairs { get; init; }

    public required Halts Halts { get; init; }

    public required ImmutableArray<Choice> Choices { get; init; }

    public required ImmutableSortedDictionary<DeviceId, KnownLink> Links { get; init; }

    /// <summary>Of a running agent, which alone watches.</summary>
    public ImmutableArray<PcieErrors> Errors { get; init; } = [];

    /// <summary>What is not to be tried now.</summary>
    public required ImmutableDictionary<Purpose, Setback> Setbacks { get; init; }

    /// <summary>The units that pods have.</summary>
    public ImmutableHashSet<DeviceId> Given { get; init; } = [];

    public ImmutableDictionary<DeviceId, ImmutableArray<DeviceId>> GivenDevices { get; init; } =
        ImmutableDictionary<DeviceId, ImmutableArray<DeviceId>>.Empty;

    /// <summary>Writes that the kernel has not returned yet: of a running agent, which alone knows them.</summary>
    public ImmutableArray<UnreturnedWrite> Unreturned { get; init; } = [];

    /// <param name="names">Alternative names of network interfaces; empty where no policy asks for them.</param>
    public PlanningInput Input(
        DesiredInForce desired,
        HostInventory inventory,
        HostUsage usage,
        ImmutableDictionary<string, ImmutableArray<string>> names
    ) =>
        new()
        {
            Inventory = inventory,
            Policies = desired.Policies,
            Cordons = desired.Cordons,
            Usage = usage,
            Ownership = Journal.Ownership,
            Node = Node,
            Setbacks = Setbacks,
            Contested = Repairs.Contested(desired.Fingerprint),
            Given = Given,
            GivenDevices = GivenDevices,
            Unreturned = Unreturned,
            Halt = Halts.Look(desired.Fingerprint),
            RestoreOnly = Journal.InForceBefore,
            Choices = Choices,
            Links = Links,
            Errors = Errors,
            AlternativeNames = names,
        };
}
