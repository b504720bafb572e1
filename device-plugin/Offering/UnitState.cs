using System.Collections.Immutable;
using Hostdev.Crds;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>How a unit really stands on the machine, whatever its class.</summary>
/// <param name="Problem">Why it cannot be given to a VM, as a sentence; null when it is ready.</param>
/// <param name="Nodes">The device nodes that are the unit's own, the one that is always there first; empty when there is none.</param>
/// <param name="Drivers">The devices that a VM is given with it, and what keeps them company, each with its driver (null: none).</param>
public sealed record UnitState(string? Problem, ImmutableArray<string> Nodes, ImmutableSortedDictionary<DeviceId, string?> Drivers)
{
    /// <summary>What the host calls it now, where a VM is told that and not its ID; null else.</summary>
    public string? Address { get; init; }

    /// <summary>Where sysfs has it now, where its identity does not tell; null else.</summary>
    public string? SysfsPath { get; init; }

    /// <summary>The number of the IOMMU group that it is in now; null where its class has none.</summary>
    public int? Group { get; init; }

    /// <summary>The groups of functions that are in another one than <see cref="Group"/>.</summary>
    public ImmutableSortedDictionary<DeviceId, int> Groups { get; init; } = ImmutableSortedDictionary<DeviceId, int>.Empty;

    /// <summary>The nodes of single functions (<c>/dev/vfio/devices/vfioN</c>) among <see cref="Nodes"/>, by function.</summary>
    public ImmutableSortedDictionary<DeviceId, string> Cdevs { get; init; } = ImmutableSortedDictionary<DeviceId, string>.Empty;
}
