using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// JSON values as the API server's decoder sees them: a number that reads as a 64-bit integer is one, every other number is a double
/// (apimachinery <c>util/json</c>), so <c>1.0</c> is no integer by type.
/// </summary>
internal static class JsonType
{
    public const string Null = "null";
    public const string Boolean = "boolean";
    public const string Integer = "integer";
    public const string Number = "number";
    public const string String = "string";
    public const string Array = "array";
    public const string Object = "object";

    public static string Of(JsonNode? node) =>
        node switch
        {
            null => Null,
            JsonObject => Object,
            JsonArray => Array,
            _ => node.GetValueKind() switch
            {
                JsonValueKind.True or JsonValueKind.False => Boolean,
                JsonValueKind.String => String,
                JsonValueKind.Number => TryInteger(node, out _) ? Integer : Number,
                _ => Null,
            },
        };

    public static bool TryInteger(JsonNode? node, out long value)
    {
        value = 0;
        return node is JsonValue scalar
            && scalar.GetValueKind() == JsonValueKind.Number
            && long.TryParse(scalar.ToJsonString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>The number's value, integer or not.</summary>
    public static double Double(JsonNode number) => double.Parse(number.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture);

    public static string? Text(JsonNode? node) => node is JsonValue scalar && scalar.TryGetValue<string>(out var text) ? text : null;

    public static bool IsTrue(JsonNode? node) => node is JsonValue scalar && scalar.GetValueKind() == JsonValueKind.True;

    /// <summary>Equal in value; numbers by their value, members in any order.</summary>
    public static bool Equal(JsonNode? a, JsonNode? b) =>
        (Of(a), Of(b)) switch
        {
            (Integer or Number, Integer or Number) => Double(a!) == Double(b!),
            (Object, Object) => a!.AsObject().Count == b!.AsObject().Count
                && a.AsObject().All(member => b.AsObject().TryGetPropertyValue(member.Key, out var other) && Equal(member.Value, other)),
            (Array, Array) => a!.AsArray().Count == b!.AsArray().Count
                && a.AsArray().Zip(b.AsArray()).All(pair => Equal(pair.First, pair.Second)),
            _ => JsonNode.DeepEquals(a, b),
        };
}
