using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Hostdev.Kube.Meta;
using Hostdev.Operator.Projection;

namespace Hostdev.Operator.Reconcilers;

/// <summary>An agent's Pod: which node it is on, and whether it is Ready.</summary>
internal sealed record AgentPod : IKubeObject
{
    public static KubeKind<AgentPod> Kind { get; } = new(new KubeResource("", "v1", "Pod", "pods", Namespaced: true), OperatorJsonContext.Default.AgentPod);

    public ObjectMeta Metadata { get => field ?? new(); init; }

    public AgentPodSpec? Spec { get; init; }

    public AgentPodStatus? Status { get; init; }

    public bool IsReady => Metadata.DeletionTimestamp is null && Status is { } status && status.Conditions.Any(c => c is { Type: "Ready", Status: "True" });

    /// <summary>By node. While one Pod replaces another there are two: the better one counts.</summary>
    public static Dictionary<string, AgentPresence> Presence(IEnumerable<AgentPod> pods)
    {
        var agents = new Dictionary<string, AgentPresence>(StringComparer.Ordinal);
        foreach (var pod in pods)
        {
            if (pod.Spec?.NodeName is not { } node) continue;
            var presence = pod.IsReady ? AgentPresence.Ready : AgentPresence.NotReady;
            if (agents.GetValueOrDefault(node) < presence) agents[node] = presence;
        }

        return agents;
    }
}

internal sealed record AgentPodSpec
{
    /// <summary>Null before it is scheduled.</summary>
    public string? NodeName { get; init; }
}

internal sealed record AgentPodStatus
{
    public ImmutableArray<AgentPodCondition> Conditions { get => field.IsDefault ? [] : field; init; }
}

internal sealed record AgentPodCondition(string Type, string Status);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AgentPod))]
internal sealed partial class OperatorJsonContext : JsonSerializerContext;
