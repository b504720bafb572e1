using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;
using Hostdev.Kube.Meta;

namespace Hostdev.Crds.Kinds;

/// <summary>
/// What an operator keeps of a NodeDeviceState when there are 5,000 of them. Hardly anything in it is required: a status that an agent of
/// another version wrote must not make a list of all nodes unreadable.
/// </summary>
public sealed record NodeDeviceStateSummary : IKubeObject
{
    public ObjectMeta Metadata
    {
        get => field ?? new();
        init;
    }

    /// <summary>Null before the node was projected.</summary>
    public SpecSummary? Spec { get; init; }

    /// <summary>Null before the agent has reported.</summary>
    public StatusSummary? Status { get; init; }
}

public sealed record SpecSummary
{
    public DateTimeOffset? ProjectedAt { get; init; }

    /// <summary>As they stand in the object, whoever wrote it.</summary>
    public ImmutableArray<ProjectedPolicySummary> Policies
    {
        get => field.IsDefault ? [] : field;
        init;
    }
}

public sealed record ProjectedPolicySummary
{
    public string Kind
    {
        get => field ?? "";
        init;
    }

    public string Name
    {
        get => field ?? "";
        init;
    }

    public string Uid
    {
        get => field ?? "";
        init;
    }

    public long Generation { get; init; }

    public DateTimeOffset? CreationTimestamp { get; init; }

    /// <summary>Of <c>spec</c>, so that one edited by hand is noticed.</summary>
    [JsonPropertyName("spec")]
    [JsonConverter(typeof(SpecDigestConverter))]
    public SpecDigest Digest { get; init; }
}

public sealed record StatusSummary
{
    /// <summary>So many problems of one policy are kept.</summary>
    public const int MostProblems = PolicyStatus.MostProblems;

    /// <summary>The generation of the object that the agent follows.</summary>
    public long? ObservedGeneration { get; init; }

    /// <summary>So many different ids of PCI functions of one node are kept.</summary>
    public const int MostIds = 256;

    /// <summary>Whether the agent has cut its lists: then there are devices that <see cref="PciIds"/> lacks.</summary>
    public bool Truncated { get; init; }

    public ImmutableArray<PolicyResultSummary> Policies
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>
    /// <c>vendor:device</c> of the PCI functions on the node, each once, in order; the first <see cref="MostIds"/> that are listed.
    /// </summary>
    [JsonPropertyName("devices")]
    [JsonConverter(typeof(PciIdsConverter))]
    public ImmutableArray<string> PciIds
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    public ImmutableArray<DeviceProblem> Releasing
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>How many devices of each resource pods have.</summary>
    [JsonPropertyName("allocations")]
    [JsonConverter(typeof(AllocationCountConverter))]
    public ImmutableSortedDictionary<string, int> AllocatedByResource
    {
        get => field ?? ImmutableSortedDictionary<string, int>.Empty;
        init;
    }

    public ImmutableArray<NodeCondition> Conditions
    {
        get => field.IsDefault ? [] : field;
        init;
    }
}

public sealed record PolicyResultSummary
{
    public string Kind
    {
        get => field ?? "";
        init;
    }

    public string Name
    {
        get => field ?? "";
        init;
    }

    public string Uid
    {
        get => field ?? "";
        init;
    }

    public long Generation { get; init; }

    public int Matched { get; init; }

    public int Ready { get; init; }

    public int Blocked { get; init; }

    public int Allocated { get; init; }

    public ImmutableArray<string> Ids
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>As <see cref="PolicyResult.ReadyGeneration"/>: null where the agent does not say it.</summary>
    public long? ReadyGeneration { get; init; }

    public Reason Reason
    {
        get => field ?? Reasons.Unsaid;
        init;
    }

    public string Message
    {
        get => field ?? "";
        init;
    }

    /// <summary>
    /// At most <see cref="StatusSummary.MostProblems"/>: what is in the way first, and of each reason one before a second.
    /// </summary>
    [JsonConverter(typeof(FirstProblemsConverter))]
    public ImmutableArray<DeviceProblem> Problems
    {
        get => field.IsDefault ? [] : field;
        init;
    }
}
