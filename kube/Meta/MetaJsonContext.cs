using System.Text.Json.Serialization;

namespace Hostdev.Kube.Meta;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull
)]
[JsonSerializable(typeof(PartialObjectMetadata))]
internal sealed partial class MetaJsonContext : JsonSerializerContext;
