using k8s;
using k8s.Models;

namespace Hostdev.KubernetesClientPeer;

/// <summary>
/// Create, read, replace, patch, list in pages and delete of built-in kinds. The bodies say no kind and no version, as this client's typed
/// objects do not by themselves.
/// </summary>
internal static class TypedCalls
{
    private const string Ns = "default";

    public static IEnumerable<(string Name, Func<Task<string>> Attempt)> All(Kubernetes client) =>
        [
            ("configmap", () => ConfigMapAsync(client)),
            ("lease", () => LeaseAsync(client)),
            ("event", () => EventAsync(client)),
            ("pod", () => PodAsync(client)),
            ("node", () => NodeAsync(client)),
            ("pages", () => PagesAsync(client)),
            ("conflict", () => ConflictAsync(client)),
        ];

    private static V1ConfigMap ConfigMap(string name, string label = "no") =>
        new()
        {
            Metadata = new V1ObjectMeta
            {
                Name = name,
                Labels = new Dictionary<string, string> { ["pages"] = label },
            },
            Data = new Dictionary<string, string> { ["a"] = "1" },
        };

    private static V1Patch Patch(string text, V1Patch.PatchType type) => new(text, type);

    private static async Task<string> ConfigMapAsync(Kubernetes client)
    {
        const string added = """[{"op":"add","path":"/data/d","value":"4"}]""";
        const string applied = """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"e":"5"}}""";
        var made = await client.CoreV1.CreateNamespacedConfigMapAsync(ConfigMap("c"), Ns);
        made.Data["a"] = "2";
        await client.CoreV1.ReplaceNamespacedConfigMapAsync(made, "c", Ns);
        await client.CoreV1.PatchNamespacedConfigMapAsync(Patch("""{"data":{"b":"3"}}""", V1Patch.PatchType.MergePatch), "c", Ns);
        await client.CoreV1.PatchNamespacedConfigMapAsync(Patch(added, V1Patch.PatchType.JsonPatch), "c", Ns);
        await client.CoreV1.PatchNamespacedConfigMapAsync(Patch(applied, V1Patch.PatchType.ApplyPatch), "c", Ns, fieldManager: "peer");
        var read = await client.CoreV1.ReadNamespacedConfigMapAsync("c", Ns);
        var owner = read.Metadata.ManagedFields.Single(m => m.Manager == "peer");
        var data = read.Data.OrderBy(d => d.Key, StringComparer.Ordinal).Select(d => d.Key + d.Value);
        var gone = await client.CoreV1.DeleteNamespacedConfigMapAsync("c", Ns);
        return $"{read.Kind}/{read.ApiVersion} {string.Join(' ', data)}, {owner.Operation} by {owner.Manager}, {gone.Status}";
    }

    private static async Task<string> LeaseAsync(Kubernetes client)
    {
        var now = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc).AddTicks(1_234_560);
        var spec = new V1LeaseSpec
        {
            HolderIdentity = "me",
            LeaseDurationSeconds = 15,
            RenewTime = now,
        };
        var lease = new V1Lease
        {
            Metadata = new V1ObjectMeta { Name = "l" },
            Spec = spec,
        };
        var made = await client.CoordinationV1.CreateNamespacedLeaseAsync(lease, Ns);
        made.Spec.HolderIdentity = "you";
        var replaced = await client.CoordinationV1.ReplaceNamespacedLeaseAsync(made, "l", Ns);
        var read = await client.CoordinationV1.ReadNamespacedLeaseAsync("l", Ns);
        await client.CoordinationV1.DeleteNamespacedLeaseAsync("l", Ns);
        var changed = made.ResourceVersion() == replaced.ResourceVersion() ? "not changed" : "changed";
        return $"{read.Spec.HolderIdentity} for {read.Spec.LeaseDurationSeconds} s since {read.Spec.RenewTime:O}, {changed}";
    }

    private static async Task<string> EventAsync(Kubernetes client)
    {
        var made = new Corev1Event
        {
            Metadata = new V1ObjectMeta { GenerateName = "e-" },
            InvolvedObject = new V1ObjectReference
            {
                Kind = "Node",
                Name = "n",
                ApiVersion = "v1",
            },
            Reason = "Tried",
            Message = "it was",
            Type = "Normal",
        };
        await client.CoreV1.CreateNamespacedEventAsync(made, Ns);
        var listed = await client.EventsV1.ListNamespacedEventAsync(Ns, fieldSelector: "reason=Tried");
        return $"{listed.Items.Count} {listed.Items[0].Note} about {listed.Items[0].Regarding.Name}";
    }

    private static async Task<string> PodAsync(Kubernetes client)
    {
        const V1Patch.PatchType strategic = V1Patch.PatchType.StrategicMergePatch;
        var spec = new V1PodSpec { Containers = [new V1Container { Name = "c", Image = "i" }] };
        await client.CoreV1.CreateNamespacedPodAsync(
            new V1Pod
            {
                Metadata = new V1ObjectMeta { Name = "p" },
                Spec = spec,
            },
            Ns
        );
        await client.CoreV1.PatchNamespacedPodStatusAsync(Patch("""{"status":{"phase":"Running"}}""", strategic), "p", Ns);
        await client.CoreV1.PatchNamespacedPodAsync(Patch("""{"metadata":{"labels":{"a":"b"}}}""", strategic), "p", Ns);
        var found = await client.CoreV1.ListPodForAllNamespacesAsync(labelSelector: "a=b", fieldSelector: "status.phase=Running");
        var thatOne = new V1Preconditions { Uid = found.Items[0].Uid() };
        await client.CoreV1.DeleteNamespacedPodAsync("p", Ns, new V1DeleteOptions { GracePeriodSeconds = 0, Preconditions = thatOne });
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
        const string selected = "pages=yes";
        for (var i = 0; i < 7; i++)
            await client.CoreV1.CreateNamespacedConfigMapAsync(ConfigMap($"page-{i}", "yes"), Ns);
        var (names, pages, next) = (new List<string>(), 0, "");
        do
        {
            var after = next.Length == 0 ? null : next;
            var page = await client.CoreV1.ListNamespacedConfigMapAsync(Ns, limit: 3, labelSelector: selected, continueParameter: after);
            names.AddRange(page.Items.Select(i => i.Name()));
            (pages, next) = (pages + 1, page.Metadata.ContinueProperty ?? "");
        } while (next.Length > 0);
        await client.CoreV1.DeleteCollectionNamespacedConfigMapAsync(Ns, labelSelector: selected);
        var left = await client.CoreV1.ListNamespacedConfigMapAsync(Ns, labelSelector: selected);
        return $"{names.Count} in {pages} pages, {left.Items.Count} left";
    }

    private static async Task<string> ConflictAsync(Kubernetes client)
    {
        var lease = new V1Lease
        {
            Metadata = new V1ObjectMeta { Name = "two" },
            Spec = new V1LeaseSpec(),
        };
        var made = await client.CoordinationV1.CreateNamespacedLeaseAsync(lease, Ns);
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
