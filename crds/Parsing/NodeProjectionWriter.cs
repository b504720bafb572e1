using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;

namespace Hostdev.Crds.Parsing;

/// <summary>Writes a node's spec as it is applied.</summary>
public static class NodeProjectionWriter
{
    /// <summary>
    /// Without anything that is empty in its metadata: what is applied is owned, and labels and annotations are other people's.
    /// </summary>
    public static JsonObject ToJson(NodeProjection projection)
    {
        var json = JsonSerializer.SerializeToNode(projection, CrdsJsonContext.Default.NodeProjection)!.AsObject();
        var metadata = json["metadata"]!.AsObject();
        foreach (
            var name in metadata
                .Where(f =>
                    f.Value is JsonObject { Count: 0 } or JsonArray { Count: 0 }
                    || (f.Key == "generation" && f.Value?.GetValue<long>() == 0)
                )
                .Select(f => f.Key)
                .ToList()
        )
            metadata.Remove(name);
        return json;
    }
}
