using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.Cluster.Workloads;

/// <summary>What controllers make Pods from, and how Pods say whose they are.</summary>
internal static class PodTemplate
{
    private const string Letters = "bcdfghjklmnpqrstvwxz2456789"; // apimachinery util/rand

    /// <summary>Ten letters that tell this template from another one.</summary>
    public static string Hash(JsonObject template)
    {
        var copy = (JsonObject)template.DeepClone();
        copy.Object("metadata").Object("labels")?.Remove(DeploymentController.HashLabel);
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(copy.ToJsonString()));
        return string.Concat(hash.Take(10).Select(b => Letters[b % Letters.Length]));
    }

    /// <summary>A Pod of an owner.</summary>
    /// <param name="labels">Beside those of the template.</param>
    public static JsonObject Pod(JsonObject owner, JsonObject template, string name, params ReadOnlySpan<(string Key, string Value)> labels)
    {
        var metadata = (template.Object("metadata")?.DeepClone() as JsonObject) ?? [];
        metadata["name"] = name;
        metadata["namespace"] = owner["metadata"].Text("namespace");
        foreach (var (key, value) in labels)
            metadata.Ensure("labels")[key] = value;
        metadata["ownerReferences"] = new JsonArray(Owner(owner));
        return new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Pod",
            ["metadata"] = metadata,
            ["spec"] = template["spec"]!.DeepClone(),
        };
    }

    public static JsonObject Owner(JsonObject owner) =>
        new()
        {
            ["apiVersion"] = owner.Text("apiVersion"),
            ["kind"] = owner.Text("kind"),
            ["name"] = owner["metadata"].Text("name"),
            ["uid"] = owner["metadata"].Text("uid"),
            ["controller"] = true,
            ["blockOwnerDeletion"] = true,
        };

    public static bool IsOwnedBy(JsonObject it, JsonObject owner) =>
        it["metadata"].Objects("ownerReferences").Any(o => o.Text("uid") == owner["metadata"].Text("uid"));

    /// <summary>By its labels; a selector without matchLabels chooses none.</summary>
    public static bool IsSelectedBy(JsonObject pod, JsonObject? selector) =>
        selector.Object("matchLabels") is { Count: > 0 } labels
        && labels.All(l => pod["metadata"].Object("labels").Text(l.Key) == l.Value.AsText());

    public static bool HasOwner(JsonObject it) => it["metadata"].Objects("ownerReferences").Any();

    public static bool IsDeleting(JsonObject it) => it["metadata"]?["deletionTimestamp"] is not null;

    /// <summary>A Pod that ran before its owner was there counts as one of the template's: it gets that one's labels.</summary>
    public static void TakeOver(JsonObject pod, JsonObject owner, JsonObject template, string hashLabel, string hash)
    {
        var labels = pod["metadata"]!.AsObject().Ensure("labels");
        foreach (var (key, value) in template["metadata"].Object("labels") ?? [])
            labels[key] = value?.DeepClone();
        labels[hashLabel] = hash;
        pod["metadata"]!["ownerReferences"] = new JsonArray(Owner(owner));
    }

    /// <summary>What the image of the first container runs: its last word, without tag and digest.</summary>
    public static string Program(JsonNode? podOrTemplate) =>
        podOrTemplate.Object("spec").Objects("containers").FirstOrDefault().Text("image").Split('@')[0].Split('/')[^1].Split(':')[0];

    public static ImmutableArray<string> Arguments(JsonNode? pod) =>
        [.. pod.Object("spec").Objects("containers").FirstOrDefault().Texts("args")];

    /// <summary>Of a Pod's name, as controllers end it.</summary>
    public static string Suffix() => new(Random.Shared.GetItems<char>(Letters, 5));

    public static bool IsReady(JsonObject pod) =>
        !IsDeleting(pod) && pod.Object("status").Objects("conditions").Any(c => c.Text("type") == "Ready" && c.Text("status") == "True");
}
