using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hostdev.Kube.Meta;

namespace Hostdev.Kubectl.Answers;

/// <summary>What of a pod says why it does not run.</summary>
public sealed record PodView : IKubeObject
{
    public static KubeKind<PodView> Kind { get; } =
        new(new KubeResource("", "v1", "Pod", "pods", Namespaced: true), ObjectsJsonContext.Default.PodView);

    public ObjectMeta Metadata
    {
        get => field ?? new();
        init;
    }

    public PodSpecView? Spec { get; init; }

    public PodStatusView? Status { get; init; }

    /// <summary>
    /// How many of each extended resource it asks for: a container's limits are its requests (the API server makes them equal), and init
    /// containers run before the others and give back what they had.
    /// </summary>
    public ImmutableSortedDictionary<string, int> Requests()
    {
        var asked = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var (name, count) in (Spec?.Containers ?? []).SelectMany(Of))
            asked[name] = asked.GetValueOrDefault(name) + count;
        foreach (var (name, count) in (Spec?.InitContainers ?? []).SelectMany(Of))
            asked[name] = Math.Max(asked.GetValueOrDefault(name), count);
        return asked.ToImmutableSortedDictionary(StringComparer.Ordinal);

        static IEnumerable<(string, int)> Of(ContainerView container) =>
            (container.Resources?.Limits ?? container.Resources?.Requests ?? [])
                .Where(r => r.Key.Contains('/', StringComparison.Ordinal))
                .Select(r => (r.Key, int.TryParse(r.Value.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0))
                .Where(r => r.Item2 > 0);
    }
}

public sealed record PodSpecView
{
    public string? NodeName { get; init; }

    public ImmutableArray<ContainerView> Containers
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    public ImmutableArray<ContainerView> InitContainers
    {
        get => field.IsDefault ? [] : field;
        init;
    }
}

public sealed record ContainerView(ContainerResourcesView? Resources = null);

/// <summary>Quantities are strings, and may be numbers in JSON.</summary>
public sealed record ContainerResourcesView(
    Dictionary<string, JsonElement>? Limits = null,
    Dictionary<string, JsonElement>? Requests = null
);

public sealed record PodStatusView
{
    public string? Phase { get; init; }

    public string? Reason { get; init; }

    public string? Message { get; init; }

    public ImmutableArray<PodConditionView> Conditions
    {
        get => field.IsDefault ? [] : field;
        init;
    }
}

public sealed record PodConditionView(string? Type = null, string? Status = null, string? Reason = null, string? Message = null);

/// <summary>An Event of the group events.k8s.io, as people read it.</summary>
public sealed record EventView : IKubeObject
{
    public static KubeKind<EventView> Kind { get; } =
        new(new KubeResource("events.k8s.io", "v1", "Event", "events", Namespaced: true), ObjectsJsonContext.Default.EventView);

    public ObjectMeta Metadata
    {
        get => field ?? new();
        init;
    }

    public string? Type { get; init; }

    public string? Reason { get; init; }

    public string? Note { get; init; }

    public string? ReportingController { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull
)]
[JsonSerializable(typeof(PodView))]
[JsonSerializable(typeof(EventView))]
internal sealed partial class ObjectsJsonContext : JsonSerializerContext;
