using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Resources;

/// <summary>
/// What the server serves: the built-in kinds, and those whose definitions are established. Swapped whole when a definition changes.
/// </summary>
internal sealed class ResourceRegistry
{
    private readonly ObjectStore _store;
    private readonly Lock _gate = new();
    private long _seen = -1;

    public ResourceRegistry(ObjectStore store) => _store = store;

    public ImmutableArray<ServedResource> All
    {
        get
        {
            lock (_gate)
            {
                if (_store.LastChange(BuiltInResources.Definitions) is var last && last != _seen)
                {
                    field = [.. BuiltInResources.All, .. _store.Current(BuiltInResources.Definitions).Objects.Values.SelectMany(Serve)];
                    _seen = last;
                }

                return field;
            }
        }
    } = BuiltInResources.All;

    public ServedResource? Find(string group, string version, string plural) =>
        All.FirstOrDefault(r => r.Group == group && r.Version == version && r.Plural == plural);

    public ServedResource? FindKind(string apiVersion, string kind) =>
        All.FirstOrDefault(r => r.ApiVersion == apiVersion && r.Kind == kind);

    private static IEnumerable<ServedResource> Serve(StoredObject stored)
    {
        var json = stored.Parse();
        if (!IsEstablished(json) || stored.IsDeleting || !Schema.CustomResourceDefinition.TryParse(json, out var definition, out _))
            return [];
        return definition.Resources.Select(r => ServedResource.Of(r) with { DefinedAt = stored.Revision });
    }

    private static bool IsEstablished(JsonObject definition) =>
        definition.Object("status").Objects("conditions").Any(c => c.Text("type") == "Established" && c.Text("status") == "True");
}
