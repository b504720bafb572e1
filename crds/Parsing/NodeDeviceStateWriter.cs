using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;

namespace Hostdev.Crds.Parsing;

/// <summary>Writes a node's status as JSON.</summary>
public static class NodeDeviceStateWriter
{
    public static JsonNode ToJson(NodeDeviceStateStatus status) =>
        JsonSerializer.SerializeToNode(status, CrdsJsonContext.Default.NodeDeviceStateStatus)!;

    /// <summary>
    /// One policy with its spec, as <see cref="NodeDeviceStateReader"/> reads it back; null for one that was never understood.
    /// </summary>
    public static JsonObject? ToJson(DesiredPolicy policy)
    {
        var spec = policy switch
        {
            DesiredPolicy.OfHostDevice p => JsonSerializer.SerializeToNode(p.Spec, CrdsJsonContext.Default.HostDeviceSpec),
            DesiredPolicy.OfSriovPolicy p => JsonSerializer.SerializeToNode(p.Spec, CrdsJsonContext.Default.SriovPolicySpec),
            DesiredPolicy.OfMdevProfile p => JsonSerializer.SerializeToNode(p.Spec, CrdsJsonContext.Default.MdevProfileSpec),
            _ => null,
        };
        var identity = policy.Identity;
        return spec is null
            ? null
            : new JsonObject
            {
                ["kind"] = identity.Kind,
                ["name"] = identity.Name,
                ["uid"] = identity.Uid,
                ["generation"] = identity.Generation,
                ["creationTimestamp"] = identity.CreationTimestamp?.ToString("O"),
                ["spec"] = spec,
            };
    }
}
