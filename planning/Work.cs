using System.Collections.Immutable;
using Hostdev.Crds;

namespace Hostdev.Planning;

/// <summary>What is done to one device now, and what is said of what is not.</summary>
internal sealed record Work(DeviceId Device, ImmutableArray<LaneStep> Steps)
{
    public ImmutableArray<Finding> Findings { get; init; } = [];
}
