using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using Hostdev.Kubectl.Answers;
using Hostdev.Projection;

namespace Hostdev.Kubectl.Commands;

/// <summary>
/// Reads what a support bundle has, part by part: a part that may not be read, or is not there, costs that part. A list is read a page at a
/// time, and of a page nothing is kept but the names of our resources.
/// </summary>
/// <param name="node">Only what concerns this node; null for all.</param>
/// <param name="space">Where operator and agents run; null for wherever they are found.</param>
internal sealed class BundleReader(KubeClient client, BundleFile file, string? node, string? space)
{
    /// <summary>The newest lines of each container's log, and at most so many bytes of them.</summary>
    public const int LogLines = 20_000;

    public const int LogBytes = 4 << 20;

    private const string Ours = "app.kubernetes.io/name=hostdev";

    private static readonly KubeResource s_deployments = new("apps", "v1", "Deployment", "deployments", Namespaced: true);
    private static readonly KubeResource s_daemonSets = new("apps", "v1", "DaemonSet", "daemonsets", Namespaced: true);
    private static readonly KubeResource s_configMaps = new("", "v1", "ConfigMap", "configmaps", Namespaced: true);
    private static readonly KubeResource s_definitions = new(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        Namespaced: false
    );
    private static readonly KubeResource s_machines = new(
        "kubevirt.io",
        "v1",
        "VirtualMachineInstance",
        "virtualmachineinstances",
        Namespaced: true
    );

    private readonly HashSet<string> _resources = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _images = new(StringComparer.Ordinal);

    /// <exception cref="AnswerException">There is no such node.</exception>
    public async Task ReadAsync(string plugin, CancellationToken cancellationToken)
    {
        // A server that does not answer has nothing to bundle: that is the one failure that ends it.
        var server = await client.VersionAsync(cancellationToken).ConfigureAwait(false);
        await StatesAsync(cancellationToken).ConfigureAwait(false);
        foreach (var kind in PolicyKinds.All.Select(k => k.Resource))
            await EachAsync($"hostdev.io/{kind.Plural}", kind, Selection.Everything, Policy, cancellationToken).ConfigureAwait(false);
        await DefinitionsAsync(cancellationToken).ConfigureAwait(false);
        foreach (var kind in (KubeResource[])[s_deployments, s_daemonSets])
            await EachAsync($"chart/{kind.Plural}", kind, Chart, o => Redaction.Ours(o.Json), cancellationToken).ConfigureAwait(false);
        await EachAsync("chart/configmaps", s_configMaps, Chart, o => Redaction.ConfigMap(o.Json), cancellationToken).ConfigureAwait(false);
        await NodesAsync(cancellationToken).ConfigureAwait(false);
        await OurPodsAsync(cancellationToken).ConfigureAwait(false);
        await PagesAsync("pods", ClusterReader.PodResource, OnNode("spec.nodeName"), AskingPod, cancellationToken).ConfigureAwait(false);
        await PagesAsync("events", EventView.Kind.Resource, Selection.Everything, OurEvent, cancellationToken).ConfigureAwait(false);
        await PagesAsync("virtualmachineinstances", s_machines, Selection.Everything, Machine, cancellationToken).ConfigureAwait(false);
        await file.AddAsync(
                "versions.json",
                new JsonObject
                {
                    ["plugin"] = plugin,
                    ["server"] = server,
                    ["images"] = new JsonArray([.. _images.Select(i => JsonValue.Create(i))]),
                },
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    private Selection Chart => new() { Namespace = space, Labels = Ours };

    private Selection OnNode(string field) => node is null ? Selection.Everything : new Selection { Fields = $"{field}={node}" };

    /// <summary>Of all nodes, or of the one that is asked for: what they offer are our resources.</summary>
    private async Task StatesAsync(CancellationToken cancellationToken)
    {
        var kind = RawObject.Of(HostdevKinds.NodeDeviceStateResource);
        const string folder = "hostdev.io/nodedevicestates";
        if (node is null)
        {
            await EachAsync(folder, kind.Resource, Selection.Everything, State, cancellationToken).ConfigureAwait(false);
            return;
        }

        await TryAsync(
                $"{folder}/{node}",
                async () =>
                {
                    var found =
                        await client.FindAsync(kind, new ObjectKey(node), cancellationToken).ConfigureAwait(false)
                        ?? throw new AnswerException($"there is no NodeDeviceState {node}: kubectl get nodedevicestates lists all");
                    await file.AddAsync($"{folder}/{node}.json", State(found), cancellationToken).ConfigureAwait(false);
                }
            )
            .ConfigureAwait(false);
    }

    private JsonObject State(RawObject state)
    {
        foreach (var resource in state.Json["status"]?["resources"] as JsonArray ?? [])
        {
            if (resource is JsonObject it && it["name"] is JsonValue name && name.TryGetValue<string>(out var text))
                _resources.Add(text);
        }

        return Redaction.Ours(state.Json);
    }

    private JsonObject Policy(RawObject policy)
    {
        if (policy.Json["spec"] is JsonObject spec)
        {
            using var text = System.Text.Json.JsonDocument.Parse(spec.ToJsonString());
            _resources.UnionWith(PolicyResources.Of(text.RootElement));
        }

        return Redaction.Ours(policy.Json);
    }

    private async Task DefinitionsAsync(CancellationToken cancellationToken)
    {
        foreach (var plural in PolicyKinds.All.Select(k => k.Resource).Append(HostdevKinds.NodeDeviceStateResource).Select(r => r.FullName))
        {
            await TryAsync(
                    $"definitions/{plural}",
                    async () =>
                    {
                        var kind = RawObject.Of(s_definitions);
                        if (await client.FindAsync(kind, new ObjectKey(plural), cancellationToken).ConfigureAwait(false) is { } found)
                            await file.AddAsync($"definitions/{plural}.json", Redaction.Ours(found.Json), cancellationToken)
                                .ConfigureAwait(false);
                        else
                            file.Lack($"definitions/{plural}", "there is no such CRD");
                    }
                )
                .ConfigureAwait(false);
        }
    }

    private async Task NodesAsync(CancellationToken cancellationToken) =>
        await EachAsync("nodes", ClusterReader.NodeResource, OnNode("metadata.name"), n => Redaction.Node(n.Json), cancellationToken)
            .ConfigureAwait(false);

    private async Task OurPodsAsync(CancellationToken cancellationToken)
    {
        var pods = new List<(ObjectKey Key, ImmutableArray<string> Containers)>();
        await EachAsync(
                "chart/pods",
                ClusterReader.PodResource,
                Chart,
                pod =>
                {
                    var spec = pod.Json["spec"];
                    // The operator's are of every node.
                    var isElsewhere =
                        node is not null && Label(pod, "app.kubernetes.io/component") != "operator" && (string?)spec?["nodeName"] != node;
                    if (isElsewhere)
                        return null;
                    var containers = (spec?["containers"] as JsonArray ?? []).OfType<JsonObject>().ToList();
                    foreach (var container in containers)
                        _images.Add((string?)container["image"] ?? "");
                    pods.Add((ObjectKey.Of(pod), [.. containers.Select(c => (string?)c["name"] ?? "")]));
                    return Redaction.Pod(pod.Json);
                },
                cancellationToken
            )
            .ConfigureAwait(false);
        foreach (var (key, containers) in pods)
        {
            foreach (var container in containers)
            {
                await LogAsync(key, container, previous: false, cancellationToken).ConfigureAwait(false);
                await LogAsync(key, container, previous: true, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private Task LogAsync(ObjectKey pod, string container, bool previous, CancellationToken cancellationToken)
    {
        var name = $"logs/{pod.Name}/{container}{(previous ? ".previous" : "")}.log";
        return TryAsync(
            name,
            async () =>
            {
                try
                {
                    var text = await client
                        .ReadLogAsync(pod, container, previous, LogLines, LogBytes, TextAsync, cancellationToken)
                        .ConfigureAwait(false);
                    await file.AddAsync(name, Redaction.Text(text), cancellationToken).ConfigureAwait(false);
                }
                catch (KubeApiException e) when (previous && (e.IsBadRequest || e.IsNotFound))
                {
                    // It has had one life, as most have: nothing is missing.
                }
            }
        );
    }

    /// <summary>No more than what was asked for, whatever the server sends.</summary>
    private static async Task<string> TextAsync(Stream body, CancellationToken cancellationToken)
    {
        var buffer = new byte[LogBytes];
        var length = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        return Encoding.UTF8.GetString(buffer, 0, length);
    }

    private JsonObject? AskingPod(RawObject pod)
    {
        var asks = new[] { "containers", "initContainers" }
            .SelectMany(list => pod.Json["spec"]?[list] as JsonArray ?? [])
            .SelectMany(c => new[] { c?["resources"]?["limits"], c?["resources"]?["requests"] })
            .OfType<JsonObject>()
            .SelectMany(r => r.Select(q => q.Key));
        return asks.Any(_resources.Contains) ? Redaction.Pod(pod.Json) : null;
    }

    private JsonObject? OurEvent(RawObject it)
    {
        var (by, about) = ((string?)it.Json["reportingController"] ?? "", it.Json["regarding"] as JsonObject);
        var isAbout = ((string?)about?["apiVersion"] ?? "").StartsWith("hostdev.io/", StringComparison.Ordinal);
        if (!isAbout && !by.StartsWith("hostdev.io/", StringComparison.Ordinal))
            return null;
        var isElsewhere = node is not null && (string?)about?["kind"] == "NodeDeviceState" && (string?)about["name"] != node;
        return isElsewhere ? null : Redaction.Ours(it.Json);
    }

    private JsonObject? Machine(RawObject it)
    {
        var devices = it.Json["spec"]?["domain"]?["devices"];
        if ((devices?["gpus"] ?? devices?["hostDevices"]) is null)
            return null;
        return node is null || (string?)it.Json["status"]?["nodeName"] == node ? Redaction.VirtualMachine(it.Json) : null;
    }

    private static string? Label(RawObject of, string name) => of.Metadata.Labels.GetValueOrDefault(name);

    /// <summary>A file for each object.</summary>
    /// <param name="redact">Null leaves an object out.</param>
    private Task EachAsync(
        string folder,
        KubeResource resource,
        Selection selection,
        Func<RawObject, JsonObject?> redact,
        CancellationToken cancellationToken
    ) =>
        ListAsync(
            folder,
            resource,
            selection,
            async page =>
            {
                foreach (var (it, json) in page.Select(o => (o, redact(o))).Where(p => p.Item2 is not null))
                {
                    var name = it.Metadata.Namespace is { } ns ? $"{folder}/{ns}/{it.Metadata.Name}" : $"{folder}/{it.Metadata.Name}";
                    await file.AddAsync($"{name}.json", Typed(resource, json!), cancellationToken).ConfigureAwait(false);
                }
            },
            cancellationToken
        );

    /// <summary>A file for each page that has anything, an object in each line.</summary>
    private Task PagesAsync(
        string name,
        KubeResource resource,
        Selection selection,
        Func<RawObject, JsonObject?> redact,
        CancellationToken cancellationToken
    )
    {
        var number = 0;
        return ListAsync(
            name,
            resource,
            selection,
            async page =>
            {
                var kept = page.Select(redact).OfType<JsonObject>().Select(j => Typed(resource, j)).ToList();
                if (kept.Count > 0)
                    await file.AddAsync($"{name}/{++number:0000}.jsonl", kept, cancellationToken).ConfigureAwait(false);
            },
            cancellationToken
        );
    }

    private Task ListAsync(
        string what,
        KubeResource resource,
        Selection selection,
        Func<ImmutableArray<RawObject>, Task> write,
        CancellationToken cancellationToken
    ) =>
        TryAsync(
            what,
            async () =>
            {
                var pages = client.ListPagesAsync(RawObject.Of(resource), selection, cancellationToken).ConfigureAwait(false);
                await foreach (var page in pages)
                {
                    foreach (var unreadable in page.Unreadable)
                        file.Lack($"{what} {unreadable.Key}", unreadable.Error);
                    await write(page.Items).ConfigureAwait(false);
                }
            }
        );

    /// <summary>Objects of a list do not say what they are.</summary>
    private static JsonObject Typed(KubeResource resource, JsonObject json)
    {
        json.Remove("apiVersion");
        json.Remove("kind");
        json.Insert(0, "apiVersion", resource.ApiVersion);
        json.Insert(1, "kind", resource.Kind);
        return json;
    }

    private async Task TryAsync(string what, Func<Task> read)
    {
        try
        {
            await read().ConfigureAwait(false);
        }
        catch (Exception e) when (e is KubeApiException or KubeTransportException or KubeProtocolException)
        {
            file.Lack(
                what,
                e is KubeApiException { IsNotServed: true } ? "the cluster does not know this kind" : Redaction.Text(e.Message)
            );
        }
    }
}
