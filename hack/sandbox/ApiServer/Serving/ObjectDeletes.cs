using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Resources;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>What a delete asks for, from its body and its query (<c>metav1.DeleteOptions</c>).</summary>
/// <param name="Grace">Seconds; null for the kind's own.</param>
/// <param name="Propagation"><c>Background</c>, <c>Foreground</c> or <c>Orphan</c>; empty for the default.</param>
internal sealed record DeleteOptions(long? Grace, string Propagation, string Uid, string ResourceVersion)
{
    public static DeleteOptions None { get; } = new(null, "", "", "");
}

/// <summary>Takes objects away: at once, or when their finalizers are gone.</summary>
internal sealed class ObjectDeletes(ObjectStore store, TimeProvider time, ObjectWrites writes)
{
    public const string Foreground = "foregroundDeletion";
    public const string Orphan = "orphan";
    public const string CustomResourceCleanup = "customresourcecleanup.apiextensions.k8s.io";

    /// <returns>The object as it is now, and whether it is gone.</returns>
    public (StoredObject Object, bool Gone, bool Changed) Delete(WriteRequest request, DeleteOptions options)
    {
        var resource = request.Resource;
        while (true)
        {
            var stored =
                store.Get(resource.Storage, request.Info.Namespace, request.Info.Name)
                ?? throw new ApiStatusException(ApiStatus.NotFound(resource, request.Info.Name));
            Demand(request, stored, "UID", options.Uid, stored.Uid);
            Demand(request, stored, "ResourceVersion", options.ResourceVersion, stored.Revision.ToString());
            var json = resource.Read(stored);
            writes.Admit(request, "DELETE", null, json);
            if (request.DryRun)
                return (stored, false, false);
            AddFinalizer(resource, json, options.Propagation);
            var grace = Grace(resource, json, options.Grace);
            if (grace == 0 && !Waits(resource, json))
            {
                if (store.Remove(resource.Storage, stored) is { } gone)
                    return (gone, true, true);
                continue;
            }

            if (stored.IsDeleting && json["metadata"]!["deletionGracePeriodSeconds"]?.GetValue<long>() <= grace)
                return (stored, false, false);
            ObjectPreparation.ForDeletion(resource, json, time.GetUtcNow().AddSeconds(grace), grace);
            if (store.Put(resource.Storage, json, stored) is { } marked)
                return (marked, false, true);
        }
    }

    private static bool Waits(ServedResource resource, JsonObject json) =>
        json["metadata"].Texts("finalizers").Any()
        || (resource is { Kind: "Namespace", IsCustom: false } && json.Object("spec").Texts("finalizers").Any());

    /// <summary>Only a pod that runs on a node is given time: its kubelet ends it by deleting it without grace.</summary>
    private static long Grace(ServedResource resource, JsonObject json, long? asked)
    {
        if (
            resource.IsCustom
            || resource.Kind != "Pod"
            || json.Object("spec").Text("nodeName").Length == 0
            || json.Object("status").Text("phase") is "Succeeded" or "Failed"
        )
            return 0;
        return asked ?? json["spec"]!["terminationGracePeriodSeconds"]?.GetValue<long>() ?? 30;
    }

    private static void AddFinalizer(ServedResource resource, JsonObject json, string propagation)
    {
        var finalizer = propagation switch
        {
            "Foreground" => Foreground,
            "Orphan" => Orphan,
            _ when resource.Storage == BuiltInResources.Definitions => CustomResourceCleanup,
            _ => null,
        };
        var metadata = json["metadata"]!.AsObject();
        if (finalizer is null || metadata.Texts("finalizers").Contains(finalizer))
            return;
        if (metadata["finalizers"] is not JsonArray list)
            metadata["finalizers"] = list = [];
        list.Add(finalizer);
    }

    private static void Demand(WriteRequest request, StoredObject stored, string what, string wanted, string there)
    {
        if (wanted.Length == 0 || wanted == there)
            return;
        throw new ApiStatusException(
            ApiStatus.Conflict(
                request.Resource,
                stored.Name,
                $"Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {there}"
            )
        );
    }
}
