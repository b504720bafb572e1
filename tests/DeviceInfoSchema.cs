using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;
using Xunit;

namespace Hostdev.Tests;

/// <summary>
/// The schema of <c>HOSTDEV_NAME_INFO</c>, with all objects closed: what is told must follow it, and it must know every field.
/// </summary>
internal static class DeviceInfoSchema
{
    private static readonly Lazy<JsonSchema> s_schema = new(Read);

    public static void Check(string told)
    {
        using var document = JsonDocument.Parse(told);
        var results = s_schema.Value.Evaluate(document.RootElement, new EvaluationOptions { OutputFormat = OutputFormat.List });
        var errors = (results.Details ?? []).SelectMany(d => (d.Errors ?? []).Select(e => $"{d.InstanceLocation}: {e.Value}"));
        Assert.True(results.IsValid, $"{string.Join('\n', errors)}\n{told}");
    }

    private static JsonSchema Read()
    {
        var schema = JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "testdata", "device-info.schema.json")))!;
        Close(schema);
        return JsonSchema.FromText(schema.ToJsonString());
    }

    private static void Close(JsonNode? node)
    {
        if (node is not JsonObject map)
            return;
        foreach (var (_, value) in map.ToList())
            Close(value);
        if (map["type"] is JsonValue type && type.TryGetValue<string>(out var word) && word == "object" && map["properties"] is JsonObject)
            map["additionalProperties"] = false;
    }
}
