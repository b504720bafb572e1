using System.Text.Json;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Storage;

/// <summary>Reads JSON whose shape nobody has checked: what is not there or of another type is empty.</summary>
internal static class JsonReading
{
    public static string Text(this JsonNode? node, string property) => (node as JsonObject)?[property].AsText() ?? "";

    public static string? AsText(this JsonNode? node) =>
        node is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : null;

    public static JsonObject? Object(this JsonNode? node, string property) => (node as JsonObject)?[property] as JsonObject;

    public static IEnumerable<JsonObject> Objects(this JsonNode? node, string property) =>
        ((node as JsonObject)?[property] as JsonArray)?.OfType<JsonObject>() ?? [];

    public static IEnumerable<string> Texts(this JsonNode? node, string property) =>
        ((node as JsonObject)?[property] as JsonArray)?.Select(AsText).OfType<string>() ?? [];

    /// <summary>The object at a property, made where there is none.</summary>
    public static JsonObject Ensure(this JsonObject node, string property)
    {
        if (node[property] is JsonObject there)
            return there;
        var made = new JsonObject();
        node[property] = made;
        return made;
    }
}
