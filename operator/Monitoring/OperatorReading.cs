using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Projection;

namespace Hostdev.Operator.Monitoring;

/// <summary>How an operator stands at a moment.</summary>
internal sealed record OperatorReading
{
    public required bool IsLeading { get; init; }

    public required ImmutableArray<(string Resource, bool IsFollowed)> Followed { get; init; }

    /// <summary>Empty while it does not lead; so are the rest.</summary>
    public ImmutableArray<(string Controller, int Depth, int Waiting)> Queues
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>What the last look saw; null before the first.</summary>
    public ClusterView? View { get; init; }

    public ImmutableDictionary<PolicyKey, PolicyStatus> Statuses
    {
        get => field ?? ImmutableDictionary<PolicyKey, PolicyStatus>.Empty;
        init;
    }

    public long EventsDropped { get; init; }
}
