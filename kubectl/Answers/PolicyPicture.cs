using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Kubectl.Answers;

/// <summary>A policy over all nodes, as its status tells.</summary>
public sealed record PolicyPicture
{
    /// <summary><c>HostDevice/gpus</c>.</summary>
    public required string Policy { get; init; }

    /// <summary>The names under which it offers devices, those of companions last.</summary>
    public required ImmutableArray<string> Resources { get; init; }

    /// <summary>True, False or Unknown; null while no operator has looked at it.</summary>
    public string? Ready { get; init; }

    public string? Reason { get; init; }

    public string? Message { get; init; }

    /// <summary>Null where it is not degraded.</summary>
    public Problem? Problem { get; init; }

    public NodeCounts? Nodes { get; init; }

    public DeviceCounts? Devices { get; init; }

    /// <summary>What is still being given back, by node.</summary>
    public required ImmutableArray<PolicyReleasing> Releasing { get; init; }

    public static PolicyPicture Of(string kind, PolicyObject policy)
    {
        var ready = (policy.Status?.Conditions ?? []).FirstOrDefault(c => c is { Type: ConditionTypes.Ready });
        return new PolicyPicture
        {
            Policy = $"{kind}/{policy.Metadata.Name}",
            Resources = [.. PolicyResources.Of(policy.Spec), .. PolicyResources.CompanionsOf(policy.Spec)],
            Ready = ready?.Status.ToString(),
            Reason = ready?.Reason,
            Message = ready?.Message ?? (policy.Status is null ? "no operator has looked at it yet" : null),
            Problem = Problem.Of(kind, policy),
            Nodes = policy.Status?.Nodes,
            Devices = policy.Status?.Devices,
            Releasing = [.. (policy.Status?.Releasing ?? []).OfType<PolicyReleasing>()],
        };
    }
}
