using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;
using Hostdev.Kube.Meta;

namespace Hostdev.Crds.Kinds;

/// <summary>What the specs of all three policy kinds have.</summary>
public interface IPolicySpec
{
    /// <summary>Which nodes. <c>{}</c> is all nodes; absent is an error, because an accident must not reach every host.</summary>
    LabelSelector NodeSelector { get; }

    /// <summary>Higher wins a device that two policies claim; then the older policy, then kind, then name.</summary>
    int Priority { get; }

    Rollout? Rollout { get; }

    Disruption Disruption { get; }

    DeviceFile? DeviceFile { get; }

    /// <summary>
    /// Risks that are accepted by name; those of a device only with explicit addresses. Null where the field is absent: what is in force is
    /// kept on disk without it then, so that a version before reads it.
    /// </summary>
    ImmutableArray<Risk>? AcceptRisks { get; }

    /// <summary>
    /// Whose arguments the container is told beside KubeVirt's env. Null where the field is absent, for the reason of
    /// <see cref="AcceptRisks"/>.
    /// </summary>
    ImmutableArray<Vmm>? VmmArguments { get; }
}

/// <summary>How many nodes change at a time; counted by the operator.</summary>
public sealed record Rollout
{
    /// <summary>A number of nodes or a percentage; 10% by default.</summary>
    [JsonConverter(typeof(NodeShareConverter))]
    public string MaxUnavailable
    {
        get => field ?? "10%";
        init;
    }
}
