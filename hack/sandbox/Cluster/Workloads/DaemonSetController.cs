using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.Cluster.Workloads;

/// <summary>
/// DaemonSets (pkg/controller/daemon): a Pod on every node that the template selects, replaced one at a time when the template changes. A
/// Pod is named after its program and its node, by which an agent that ran before there was a DaemonSet becomes its own.
/// </summary>
internal sealed class DaemonSetController(IClusterObjects objects)
{
    private const string HashLabel = "controller-revision-hash";

    public void Reconcile()
    {
        var nodes = objects.List("nodes");
        foreach (var set in objects.List("daemonsets.apps").Where(s => !PodTemplate.IsDeleting(s)))
            Cover(set, nodes);
    }

    private void Cover(JsonObject set, ImmutableArray<JsonObject> nodes)
    {
        var (ns, template) = (set["metadata"].Text("namespace"), set["spec"]!["template"]!.AsObject());
        var hash = PodTemplate.Hash(template);
        var covered = nodes.Where(n => IsFor(template, n)).Select(n => n["metadata"].Text("name")).ToImmutableArray();
        var pods = new List<JsonObject>();
        foreach (var node in covered)
        {
            var name = $"{PodTemplate.Program(template)}-{node}";
            if (objects.Get("pods", name, ns) is not { } pod)
                objects.Create(PodOf(set, template, name, node, hash));
            else if (!PodTemplate.HasOwner(pod))
                Adopt(set, template, pod, hash);
            else
                pods.Add(pod);
        }

        // One at a time: the next one is replaced when the one before is ready again.
        var old = pods.FirstOrDefault(p => p["metadata"].Object("labels").Text(HashLabel) != hash);
        var othersAreReady = pods.Count == covered.Length && pods.All(p => p == old || PodTemplate.IsReady(p));
        if (old is not null && othersAreReady && !PodTemplate.IsDeleting(old))
            objects.Delete("pods", old["metadata"].Text("name"), ns);
        Report(set, covered.Length, pods, hash);
    }

    private static JsonObject PodOf(JsonObject set, JsonObject template, string name, string node, string hash)
    {
        var pod = PodTemplate.Pod(set, template, name, (HashLabel, hash));
        pod["spec"]!["nodeName"] = node;
        return pod;
    }

    private void Adopt(JsonObject set, JsonObject template, JsonObject pod, string hash)
    {
        var (name, ns) = (pod["metadata"].Text("name"), set["metadata"].Text("namespace"));
        objects.Change(
            "pods",
            name,
            it => PodTemplate.TakeOver(it, set, template, HashLabel, hash),
            ns,
            manager: "kube-controller-manager"
        );
    }

    private static bool IsFor(JsonObject template, JsonObject node) =>
        (template.Object("spec").Object("nodeSelector") ?? []).All(s => node["metadata"].Object("labels").Text(s.Key) == s.Value.AsText());

    private void Report(JsonObject set, int wanted, List<JsonObject> pods, string hash)
    {
        var ready = pods.Count(PodTemplate.IsReady);
        objects.Change(
            "daemonsets.apps",
            set["metadata"].Text("name"),
            s =>
                s["status"] = new JsonObject
                {
                    ["currentNumberScheduled"] = pods.Count,
                    ["numberMisscheduled"] = 0,
                    ["desiredNumberScheduled"] = wanted,
                    ["numberReady"] = ready,
                    ["observedGeneration"] = set["metadata"]!["generation"]!.DeepClone(),
                    ["updatedNumberScheduled"] = pods.Count(p => p["metadata"].Object("labels").Text(HashLabel) == hash),
                    ["numberAvailable"] = ready,
                    ["numberUnavailable"] = wanted - ready,
                },
            set["metadata"].Text("namespace"),
            "status",
            "kube-controller-manager"
        );
    }
}
