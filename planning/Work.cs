using System.Collections.Immutable;
using Hostdev.Crds;

namespace Hostdev.Planning;

/// <summary>What is done to one device now, and what is said of what is not.</summary>
internal sealed record Work(DeviceId Device, ImmutableArray<LaneStep> Steps)
{
    /// <summary>What else is changed by its steps, where that may have nothing to do with the device on this machine.</summary>
    public ImmutableArray<DeviceId> Touches { get; init; } = [];

    public ImmutableArray<Finding> Findings { get; init; } = [];
}
