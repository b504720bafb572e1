using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Rules;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.ApiServer.Schema;

namespace Hostdev.Sandbox.Cluster;

/// <summary>What a real API server evaluates as CEL: the rules of our CRDs, by the C# that says the same words.</summary>
public static class ClusterRules
{
    public static AdmissionRefusal? OfSchemas(AdmissionRequest request)
    {
        if (request.Resource.Group != HostdevKinds.Group || request.Subresource.Length > 0 || request.Object?["spec"] is not { } spec) return null;
        var refusals = PolicyRules.Refusals(request.Resource.Kind, JsonSerializer.SerializeToElement(spec), request.OldObject?["spec"] is { } old ? JsonSerializer.SerializeToElement(old) : null);
        return refusals.IsEmpty ? null : new AdmissionRefusal.Invalid([.. refusals.Select(r => Cause(r, request.Object))]);
    }

    /// <summary>A real server names the type of what is refused in place of its value (apiextensions <c>schema/cel/validation.go</c>).</summary>
    private static FieldError Cause(RuleRefusal refusal, JsonObject root) => refusal.Reason == RuleReasons.Required
        ? FieldError.Required(refusal.Path, refusal.Message)
        : FieldError.Invalid(refusal.Path, JsonValue.Create(TypeOf(Find(root, refusal.Path))), refusal.Message);

    private static JsonNode? Find(JsonNode root, string path)
    {
        JsonNode? node = root;
        foreach (var step in path.Split('.', '['))
        {
            node = step.EndsWith(']') ? (node as JsonArray)?[int.Parse(step.AsSpan(0, step.Length - 1), CultureInfo.InvariantCulture)] : (node as JsonObject)?[step];
        }

        return node;
    }

    private static string TypeOf(JsonNode? node) => node?.GetValueKind() switch
    {
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.Number => "integer",
        JsonValueKind.True or JsonValueKind.False => "boolean",
        _ => "object",
    };
}
