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
        return refusals.IsEmpty ? null : new AdmissionRefusal.Invalid([.. refusals.Select(Cause)]);
    }

    private static FieldError Cause(RuleRefusal refusal) => refusal.Reason == RuleReasons.Required
        ? FieldError.Required(refusal.Path, refusal.Message)
        : FieldError.Invalid(refusal.Path, refusal.Value is { } value ? JsonNode.Parse(value) : JsonValue.Create("object"), refusal.Message);
}
