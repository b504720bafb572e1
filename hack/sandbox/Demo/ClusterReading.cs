using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Sandbox.Cluster;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Hostdev.Sandbox.Demo;

/// <summary>One line of <c>kubectl get hostdevices,sriovpolicies,mdevprofiles</c>.</summary>
internal sealed record PolicyRow(string Name, string Ready, string Reason, string Nodes, string Devices, string Allocated, string Message);

/// <summary>What one node's kubelet has of one resource.</summary>
internal sealed record NodeResourceRow(string Node, string Resource, int Capacity, int Allocatable, ImmutableArray<string> Holders);

/// <summary>One node: its agent, what its agent says, and what was changed on its machine.</summary>
internal sealed record NodeRow(string Name, bool Agent, string State, int Taken, int Vfs, int Mdevs);

/// <summary>A cluster as its API server, its kubelets and its machines show it.</summary>
internal sealed record ClusterReading(
    ImmutableArray<PolicyRow> Policies,
    ImmutableArray<NodeRow> Nodes,
    ImmutableArray<NodeResourceRow> Resources
) : IPicture
{
    public static ClusterReading Take(SandboxCluster cluster)
    {
        var objects = cluster.Server.Objects;
        var policies = ((string[])["hostdevices", "sriovpolicies", "mdevprofiles"])
            .SelectMany(p => objects.List($"{p}.hostdev.io"))
            .Select(Policy);
        var states = objects.List("nodedevicestates.hostdev.io");
        var nodes = cluster.Nodes.Select(n => Node(n, states.FirstOrDefault(s => (string?)s["metadata"]!["name"] == n.Name)));
        return new ClusterReading([.. policies], [.. nodes], [.. cluster.Nodes.SelectMany(Offers)]);
    }

    public IRenderable Render(int width, bool together)
    {
        var policies = NodeTable.New(width, "POLICY", "READY", "REASON", "NODES", "DEVICES", "ALLOCATED");
        foreach (var p in Policies)
            policies.AddRow(
                new Markup(p.Name),
                Status(p.Ready),
                new Markup(Markup.Escape(p.Reason)),
                new Markup(p.Nodes),
                new Markup(p.Devices),
                new Markup(p.Allocated)
            );
        var nodes = NodeTable.New(width, "NODE", "AGENT", "STATE", "TAKEN", "VFS", "MDEVS", "OFFERED (FREE)", "WHO HAS WHAT");
        foreach (var n in Nodes)
        {
            var own = Resources.Where(r => r.Node == n.Name).ToList();
            var offered = string.Join(
                '\n',
                own.Select(r => $"{r.Resource} {Number(r.Allocatable)} ({Number(r.Allocatable - r.Holders.Length)})")
            );
            nodes.AddRow(
                new Markup(n.Name),
                n.Agent ? new Markup("[green]up[/]") : new Markup("[red]down[/]"),
                new Markup(Markup.Escape(n.State)),
                new Markup(Number(n.Taken)),
                new Markup(Number(n.Vfs)),
                new Markup(Number(n.Mdevs)),
                new Markup(Markup.Escape(offered)),
                new Markup(Markup.Escape(string.Join('\n', own.SelectMany(r => r.Holders))))
            );
        }

        List<IRenderable> parts = [];
        if (Policies.Length > 0)
            parts.Add(policies);
        parts.Add(nodes);
        parts.AddRange(
            Policies
                .Where(p => p.Ready != "True" && p.Message.Length > 0)
                .SelectMany(p => StoryText.Wrap($"{p.Name}: {p.Message}", width - 1, "     ", " "))
                .Select(line => new Markup($"[yellow]{Markup.Escape(line)}[/]"))
        );
        return new Rows(parts);
    }

    public IEnumerable<string> ChangesTo(IPicture after)
    {
        if (after is not ClusterReading later)
            yield break;
        var before = Resources.ToDictionary(r => (r.Node, r.Resource), r => r.Allocatable);
        var now = later.Resources.ToDictionary(r => (r.Node, r.Resource), r => r.Allocatable);
        foreach (var key in before.Keys.Union(now.Keys).Order())
        {
            var (was, has) = (before.GetValueOrDefault(key), now.GetValueOrDefault(key));
            if (was != has)
                yield return $"{key.Node}: {key.Resource} {Number(was)} -> {Number(has)} allocatable";
        }

        foreach (var (was, has) in Nodes.Zip(later.Nodes).Where(p => p.First.Mdevs != p.Second.Mdevs))
            yield return $"{was.Name}: {Number(was.Mdevs)} -> {Number(has.Mdevs)} mediated devices";
        foreach (var (was, has) in Nodes.Zip(later.Nodes).Where(p => p.First.Taken != p.Second.Taken || p.First.Vfs != p.Second.Vfs))
        {
            yield return $"{was.Name}: {Number(was.Taken)} -> {Number(has.Taken)} functions on passthrough "
                + $"drivers{(was.Vfs == has.Vfs ? "" : $", {Number(was.Vfs)} -> {Number(has.Vfs)} virtual functions")}";
        }
    }

    private static PolicyRow Policy(JsonObject policy)
    {
        var status = policy["status"];
        var ready = (status?["conditions"] as JsonArray)?.FirstOrDefault(c => (string?)c!["type"] == ConditionTypes.Ready);
        return new PolicyRow(
            $"{policy["kind"]}/{policy["metadata"]!["name"]}",
            Text(ready?["status"]),
            Text(ready?["reason"]),
            Text(status?["nodes"]?["summary"]),
            Text(status?["devices"]?["summary"]),
            Text(status?["devices"]?["allocated"]),
            Text(ready?["message"])
        );
    }

    private static NodeRow Node(ClusterNode node, JsonObject? state)
    {
        var paths = node.Kernel.Paths;
        var functions = NodeReading.Functions(paths).ToList();
        var conditions =
            (state?["status"]?["conditions"] as JsonArray)
                ?.OfType<JsonNode>()
                .ToDictionary(c => (string)c["type"]!, c => (Status: (string)c["status"]!, Reason: (string)c["reason"]!))
            ?? [];
        var word =
            conditions.GetValueOrDefault(ConditionTypes.Ready).Status == "True" ? ConditionTypes.Ready
            : conditions.GetValueOrDefault(ConditionTypes.Degraded) is { Status: "True" } degraded ? degraded.Reason
            : conditions.GetValueOrDefault(ConditionTypes.Progressing) is { Status: "True" } progressing ? progressing.Reason
            : "";
        return new NodeRow(
            node.Name,
            node.AgentRuns,
            word,
            functions.Count(f => NodeReading.DriverOf(paths, f) is "vfio-pci" or "pci-stub"),
            functions.Sum(f =>
                int.TryParse(NodeReading.Read(paths, f, "sriov_numvfs"), CultureInfo.InvariantCulture, out var vfs) ? vfs : 0
            ),
            MdevRow.Read(paths).Length
        );
    }

    private static IEnumerable<NodeResourceRow> Offers(ClusterNode node)
    {
        var pods = node.Kubelet.Pods;
        foreach (
            var resource in node.Kubelet.Registrations.Keys.Where(r => node.Kubelet.Capacity(r) is not null).Order(StringComparer.Ordinal)
        )
        {
            var holders = pods.SelectMany(p =>
                p.Devices.Where(d => d.Key == resource).SelectMany(d => d.Value.Select(id => $"{p.Name}: {Short(id)}"))
            );
            yield return new NodeResourceRow(
                node.Name,
                resource,
                node.Kubelet.Capacity(resource) ?? 0,
                node.Kubelet.Allocatable(resource) ?? 0,
                [.. holders]
            );
        }
    }

    /// <summary>Of a UUID its end: all of ours begin alike.</summary>
    private static string Short(string id) => MdevUuid.TryParse(id, out _) ? $"…{id[^12..]}" : id;

    private static Markup Status(string status) =>
        new(
            status switch
            {
                "True" => "[green]True[/]",
                "False" => "[red]False[/]",
                _ => Markup.Escape(status),
            }
        );

    private static string Text(JsonNode? node) => node?.ToString() ?? "";

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
