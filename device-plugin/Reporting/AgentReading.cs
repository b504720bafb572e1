using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>How an agent stands at a moment; counts are since its start.</summary>
internal sealed record AgentReading
{
    /// <summary>Null before the first look at the machine has ended.</summary>
    public required NodeDeviceStateStatus? Status { get; init; }

    /// <summary>Of all units, as they stood when <see cref="Status"/> was made.</summary>
    public required IReadOnlyList<UnitStanding> Units { get; init; }

    public required Halt? Halt { get; init; }

    public required long Reconciles { get; init; }

    public required long FailedReconciles { get; init; }

    public required long HostWrites { get; init; }

    public required ImmutableDictionary<Reason, long> RefusedAllocations { get; init; }

    /// <summary>Reads what the kernel counts; asked only where it is shown.</summary>
    public required Func<ImmutableArray<PcieErrorCount>> PcieErrors { get; init; }
}
