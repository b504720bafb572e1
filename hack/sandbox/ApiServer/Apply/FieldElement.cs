using System.Text.Json;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Apply;

/// <summary>
/// One step of a field's path, in the text that <c>fieldsV1</c> has for it: <c>f:name</c> for a field, <c>k:{...}</c> for an item of a
/// keyed list, <c>v:...</c> for an item of a set (structured-merge-diff <c>fieldpath/serialize-pe.go</c>). Two steps are the same when
/// their texts are.
/// </summary>
internal static class FieldElement
{
    public static string Field(string name) => "f:" + name;

    public static string? FieldName(string element) => element.StartsWith("f:", StringComparison.Ordinal) ? element[2..] : null;

    public static string Value(JsonNode? value) => "v:" + Text(value);

    /// <param name="keys">The values of the keys that the item has, in any order.</param>
    public static string Key(IEnumerable<(string Name, JsonNode? Value)> keys) =>
        "k:{"
        + string.Join(
            ',',
            keys.OrderBy(k => k.Name, StringComparer.Ordinal).Select(k => $"{Text(JsonValue.Create(k.Name))}:{Text(k.Value)}")
        )
        + "}";

    /// <summary>As people read it in a conflict: <c>.spec</c>, <c>[name="a"]</c>, <c>[="a"]</c>.</summary>
    public static string Display(string element) =>
        element[0] switch
        {
            'f' => "." + element[2..],
            'v' => $"[={element[2..]}]",
            'k' => "[" + string.Join(',', JsonNode.Parse(element[2..])!.AsObject().Select(k => $"{k.Key}={Text(k.Value)}")) + "]",
            _ => $"[{element[2..]}]",
        };

    private static string Text(JsonNode? value) => value?.ToJsonString(Plain) ?? "null";

    private static readonly JsonSerializerOptions Plain = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
}
