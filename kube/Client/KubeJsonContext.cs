using System.Text.Json.Serialization;
using k8s.KubeConfigModels;
using k8s.Models;

namespace Hostdev.Kube.Client;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull
)]
[JsonSerializable(typeof(KubeStatus))]
[JsonSerializable(typeof(V1ListMeta))]
[JsonSerializable(typeof(ExecCredentialResponse))]
internal sealed partial class KubeJsonContext : JsonSerializerContext;
