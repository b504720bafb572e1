using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Resources;
using Hostdev.Sandbox.ApiServer.Serving;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Controllers;

/// <summary>Empties namespaces that are being deleted, then lets them go (pkg/controller/namespace).</summary>
internal sealed class NamespaceController(ObjectStore store, ResourceRegistry registry, ClusterObjects objects)
{
    public void Observe(StorageKey resource, StoreEvent change)
    {
        var name =
            resource == BuiltInResources.Namespaces ? change.Object!.Name
            : change.Type == StoreEventType.Deleted ? change.Object!.Namespace
            : "";
        if (name.Length == 0 || store.Get(BuiltInResources.Namespaces, "", name) is not { IsDeleting: true } stored)
            return;
        var left = false;
        foreach (var kind in registry.All.Where(r => r.Namespaced).DistinctBy(r => r.Storage))
        {
            foreach (var there in store.Current(kind.Storage).Objects.Values.Where(o => o.Namespace == name))
            {
                if (!there.IsDeleting)
                    objects.Delete(kind, there.Name, name, DeleteOptions.None with { Grace = 0 });
                left |= store.Get(kind.Storage, name, there.Name) is not null;
            }
        }

        if (left || stored.Parse() is not { } json || json["metadata"].Texts("finalizers").Any())
            return;
        json["spec"] = new JsonObject();
        store.Remove(BuiltInResources.Namespaces, stored, json);
    }
}
