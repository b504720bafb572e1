using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Hostdev.Kube.Meta;
using Hostdev.Projection;

namespace Hostdev.Operator.Reconcilers;

/// <summary>An agent's Pod: which node it is on, and whether it is Ready.</summary>
internal sealed record AgentPod : IKubeObject
{
    public static KubeKind<AgentPod> Kind { get; } =
        new(new KubeResource("", "v1", "Pod", "pods", Namespaced: true), OperatorJsonContext.Default.AgentPod);

    public ObjectMeta Metadata
    {
        get => field ?? new();
        init;
    }

    public AgentPodSpec? Spec { get; init; }

    public AgentPodStatus? Status { get; init; }

    /// <summary>Times of a Pod have whole seconds, and two of one moment may differ.</summary>
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(5);

    public bool IsReady =>
        Metadata.DeletionTimestamp is null && Status is { } status && status.Conditions.Any(c => c is { Type: "Ready", Status: "True" });

    /// <summary>
    /// Not Ready any more. The kubelet writes the condition when the Pod starts, and its time moves with its status alone: later than the
    /// start, it was True in between.
    /// </summary>
    private bool WasReady =>
        !IsReady
        && Status is { } status
        && status.Conditions.Any(c => c.Type == "Ready" && (c.Status == "True" || c.LastTransitionTime - status.StartTime > AtOnce));

    /// <summary>Running, or waiting for no reason that lasts.</summary>
    private bool IsStarting =>
        !IsReady
        && (Status?.ContainerStatuses ?? []).All(c =>
            c.State?.Terminated is null && c.State?.Waiting?.Reason is null or "ContainerCreating" or "PodInitializing"
        );

    /// <summary>By node. While one Pod replaces another there are two: the better one counts.</summary>
    public static Dictionary<string, AgentPresence> Presence(IEnumerable<AgentPod> pods) =>
        Sights(pods).ToDictionary(s => s.Key, s => s.Value.Presence, StringComparer.Ordinal);

    /// <summary>By node, what all Pods of its agent tell together.</summary>
    public static Dictionary<string, AgentSight> Sights(IEnumerable<AgentPod> pods)
    {
        var agents = new Dictionary<string, AgentSight>(StringComparer.Ordinal);
        foreach (var pod in pods)
        {
            if (pod.Spec?.NodeName is not { } node)
                continue;
            var (presence, before) = (pod.IsReady ? AgentPresence.Ready : AgentPresence.NotReady, agents.GetValueOrDefault(node));
            var better = before.Presence > presence ? before.Presence : presence;
            agents[node] = new AgentSight(better, before.WasReady || pod.WasReady, before.IsStarting || pod.IsStarting);
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
    public DateTimeOffset? StartTime { get; init; }

    public ImmutableArray<AgentPodCondition> Conditions
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    public ImmutableArray<AgentContainerStatus> ContainerStatuses
    {
        get => field.IsDefault ? [] : field;
        init;
    }
}

internal sealed record AgentPodCondition(string Type, string Status, DateTimeOffset? LastTransitionTime = null);

internal sealed record AgentContainerStatus(AgentContainerState? State = null);

/// <summary>Neither is there while it runs.</summary>
internal sealed record AgentContainerState(AgentContainerReason? Waiting = null, AgentContainerReason? Terminated = null);

internal sealed record AgentContainerReason(string? Reason = null);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull
)]
[JsonSerializable(typeof(AgentPod))]
internal sealed partial class OperatorJsonContext : JsonSerializerContext;
