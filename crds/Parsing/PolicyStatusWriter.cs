using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;

namespace Hostdev.Crds.Parsing;

/// <summary>Writes a policy's status as JSON: what is applied, and what tells one status from another.</summary>
public static class PolicyStatusWriter
{
    public static JsonObject ToJson(PolicyStatus status) =>
        JsonSerializer.SerializeToNode(status, CrdsJsonContext.Default.PolicyStatus)!.AsObject();
}
