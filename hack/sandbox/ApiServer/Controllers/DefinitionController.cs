using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Resources;
using Hostdev.Sandbox.ApiServer.Serving;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Controllers;

/// <summary>
/// Establishes definitions, and ends the objects of one that is being deleted (apiextensions <c>pkg/controller/establish</c>,
/// <c>finalizer</c>).
/// </summary>
internal sealed class DefinitionController(ObjectStore store, TimeProvider time, ClusterObjects objects)
{
    private static readonly string s_resource = BuiltInResources.Definitions.Plural + "." + BuiltInResources.Definitions.Group;

    public void Observe(StorageKey resource, StoreEvent change)
    {
        if (resource == BuiltInResources.Definitions && change.Type != StoreEventType.Deleted)
            Look(change.Object!.Name);
        else if (
            change.Type == StoreEventType.Deleted
            && store.Get(BuiltInResources.Definitions, "", $"{resource.Plural}.{resource.Group}") is { IsDeleting: true } ending
        )
            Look(ending.Name);
    }

    private void Look(string name)
    {
        if (store.Get(BuiltInResources.Definitions, "", name) is not { } stored)
            return;
        if (stored.IsDeleting)
            End(stored);
        else if (!stored.Parse().Object("status").Objects("conditions").Any(c => c.Text("type") == "Established"))
            Establish(name);
    }

    private void Establish(string name) =>
        objects.Change(
            s_resource,
            name,
            json =>
            {
                var now = Apply.ManagedFields.TimeText(time.GetUtcNow());
                var spec = json.Object("spec")!;
                var names = (JsonObject)spec.Object("names")!.DeepClone();
                names.TryAdd("singular", names.Text("kind").ToLowerInvariant());
                names.TryAdd("listKind", names.Text("kind") + "List");
                json["status"] = new JsonObject
                {
                    ["conditions"] = new JsonArray(
                        Condition("NamesAccepted", "NoConflicts", "no conflicts found", now),
                        Condition("Established", "InitialNamesAccepted", "the initial names have been accepted", now)
                    ),
                    ["acceptedNames"] = names,
                    ["storedVersions"] = new JsonArray([
                        .. spec.Objects("versions")
                            .Where(v => v["storage"]?.GetValue<bool>() == true)
                            .Select(v => (JsonNode)v.Text("name")),
                    ]),
                };
            },
            subresource: "status",
            manager: "kube-apiserver"
        );

    private void End(StoredObject stored)
    {
        var spec = stored.Parse().Object("spec");
        var key = new StorageKey(spec.Text("group"), spec.Object("names").Text("plural"));
        var resource = new ServedResource(key.Group, "", spec.Object("names").Text("kind"), key.Plural, spec.Text("scope") == "Namespaced");
        foreach (var instance in store.Current(key).Objects.Values.Where(o => !o.IsDeleting))
            objects.Delete(resource, instance.Name, instance.Namespace, DeleteOptions.None);
        if (!store.Current(key).Objects.IsEmpty)
            return;
        objects.Change(
            s_resource,
            stored.Name,
            json =>
            {
                var list = json["metadata"]!["finalizers"] as JsonArray ?? [];
                foreach (var finalizer in list.Where(f => f.AsText() == ObjectDeletes.CustomResourceCleanup).ToList())
                    list.Remove(finalizer);
            },
            manager: "kube-apiserver"
        );
    }

    private static JsonObject Condition(string type, string reason, string message, string now) =>
        new()
        {
            ["type"] = type,
            ["status"] = "True",
            ["lastTransitionTime"] = now,
            ["reason"] = reason,
            ["message"] = message,
        };
}
