using System.Collections.Immutable;
using Hostdev.Crds.Words;
using Hostdev.Kube.Meta;

namespace Hostdev.Crds.Kinds;

/// <summary>What became of a policy on all its nodes; written by the operator alone, at most once in 10 s.</summary>
public sealed record PolicyStatus
{
    /// <summary>So many problems a status shows.</summary>
    public const int MostProblems = 5;

    /// <summary>So many nodes <see cref="Releasing"/> shows.</summary>
    public const int MostReleasing = 20;

    /// <summary>The policy's <c>metadata.generation</c> that all of this speaks of.</summary>
    public long? ObservedGeneration { get; init; }

    /// <summary><c>Ready</c>, <c>Progressing</c> and <c>Degraded</c>.</summary>
    public ImmutableArray<Condition> Conditions
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>The resource names of the policy, joined by commas: one column of <c>kubectl get</c> shows one value.</summary>
    public string? Resources { get; init; }

    public NodeCounts? Nodes { get; init; }

    public DeviceCounts? Devices { get; init; }

    /// <summary>The first <see cref="MostProblems"/>.</summary>
    public ImmutableArray<PolicyProblem> Problems
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>The first <see cref="MostReleasing"/> nodes, by name; empty when all hosts are as they were.</summary>
    public ImmutableArray<PolicyReleasing> Releasing
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>The entries of KubeVirt's <c>permittedHostDevices</c> that the devices need, as YAML.</summary>
    public string? Kubevirt { get; init; }
}

/// <param name="Matched">
/// Nodes with at least one device that matches, and all whose agent does not report: left out, a cluster that has lost half of its nodes
/// would look whole.
/// </param>
/// <param name="Ready">Nodes of which every device that matches is offered.</param>
/// <param name="Unknown">Nodes whose agent does not report.</param>
public sealed record NodeCounts(int Matched = 0, int Ready = 0, int Progressing = 0, int Blocked = 0, int Unknown = 0)
{
    /// <summary>For the columns of <c>kubectl get</c>: <c>2/3</c>.</summary>
    public string Summary => $"{Ready}/{Matched}";
}

public sealed record DeviceCounts(int Matched = 0, int Ready = 0, int Allocated = 0, int Blocked = 0)
{
    /// <summary>For the columns of <c>kubectl get</c>: <c>5/8</c>.</summary>
    public string Summary => $"{Ready}/{Matched}";
}

/// <param name="Device">Null where the problem is the node's.</param>
public sealed record PolicyProblem(string Node, Reason Reason, string Message, string? Device = null);

/// <param name="Devices">How many of the node.</param>
/// <param name="Message">What the first of them waits for.</param>
public sealed record PolicyReleasing(string Node, int Devices, string Message);
