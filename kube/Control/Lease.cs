using System.Text.Json.Serialization;
using Hostdev.Kube.Meta;

namespace Hostdev.Kube.Control;

/// <summary>Who leads (<c>coordination.k8s.io/v1</c>).</summary>
public sealed record Lease : IKubeObject
{
    public static KubeKind<Lease> Kind { get; } = new(new KubeResource("coordination.k8s.io", "v1", "Lease", "leases", Namespaced: true), LeaseJsonContext.Default.Lease);

    public string ApiVersion => Kind.Resource.ApiVersion;

    [JsonPropertyName("kind")]
    public string KindName => Kind.Resource.Kind;

    public ObjectMeta Metadata { get => field ?? new ObjectMeta(); init; }

    public LeaseSpec Spec { get => field ?? new LeaseSpec(); init; }
}

/// <summary>Its times are the holder's: nobody else compares them with a clock.</summary>
public sealed record LeaseSpec
{
    /// <summary>Null or empty: nobody leads.</summary>
    public string? HolderIdentity { get; init; }

    public int? LeaseDurationSeconds { get; init; }

    [JsonConverter(typeof(MicroTimeConverter))]
    public DateTimeOffset? AcquireTime { get; init; }

    [JsonConverter(typeof(MicroTimeConverter))]
    public DateTimeOffset? RenewTime { get; init; }

    /// <summary>How often the lease changed hands.</summary>
    public int? LeaseTransitions { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Lease))]
internal sealed partial class LeaseJsonContext : JsonSerializerContext;
