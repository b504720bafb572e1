using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Apply;

/// <summary>The annotation in which <c>kubectl apply</c> without <c>--server-side</c> keeps what it applied.</summary>
internal static class LastApplied
{
    private const string Annotation = "kubectl.kubernetes.io/last-applied-configuration";

    /// <summary>Null where there is none, or none that can be read.</summary>
    public static JsonObject? Read(JsonObject json)
    {
        try
        {
            return json["metadata"].Object("annotations").Text(Annotation) is { Length: > 0 } text
                ? JsonNode.Parse(text) as JsonObject
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public static void Write(JsonObject json, JsonObject applied)
    {
        var copy = (JsonObject)applied.DeepClone();
        copy["metadata"].Object("annotations")?.Remove(Annotation);
        json.Ensure("metadata").Ensure("annotations")[Annotation] = copy.ToJsonString() + "\n";
    }
}
