using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Rules;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.ApiServer.Schema;

namespace Hostdev.Sandbox.Cluster;

/// <summary>What a real API server evaluates as CEL: the rules of our CRDs, and the admission policy that pins an agent to its own node.</summary>
public static class ClusterRules
{
    /// <summary>The rules of the CRDs, by the C# that says the same words.</summary>
    public static AdmissionRefusal? OfSchemas(AdmissionRequest request)
    {
        if (request.Resource.Resource.Group != HostdevKinds.Group || request.Subresource.Length > 0 || request.Object?["spec"] is not { } spec) return null;
        var refusals = PolicyRules.Refusals(request.Resource.Resource.Kind, Element(spec)!.Value, Element(request.OldObject?["spec"]));
        return refusals.IsEmpty ? null : new AdmissionRefusal.Invalid([.. refusals.Select(r => new FieldError(r.Reason, r.Path, r.Message))]);
    }

    private static JsonElement? Element(JsonNode? node) => node is null ? null : JsonSerializer.SerializeToElement(node);
}
