using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Resources;
using Hostdev.Sandbox.ApiServer.Serving;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Controllers;

/// <summary>
/// Deletes objects whose owners are all gone, by uid (pkg/controller/garbagecollector): in the background, before their owner for a
/// foreground deletion, or not at all when they are orphaned. It keeps an index from owners to dependents, so an object that owns nothing
/// costs nothing.
/// </summary>
internal sealed class GarbageCollector(ObjectStore store, ResourceRegistry registry, ClusterObjects objects)
{
    private readonly Dictionary<string, HashSet<(StorageKey Resource, string Namespace, string Name)>> _dependents = [];

    public void Observe(StorageKey resource, StoreEvent change)
    {
        var current = change.Object!;
        var at = (resource, current.Namespace, current.Name);
        foreach (var owner in change.Previous?.Owners ?? [])
            _dependents.GetValueOrDefault(owner.Uid)?.Remove(at);
        if (change.Type == StoreEventType.Deleted)
        {
            if (_dependents.Remove(current.Uid, out var orphans))
                foreach (var orphan in orphans)
                    Look(orphan);
            foreach (var owner in current.Owners)
                Release(owner);
            return;
        }

        foreach (var owner in current.Owners)
        {
            if (!_dependents.TryGetValue(owner.Uid, out var dependents))
                _dependents[owner.Uid] = dependents = [];
            dependents.Add(at);
        }

        if (!current.Owners.IsEmpty)
            Look(at);
        if (current.IsDeleting)
            Finish(resource, current);
    }

    /// <summary>
    /// Deletes an object none of whose owners is there; takes the names of those that are gone out of one that has others.
    /// </summary>
    private void Look((StorageKey Resource, string Namespace, string Name) at)
    {
        if (
            store.Get(at.Resource, at.Namespace, at.Name) is not { IsDeleting: false, Owners.IsEmpty: false } dependent
            || Served(at.Resource) is not { } resource
        )
            return;
        var gone = dependent.Owners.Where(o => Find(o, dependent.Namespace) is null).Select(o => o.Uid).ToHashSet();
        if (gone.Count == 0)
            return;
        if (gone.Count == dependent.Owners.Length)
            objects.Delete(resource, dependent.Name, dependent.Namespace, DeleteOptions.None with { Uid = dependent.Uid });
        else
            Disown(resource, dependent, gone);
    }

    /// <summary>An owner that waits: for its dependents to go first, or to be let alone.</summary>
    private void Finish(StorageKey key, StoredObject owner)
    {
        if (Served(key) is not { } resource)
            return;
        var finalizers = owner.Parse()["metadata"].Texts("finalizers").ToList();
        var waiting = finalizers.Intersect([ObjectDeletes.Foreground, ObjectDeletes.Orphan]).FirstOrDefault();
        if (waiting is null)
            return;
        var dependents = _dependents
            .GetValueOrDefault(owner.Uid, [])
            .Select(d => (d.Resource, Object: store.Get(d.Resource, d.Namespace, d.Name)))
            .Where(d => d.Object is not null)
            .ToList();
        foreach (var (dependentKey, dependent) in dependents)
        {
            if (Served(dependentKey) is not { } kind)
                continue;
            if (waiting == ObjectDeletes.Orphan)
                Disown(kind, dependent!, [owner.Uid]);
            else if (!dependent!.IsDeleting)
                objects.Delete(kind, dependent.Name, dependent.Namespace, new DeleteOptions(null, "Foreground", dependent.Uid, ""));
        }

        if (
            waiting == ObjectDeletes.Foreground
            && dependents.Any(d => store.Get(d.Resource, d.Object!.Namespace, d.Object.Name) is not null)
        )
            return;
        objects.Change(
            resource.GroupResource,
            owner.Name,
            json =>
            {
                var list = json["metadata"]!["finalizers"]!.AsArray();
                foreach (var finalizer in list.Where(f => f.AsText() == waiting).ToList())
                    list.Remove(finalizer);
            },
            owner.Namespace
        );
    }

    private void Release(Owner owner)
    {
        if (registry.FindKind(owner.ApiVersion, owner.Kind) is not { } kind)
            return;
        var stored =
            store.Get(kind.Storage, "", owner.Name) ?? store.Current(kind.Storage).Objects.Values.FirstOrDefault(o => o.Uid == owner.Uid);
        if (stored is { IsDeleting: true } && stored.Uid == owner.Uid)
            Finish(kind.Storage, stored);
    }

    private void Disown(ServedResource resource, StoredObject dependent, HashSet<string> owners) =>
        objects.Change(
            resource.GroupResource,
            dependent.Name,
            json =>
            {
                var list = json["metadata"]!["ownerReferences"] as JsonArray ?? [];
                foreach (var owner in list.Where(o => owners.Contains(o.Text("uid"))).ToList())
                    list.Remove(owner);
                if (list.Count == 0)
                    json["metadata"]!.AsObject().Remove("ownerReferences");
            },
            dependent.Namespace
        );

    /// <summary>An owner of a kind that is not served counts as there: nobody can know.</summary>
    private object? Find(Owner owner, string ns)
    {
        if (registry.FindKind(owner.ApiVersion, owner.Kind) is not { } kind)
            return owner;
        return store.Get(kind.Storage, kind.Namespaced ? ns : "", owner.Name) is { } stored && stored.Uid == owner.Uid ? stored : null;
    }

    private ServedResource? Served(StorageKey key) => registry.All.FirstOrDefault(r => r.Storage == key);
}
