using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Hostdev.Kube.Meta;

namespace Hostdev.Operator.Reconcilers;

/// <summary>An agent's Pod: which node it is on, and whether it is Ready.</summary>
internal sealed record AgentPod : IKubeObject
{
    public static KubeKind<AgentPod> Kind { get; } = new(new KubeResource("", "v1", "Pod", "pods", Namespaced: true), OperatorJsonContext.Default.AgentPod);

    public ObjectMeta Metadata { get => field ?? new(); init; }

    public AgentPodSpec? Spec { get; init; }

    public AgentPodStatus? Status { get; init; }

    public bool IsReady => Metadata.DeletionTimestamp is null && Status is { } status && status.Conditions.Any(c => c is { Type: "Ready", Status: "True" });
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
