using System.Text.Json.Serialization;

namespace Hostdev.Kube.Client;

/// <summary>The metadata of a list (<c>metav1.ListMeta</c>).</summary>
internal sealed record ListMeta
{
    public string ResourceVersion { get => field ?? ""; init; }

    /// <summary>Empty on the last page.</summary>
    public string Continue { get => field ?? ""; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(KubeStatus))]
[JsonSerializable(typeof(ListMeta))]
[JsonSerializable(typeof(ExecCredential))]
[JsonSerializable(typeof(string))]
internal sealed partial class KubeJsonContext : JsonSerializerContext;
