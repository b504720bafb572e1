using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using k8s.Models;

namespace Hostdev.Kube.Client;

/// <summary>
/// JSON of those of KubernetesClient's models that we use. Its own context names all of its models, and native code would hold every one of
/// them: 15 MB (docs/adr/0012).
/// </summary>
internal static class KubeModels
{
    /// <summary>Fields in the order in which people read them; the models have them by the alphabet.</summary>
    private static readonly Dictionary<Type, string[]> _order = new()
    {
        [typeof(V1LeaseSpec)] = ["holderIdentity", "leaseDurationSeconds", "acquireTime", "renewTime", "leaseTransitions"],
        [typeof(Corev1Event)] =
        [
            "apiVersion",
            "kind",
            "metadata",
            "eventTime",
            "firstTimestamp",
            "lastTimestamp",
            "count",
            "series",
            "source",
            "reportingComponent",
            "reportingInstance",
            "action",
            "reason",
            "involvedObject",
            "message",
            "type",
        ],
    };

    private static readonly JsonSerializerOptions _options = new(KubeModelsJsonContext.Default.Options)
    {
        TypeInfoResolver = KubeModelsJsonContext.Default.WithAddedModifier(Sort),
    };

    /// <exception cref="NotSupportedException">The type is not in the context.</exception>
    public static JsonTypeInfo Json(Type type) => _options.GetTypeInfo(type);

    private static void Sort(JsonTypeInfo type)
    {
        if (!_order.TryGetValue(type.Type, out var names))
            return;
        foreach (var property in type.Properties)
            property.Order = Array.IndexOf(names, property.Name) is >= 0 and var place ? place : names.Length;
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(MicroTimeConverter)]
)]
[JsonSerializable(typeof(V1Lease))]
[JsonSerializable(typeof(Corev1Event))]
[JsonSerializable(typeof(V1TokenReview))]
[JsonSerializable(typeof(V1SubjectAccessReview))]
internal sealed partial class KubeModelsJsonContext : JsonSerializerContext;
