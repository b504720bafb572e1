using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Rules;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Schema;

namespace Hostdev.Sandbox.Cluster;

/// <summary>What a real API server evaluates as CEL: the rules of our CRDs, by the C# that says the same words.</summary>
public static class ClusterRules
{
    public static IEnumerable<FieldError> OfSchemas(ServedResource resource, JsonObject json, JsonObject? old)
    {
        if (resource.Group != HostdevKinds.Group || json["spec"] is not { } spec)
            return [];
        return PolicyRules
            .Refusals(
                resource.Kind,
                JsonSerializer.SerializeToElement(spec),
                old?["spec"] is { } before ? JsonSerializer.SerializeToElement(before) : null
            )
            .Select(r => Cause(r, json));
    }

    /// <summary>
    /// Objects and lists are not shown, other values are (apiextensions <c>schema/cel/validation.go</c>, from 1.35 on; earlier ones name
    /// the type of all of them).
    /// </summary>
    private static FieldError Cause(RuleRefusal refusal, JsonObject root) =>
        refusal.Reason == RuleReasons.Required ? FieldError.Required(refusal.Path, refusal.Message)
        : Find(root, refusal.Path) is JsonValue value ? FieldError.Invalid(refusal.Path, value, refusal.Message)
        : FieldError.Invalid(refusal.Path, refusal.Message);

    private static JsonNode? Find(JsonNode root, string path)
    {
        JsonNode? node = root;
        foreach (var step in path.Split('.', '['))
        {
            node = step.EndsWith(']')
                ? (node as JsonArray)?[int.Parse(step.AsSpan(0, step.Length - 1), CultureInfo.InvariantCulture)]
                : (node as JsonObject)?[step];
        }

        return node;
    }
}
