using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Apply;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.Cluster.Workloads;

/// <summary>
/// Deployments and their ReplicaSets (pkg/controller/deployment): one ReplicaSet for each template, the newest at full size; the others go
/// to nothing once its Pods are ready. Pods that ran the same program before there was a Deployment become its own.
/// </summary>
internal sealed class DeploymentController(IClusterObjects objects, TimeProvider time)
{
    public const string HashLabel = "pod-template-hash";
    private const string Sets = "replicasets.apps";
    private const string Controller = "kube-controller-manager";

    public void Reconcile()
    {
        foreach (var deployment in objects.List("deployments.apps").Where(d => !PodTemplate.IsDeleting(d)))
            Deploy(deployment);
        foreach (var set in objects.List(Sets).Where(s => !PodTemplate.IsDeleting(s)))
            Fill(set);
        foreach (var deployment in objects.List("deployments.apps").Where(d => !PodTemplate.IsDeleting(d)))
            Report(deployment);
    }

    private void Deploy(JsonObject deployment)
    {
        var (ns, template) = (deployment["metadata"].Text("namespace"), deployment["spec"]!["template"]!.AsObject());
        var hash = PodTemplate.Hash(template);
        var name = $"{deployment["metadata"].Text("name")}-{hash}";
        var replicas = Number(deployment, "spec", "replicas", 1);
        var sets = Owned(deployment);
        if (!sets.Any(s => s["metadata"].Text("name") == name))
            objects.Create(SetOf(deployment, template, name, hash, replicas));
        if (objects.Get(Sets, name, ns) is not { } current)
            return; // somebody deleted it meanwhile: the next round makes it again
        Adopt(deployment, current, hash);
        Scale(current, replicas);
        if (Number(current, "status", "readyReplicas", 0) < replicas)
            return;
        foreach (var old in sets.Where(s => s["metadata"].Text("name") != name))
            Scale(old, 0);
    }

    private static JsonObject SetOf(JsonObject deployment, JsonObject template, string name, string hash, long replicas)
    {
        var (labelled, selector) = ((JsonObject)template.DeepClone(), (JsonObject)deployment["spec"]!["selector"]!.DeepClone());
        labelled.Ensure("metadata").Ensure("labels")[HashLabel] = hash;
        selector.Ensure("matchLabels")[HashLabel] = hash;
        return new JsonObject
        {
            ["apiVersion"] = "apps/v1",
            ["kind"] = "ReplicaSet",
            ["metadata"] = new JsonObject
            {
                ["name"] = name,
                ["namespace"] = deployment["metadata"].Text("namespace"),
                ["labels"] = labelled["metadata"]!["labels"]!.DeepClone(),
                ["ownerReferences"] = new JsonArray(PodTemplate.Owner(deployment)),
            },
            ["spec"] = new JsonObject
            {
                ["replicas"] = replicas,
                ["selector"] = selector,
                ["template"] = labelled,
            },
        };
    }

    private void Adopt(JsonObject deployment, JsonObject owner, string hash)
    {
        var ns = deployment["metadata"].Text("namespace");
        var template = deployment["spec"]!["template"]!.AsObject();
        var (program, selector) = (PodTemplate.Program(template), deployment["spec"].Object("selector"));
        var orphans = objects.List("pods", ns).Where(p => !PodTemplate.HasOwner(p) && PodTemplate.IsSelectedBy(p, selector));
        foreach (var pod in orphans.Where(p => PodTemplate.Program(p) == program))
        {
            var name = pod["metadata"].Text("name");
            objects.Change("pods", name, it => PodTemplate.TakeOver(it, owner, template, HashLabel, hash), ns, manager: Controller);
        }
    }

    private void Scale(JsonObject set, long replicas)
    {
        if (Number(set, "spec", "replicas", 1) == replicas)
            return;
        var (name, ns) = (set["metadata"].Text("name"), set["metadata"].Text("namespace"));
        objects.Change(Sets, name, s => s["spec"]!["replicas"] = replicas, ns, manager: Controller);
    }

    /// <summary>Makes Pods until there are enough, and takes away those that are too many, those that are not ready first.</summary>
    private void Fill(JsonObject set)
    {
        var (ns, name) = (set["metadata"].Text("namespace"), set["metadata"].Text("name"));
        var replicas = (int)Number(set, "spec", "replicas", 1);
        var owned = objects.List("pods", ns).Where(p => PodTemplate.IsOwnedBy(p, set) && !PodTemplate.IsDeleting(p));
        var pods = owned.OrderByDescending(PodTemplate.IsReady).ToImmutableArray();
        foreach (var one in pods.Skip(replicas))
            objects.Delete("pods", one["metadata"].Text("name"), ns);
        var template = set["spec"]!["template"]!.AsObject();
        for (var i = pods.Length; i < replicas; i++)
            objects.Create(PodTemplate.Pod(set, template, $"{name}-{PodTemplate.Suffix()}"));
        var ready = pods.Take(replicas).Count(PodTemplate.IsReady);
        objects.Change(
            Sets,
            name,
            s =>
                s["status"] = new JsonObject
                {
                    ["replicas"] = Math.Min(pods.Length, replicas),
                    ["fullyLabeledReplicas"] = Math.Min(pods.Length, replicas),
                    ["readyReplicas"] = ready,
                    ["availableReplicas"] = ready,
                    ["observedGeneration"] = set["metadata"]!["generation"]!.DeepClone(),
                },
            ns,
            "status",
            Controller
        );
    }

    private void Report(JsonObject deployment)
    {
        var (ns, name) = (deployment["metadata"].Text("namespace"), deployment["metadata"].Text("name"));
        var wanted = Number(deployment, "spec", "replicas", 1);
        var (sets, hash) = (Owned(deployment), PodTemplate.Hash(deployment["spec"]!["template"]!.AsObject()));
        var current = sets.FirstOrDefault(s => s["metadata"].Text("name") == $"{name}-{hash}");
        var (all, updated) = (sets.Sum(s => Number(s, "status", "replicas", 0)), Number(current, "status", "replicas", 0));
        var ready = sets.Sum(s => Number(s, "status", "readyReplicas", 0));
        var complete = updated == wanted && all == wanted && ready >= wanted;
        objects.Change(
            "deployments.apps",
            name,
            d =>
                d["status"] = new JsonObject
                {
                    ["observedGeneration"] = deployment["metadata"]!["generation"]!.DeepClone(),
                    ["replicas"] = all,
                    ["updatedReplicas"] = updated,
                    ["readyReplicas"] = ready,
                    ["availableReplicas"] = ready,
                    ["unavailableReplicas"] = Math.Max(0, wanted - ready),
                    ["conditions"] = new JsonArray(
                        Condition(
                            d,
                            "Available",
                            ready >= wanted,
                            ready >= wanted ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
                            ready >= wanted ? "Deployment has minimum availability." : "Deployment does not have minimum availability."
                        ),
                        Condition(
                            d,
                            "Progressing",
                            true,
                            complete ? "NewReplicaSetAvailable" : "ReplicaSetUpdated",
                            $"ReplicaSet \"{name}-{hash}\" {(complete ? "has successfully progressed" : "is progressing")}."
                        )
                    ),
                },
            ns,
            "status",
            Controller
        );
    }

    private JsonObject Condition(JsonObject deployment, string type, bool isTrue, string reason, string message)
    {
        var status = isTrue ? "True" : "False";
        var before = deployment.Object("status").Objects("conditions").FirstOrDefault(c => c.Text("type") == type);
        var now = ManagedFields.TimeText(time.GetUtcNow());
        return new JsonObject
        {
            ["type"] = type,
            ["status"] = status,
            ["reason"] = reason,
            ["message"] = message,
            ["lastTransitionTime"] = before.Text("status") == status ? before.Text("lastTransitionTime") : now,
            ["lastUpdateTime"] = before.Text("status") == status && before.Text("reason") == reason ? before.Text("lastUpdateTime") : now,
        };
    }

    private ImmutableArray<JsonObject> Owned(JsonObject deployment) =>
        [.. objects.List(Sets, deployment["metadata"].Text("namespace")).Where(s => PodTemplate.IsOwnedBy(s, deployment))];

    private static long Number(JsonObject? it, string part, string field, long otherwise) =>
        it?[part]?[field]?.GetValue<long>() ?? otherwise;
}
