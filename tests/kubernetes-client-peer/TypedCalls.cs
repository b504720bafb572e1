using k8s;
using k8s.Models;

namespace Hostdev.KubernetesClientPeer;

/// <summary>Create, read, replace, patch, list in pages and delete of built-in kinds. The bodies say no kind and no version, as this client's typed objects do not by themselves.</summary>
internal static class TypedCalls
{
    private const string Ns = "default";

    public static IEnumerable<(string Name, Func<Task<string>> Attempt)> All(Kubernetes client) =>
    [
        ("configmap", () => ConfigMapAsync(client)), ("lease", () => LeaseAsync(client)), ("event", () => EventAsync(client)), ("pod", () => PodAsync(client)),
        ("node", () => NodeAsync(client)), ("pages", () => PagesAsync(client)), ("conflict", () => ConflictAsync(client)),
    ];

    private static async Task<string> ConfigMapAsync(Kubernetes client)
    {
        var made = await client.CoreV1.CreateNamespacedConfigMapAsync(new V1ConfigMap { Metadata = new V1ObjectMeta { Name = "c" }, Data = new Dictionary<string, string> { ["a"] = "1" } }, Ns);
        made.Data["a"] = "2";
        await client.CoreV1.ReplaceNamespacedConfigMapAsync(made, "c", Ns);
        await client.CoreV1.PatchNamespacedConfigMapAsync(new V1Patch("""{"data":{"b":"3"}}""", V1Patch.PatchType.MergePatch), "c", Ns);
        await client.CoreV1.PatchNamespacedConfigMapAsync(new V1Patch("""[{"op":"add","path":"/data/d","value":"4"}]""", V1Patch.PatchType.JsonPatch), "c", Ns);
        await client.CoreV1.PatchNamespacedConfigMapAsync(
            new V1Patch("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"e":"5"}}""", V1Patch.PatchType.ApplyPatch), "c", Ns, fieldManager: "peer");
        var read = await client.CoreV1.ReadNamespacedConfigMapAsync("c", Ns);
        var owners = read.Metadata.ManagedFields.Select(m => $"{m.Operation} by {m.Manager}").Where(m => m.Contains("peer", StringComparison.Ordinal));
        var gone = await client.CoreV1.DeleteNamespacedConfigMapAsync("c", Ns);
        return $"{read.Kind}/{read.ApiVersion} {string.Join(' ', read.Data.OrderBy(d => d.Key, StringComparer.Ordinal).Select(d => d.Key + d.Value))}, {string.Join(", ", owners)}, {gone.Status}";
    }

    private static async Task<string> LeaseAsync(Kubernetes client)
    {
        var now = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc).AddTicks(1_234_560);
        var lease = new V1Lease { Metadata = new V1ObjectMeta { Name = "l" }, Spec = new V1LeaseSpec { HolderIdentity = "me", LeaseDurationSeconds = 15, RenewTime = now } };
        var made = await client.CoordinationV1.CreateNamespacedLeaseAsync(lease, Ns);
        made.Spec.HolderIdentity = "you";
        var replaced = await client.CoordinationV1.ReplaceNamespacedLeaseAsync(made, "l", Ns);
        var read = await client.CoordinationV1.ReadNamespacedLeaseAsync("l", Ns);
        await client.CoordinationV1.DeleteNamespacedLeaseAsync("l", Ns);
        return $"{read.Spec.HolderIdentity} for {read.Spec.LeaseDurationSeconds} s since {read.Spec.RenewTime:O}, {(made.ResourceVersion() == replaced.ResourceVersion() ? "not changed" : "changed")}";
    }

    private static async Task<string> EventAsync(Kubernetes client)
    {
        var what = new V1ObjectReference { Kind = "Node", Name = "n", ApiVersion = "v1" };
        await client.CoreV1.CreateNamespacedEventAsync(new Corev1Event { Metadata = new V1ObjectMeta { GenerateName = "e-" }, InvolvedObject = what, Reason = "Tried", Message = "it was", Type = "Normal" }, Ns);
        var listed = await client.EventsV1.ListNamespacedEventAsync(Ns, fieldSelector: "reason=Tried");
        return $"{listed.Items.Count} {listed.Items[0].Note} about {listed.Items[0].Regarding.Name}";
    }

    private static async Task<string> PodAsync(Kubernetes client)
    {
        var pod = new V1Pod { Metadata = new V1ObjectMeta { Name = "p" }, Spec = new V1PodSpec { Containers = [new V1Container { Name = "c", Image = "i" }] } };
        await client.CoreV1.CreateNamespacedPodAsync(pod, Ns);
        await client.CoreV1.PatchNamespacedPodStatusAsync(new V1Patch("""{"status":{"phase":"Running"}}""", V1Patch.PatchType.StrategicMergePatch), "p", Ns);
        await client.CoreV1.PatchNamespacedPodAsync(new V1Patch("""{"metadata":{"labels":{"a":"b"}}}""", V1Patch.PatchType.StrategicMergePatch), "p", Ns);
        var found = await client.CoreV1.ListPodForAllNamespacesAsync(labelSelector: "a=b", fieldSelector: "status.phase=Running");
        await client.CoreV1.DeleteNamespacedPodAsync("p", Ns, new V1DeleteOptions { GracePeriodSeconds = 0, Preconditions = new V1Preconditions { Uid = found.Items[0].Uid() } });
        return $"{found.Items.Count} {found.Items[0].Status.Phase}, {(await client.CoreV1.ListNamespacedPodAsync(Ns)).Items.Count} left";
    }

    private static async Task<string> NodeAsync(Kubernetes client)
    {
        var node = await client.CoreV1.CreateNodeAsync(new V1Node { Metadata = new V1ObjectMeta { Name = "n" } });
        node.Status = new V1NodeStatus { Conditions = [new V1NodeCondition { Type = "Ready", Status = "True" }] };
        node = await client.CoreV1.ReplaceNodeStatusAsync(node, "n");
        await client.CoreV1.DeleteNodeAsync("n");
        return $"{node.Status.Conditions[0].Type} {node.Status.Conditions[0].Status}";
    }

    private static async Task<string> PagesAsync(Kubernetes client)
    {
        for (var i = 0; i < 7; i++)
        {
            await client.CoreV1.CreateNamespacedConfigMapAsync(new V1ConfigMap { Metadata = new V1ObjectMeta { Name = $"page-{i}", Labels = new Dictionary<string, string> { ["pages"] = "yes" } } }, Ns);
        }

        var (names, pages, next) = (new List<string>(), 0, "");
        do
        {
            var page = await client.CoreV1.ListNamespacedConfigMapAsync(Ns, limit: 3, labelSelector: "pages=yes", continueParameter: next.Length == 0 ? null : next);
            names.AddRange(page.Items.Select(i => i.Name()));
            (pages, next) = (pages + 1, page.Metadata.ContinueProperty ?? "");
        }
        while (next.Length > 0);
        await client.CoreV1.DeleteCollectionNamespacedConfigMapAsync(Ns, labelSelector: "pages=yes");
        return $"{names.Count} in {pages} pages, {(await client.CoreV1.ListNamespacedConfigMapAsync(Ns, labelSelector: "pages=yes")).Items.Count} left";
    }

    private static async Task<string> ConflictAsync(Kubernetes client)
    {
        var made = await client.CoordinationV1.CreateNamespacedLeaseAsync(new V1Lease { Metadata = new V1ObjectMeta { Name = "two" }, Spec = new V1LeaseSpec() }, Ns);
        made.Spec.HolderIdentity = "first";
        await client.CoordinationV1.ReplaceNamespacedLeaseAsync(made, "two", Ns);
        made.Spec.HolderIdentity = "second";
        try
        {
            await client.CoordinationV1.ReplaceNamespacedLeaseAsync(made, "two", Ns);
            return "the second write was taken";
        }
        catch (k8s.Autorest.HttpOperationException e)
        {
            var status = KubernetesJson.Deserialize<V1Status>(e.Response.Content);
            return $"{(int)e.Response.StatusCode} {status.Reason}: {status.Message}";
        }
    }
}
