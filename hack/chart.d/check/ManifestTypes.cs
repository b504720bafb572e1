using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using k8s.Models;

namespace Hostdev.Charts;

/// <summary>
/// Manifests as the types of the API server's own OpenAPI document, from which the client is generated. helm knows no types: a field that
/// is misspelt or stands one level too high is dropped by the API server, and nothing says so until it is missed. That a required field is
/// there is not checked: the client's types do not say which are.
/// </summary>
internal static class ManifestTypes
{
    private static readonly Dictionary<string, Type> s_types = typeof(V1Pod)
        .Assembly.GetTypes()
        .Select(t => (Type: t, Entity: t.GetCustomAttribute<KubernetesEntityAttribute>()))
        .Where(t => t.Entity is not null)
        .Select(t => (t.Type, Name: Name($"{t.Entity!.Group}/{t.Entity.ApiVersion}".TrimStart('/'), t.Entity.Kind)))
        .Append((Type: typeof(ServiceMonitor), Name: Name("monitoring.coreos.com/v1", "ServiceMonitor")))
        .Append((Type: typeof(PrometheusRule), Name: Name("monitoring.coreos.com/v1", "PrometheusRule")))
        .ToDictionary(t => t.Name, t => t.Type);

    private static readonly JsonSerializerOptions s_strict = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectRequiredConstructorParameters = true,
    };

    /// <summary>Null with the reason.</summary>
    public static Manifest? Read(JsonObject json, out string error)
    {
        var (kind, metadata) = (Text(json, "kind"), json["metadata"] as JsonObject ?? []);
        var at = $"{kind} {metadata["name"]}";
        error = $"{at}: {json["apiVersion"]} {kind} is no kind that is known here";
        if (!s_types.TryGetValue(Name(Text(json, "apiVersion"), kind), out var type))
            return null;
        try
        {
            var read = json.Deserialize(type, s_strict)!;
            error = "";
            return new Manifest(kind, Text(metadata, "namespace"), Text(metadata, "name"), [.. Labels(json)], read);
        }
        catch (Exception e) when (e is JsonException or FormatException or NotSupportedException)
        {
            error = $"{at}: {e.Message.Split(" | ")[0]}"; // the rest is a byte of a text that nobody sees
            return null;
        }
    }

    private static IEnumerable<KeyValuePair<string, string>> Labels(JsonNode json) =>
        from metadata in new[] { json["metadata"], json["spec"]?["template"]?["metadata"] }
        from label in metadata?["labels"]?.AsObject() ?? []
        select KeyValuePair.Create(label.Key, (string?)label.Value ?? "");

    private static string Text(JsonObject json, string name) => (string?)json[name] ?? "";

    private static string Name(string version, string kind) => $"{version} {kind}";
}
