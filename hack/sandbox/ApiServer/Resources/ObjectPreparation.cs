using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Resources;

/// <summary>What the server sets in an object whatever the client wrote (the strategies' PrepareForCreate and PrepareForUpdate).</summary>
internal static class ObjectPreparation
{
    private static readonly string[] s_servers =
    [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
    ];

    public static void ForCreate(ServedResource resource, JsonObject json, DateTimeOffset now)
    {
        var metadata = json.Ensure("metadata");
        foreach (var name in s_servers)
            metadata.Remove(name);
        metadata.Remove("selfLink");
        metadata["uid"] = Guid.NewGuid().ToString();
        metadata["creationTimestamp"] = Apply.ManagedFields.TimeText(now);
        if (resource.CountsGenerations)
            metadata["generation"] = 1;
        switch (resource.Kind)
        {
            case "Namespace" when !resource.IsCustom:
                metadata.Ensure("labels")["kubernetes.io/metadata.name"] = metadata.Text("name");
                json["spec"] = new JsonObject { ["finalizers"] = new JsonArray("kubernetes") };
                json["status"] = new JsonObject { ["phase"] = "Active" };
                break;
            case "Pod" when !resource.IsCustom:
                json["status"] = new JsonObject { ["phase"] = "Pending" };
                json.Ensure("spec").TryAdd("terminationGracePeriodSeconds", 30);
                break;
            case "Job" when !resource.IsCustom:
                SelectOwnPods(json, metadata);
                json.Remove("status");
                break;
            case "Node" when !resource.IsCustom: // the kubelet registers its node together with its status
                break;
            case var _ when resource.HasStatus:
                json.Remove("status");
                break;
        }
    }

    /// <summary>A Job selects the Pods that bear its uid (pkg/registry/batch/job/strategy.go).</summary>
    private static void SelectOwnPods(JsonObject json, JsonObject metadata)
    {
        var (spec, uid) = (json.Ensure("spec"), metadata.Text("uid"));
        if (spec["manualSelector"]?.GetValue<bool>() == true)
            return;
        spec["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["batch.kubernetes.io/controller-uid"] = uid } };
        var labels = spec.Ensure("template").Ensure("metadata").Ensure("labels");
        (labels["controller-uid"], labels["batch.kubernetes.io/controller-uid"]) = (uid, uid);
        (labels["job-name"], labels["batch.kubernetes.io/job-name"]) = (metadata.Text("name"), metadata.Text("name"));
    }

    /// <summary>Restores what this path cannot change, and counts the generation.</summary>
    public static void ForUpdate(ServedResource resource, string subresource, JsonObject json, JsonObject old)
    {
        if (subresource == "status")
        {
            var managed = json["metadata"]?["managedFields"]?.DeepClone();
            if (resource.IsCustom)
                json["metadata"] = old["metadata"]!.DeepClone();
            foreach (
                var name in json.Select(p => p.Key)
                    .Union(old.Select(p => p.Key))
                    .Where(n => n is not ("status" or "metadata" or "apiVersion" or "kind"))
                    .ToList()
            )
                Restore(json, old, name);
            json["metadata"]!["managedFields"] = managed;
        }
        else if (resource.HasStatus)
        {
            Restore(json, old, "status");
        }

        var (metadata, before) = (json.Ensure("metadata"), old["metadata"]!.AsObject());
        foreach (var name in s_servers)
            Restore(metadata, before, name);
        if (
            resource.CountsGenerations
            && subresource.Length == 0
            && !JsonNode.DeepEquals(Substance(json, resource), Substance(old, resource))
        )
            metadata["generation"] = before["generation"]!.GetValue<long>() + 1;
    }

    /// <summary>The instant from which an object waits for its finalizers.</summary>
    public static JsonObject ForDeletion(ServedResource resource, JsonObject json, DateTimeOffset end, long grace)
    {
        var metadata = json["metadata"]!.AsObject();
        metadata["deletionTimestamp"] = Apply.ManagedFields.TimeText(end);
        metadata["deletionGracePeriodSeconds"] = grace;
        if (resource.CountsGenerations)
            metadata["generation"] = metadata["generation"]!.GetValue<long>() + 1;
        if (resource is { Kind: "Namespace", IsCustom: false })
            json.Ensure("status")["phase"] = "Terminating";
        return json;
    }

    private static JsonObject Substance(JsonObject json, ServedResource resource)
    {
        var copy = (JsonObject)json.DeepClone();
        copy.Remove("metadata");
        copy.Remove("apiVersion");
        if (resource.HasStatus)
            copy.Remove("status");
        return copy;
    }

    private static void Restore(JsonObject json, JsonObject old, string name)
    {
        if (old.TryGetPropertyValue(name, out var value))
            json[name] = value?.DeepClone();
        else
            json.Remove(name);
    }
}
