using System.Text.Json.Serialization;
using Hostdev.Kube.Meta;

namespace Hostdev.Kube.Control;

public enum EventType
{
    Normal,

    /// <summary>A human should act.</summary>
    Warning,
}

/// <summary>Something that happened to an object, for people (<c>events.k8s.io/v1</c>). The API server keeps it for an hour.</summary>
public sealed record Event : IKubeObject
{
    public static KubeKind<Event> Kind { get; } = new(new KubeResource("events.k8s.io", "v1", "Event", "events", Namespaced: true), EventJsonContext.Default.Event);

    public string ApiVersion => Kind.Resource.ApiVersion;

    [JsonPropertyName("kind")]
    public string KindName => Kind.Resource.Kind;

    public ObjectMeta Metadata { get => field ?? new ObjectMeta(); init; }

    /// <summary>When it happened first.</summary>
    [JsonConverter(typeof(MicroTimeConverter))]
    public DateTimeOffset? EventTime { get; init; }

    /// <summary>Null until it happened again.</summary>
    public EventSeries? Series { get; init; }

    /// <summary>Of the form of a label's key: <c>hostdev.io/operator</c>.</summary>
    public string? ReportingController { get; init; }

    /// <summary>Which of its processes, for example the Pod's name. At most 128 characters.</summary>
    public string? ReportingInstance { get; init; }

    /// <summary>What was done, CamelCase, at most 128 characters.</summary>
    public string? Action { get; init; }

    /// <summary>Why, CamelCase, at most 128 characters: programs may match on it.</summary>
    public string? Reason { get; init; }

    public ObjectReference? Regarding { get; init; }

    /// <summary>A sentence for people, at most 1,024 bytes.</summary>
    public string? Note { get; init; }

    public string? Type { get; init; }
}

/// <param name="Count">How often it happened, the first time counted.</param>
public sealed record EventSeries(int Count, [property: JsonConverter(typeof(MicroTimeConverter))] DateTimeOffset LastObservedTime);

/// <summary>An object that something is said about.</summary>
public sealed record ObjectReference(string ApiVersion, string Kind, string Name, string? Namespace, string? Uid)
{
    public static ObjectReference To(KubeResource resource, ObjectMeta metadata) => new(resource.ApiVersion, resource.Kind, metadata.Name, metadata.Namespace, metadata.Uid);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Event))]
internal sealed partial class EventJsonContext : JsonSerializerContext;
