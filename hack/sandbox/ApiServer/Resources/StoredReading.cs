using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Resources;

/// <summary>
/// Objects as they are read from the store: one that was written under an earlier definition lacks what the present one has no place for,
/// and has its defaults (apiextensions <c>customresource_handler.go</c>, <c>schemaCoercingDecoder</c>). What is stored stays until the next
/// write.
/// </summary>
internal static class StoredReading
{
    public static bool IsAsStored(this ServedResource resource, StoredObject stored) => stored.Revision > resource.DefinedAt;

    /// <summary>A tree of its own, for whoever asks.</summary>
    public static JsonObject Read(this ServedResource resource, StoredObject stored)
    {
        var json = stored.Parse();
        if (resource.Structure is not { } schema || resource.IsAsStored(stored))
            return json;
        schema.Prune(json);
        schema.ApplyDefaults(json);
        return json;
    }
}
