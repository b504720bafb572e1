using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;
using Hostdev.Projection;

namespace Hostdev.Tests.Projection;

/// <summary>Policies and nodes for tests of the projection, in few words.</summary>
internal static class ClusterBuilder
{
    public static ClusterView View(IEnumerable<ClusterPolicy> policies, IEnumerable<NodeView> nodes) =>
        new()
        {
            Policies = [.. policies],
            Nodes = [.. nodes],
            Kinds = AllKinds,
        };

    public static readonly ImmutableDictionary<string, DateTimeOffset> AllKinds = (
        (string[])["HostDevice", "SriovPolicy", "MdevProfile"]
    ).ToImmutableDictionary(k => k, _ => new DateTimeOffset(2025, 1, 1, 0, 0, 0, TimeSpan.Zero));

    /// <param name="spec">YAML of the spec's fields beside nodeSelector, indented by nothing.</param>
    /// <param name="selector">YAML of nodeSelector in one line.</param>
    /// <param name="created">Minutes after the first.</param>
    public static ClusterPolicy HostDevice(
        string name,
        string resource = "example.com/gpu",
        long generation = 1,
        string selector = "{}",
        string spec = "",
        int created = 0,
        string devices = "pci: {selectors: [{vendor: \"10de\"}]}",
        string? uid = null
    ) =>
        Policy(
            "HostDevice",
            name,
            $"resourceName: {resource}\nnodeSelector: {selector}\ndevices: {{{devices}}}\n{spec}",
            generation,
            created,
            uid
        );

    public static ClusterPolicy Policy(string kind, string name, string spec, long generation, int created, string? uid)
    {
        var at = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).AddMinutes(created).ToString("O", CultureInfo.InvariantCulture);
        var text =
            $"policies:\n- kind: {kind}\n  name: {name}\n  uid: {uid ?? name + "-uid"}\n  generation: "
            + $"{generation.ToString(CultureInfo.InvariantCulture)}\n  creationTimestamp: \"{at}\"\n  spec:\n    "
            + $"{spec.TrimEnd().Replace("\n", "\n    ", StringComparison.Ordinal)}\n";
        var read = NodeDeviceStateReader.Read(text, out var error) ?? throw new InvalidOperationException(error);
        var json = YamlJson.Parse(spec, out _)!.ToJsonString();
        using var document = JsonDocument.Parse(json);
        var policy = read.Policies[0];
        return new ClusterPolicy(
            policy,
            document.RootElement.Clone(),
            SpecDigest.Of(document.RootElement),
            policy.Common?.NodeSelector ?? PolicyReader.NodeSelector(document.RootElement)
        );
    }

    /// <summary>A node with a live agent and an empty spec.</summary>
    public static NodeView Node(string name, params (string Key, string Value)[] labels) =>
        new()
        {
            Name = name,
            Uid = $"{name}-node",
            Agent = AgentPresence.Ready,
            Labels = labels.ToImmutableSortedDictionary(l => l.Key, l => l.Value),
            Given = [],
        };

    public static IEnumerable<NodeView> Nodes(int count) =>
        Enumerable.Range(1, count).Select(i => Node(string.Create(CultureInfo.InvariantCulture, $"node-{i:000}")));

    /// <summary>The node as it is once what the projection says was written.</summary>
    public static NodeView With(this NodeView node, ClusterProjection projection) =>
        projection.Specs.TryGetValue(node.Name, out var spec) ? node with { Given = [.. spec.Entries.Select(e => e.Version)] } : node;

    /// <summary>The node once it has this version of the policy in its spec.</summary>
    public static NodeView Has(this NodeView node, ClusterPolicy policy) => node with { Given = [policy.Version] };

    /// <summary>The node once its agent has reported on the policy.</summary>
    public static NodeView Reports(
        this NodeView node,
        ClusterPolicy policy,
        Reason? reason = null,
        string message = "",
        int matched = 1,
        int ready = 1,
        int blocked = 0,
        params DeviceProblem[] problems
    ) =>
        node with
        {
            Results = node.Results.SetItem(
                policy.Identity.Uid,
                new PolicyResultSummary
                {
                    Kind = policy.Identity.Kind,
                    Name = policy.Identity.Name,
                    Uid = policy.Identity.Uid,
                    Generation = policy.Identity.Generation,
                    Matched = matched,
                    Ready = ready,
                    Blocked = blocked,
                    Reason = reason ?? Reasons.Ready,
                    Message = message,
                    Problems = [.. problems],
                }
            ),
        };

    /// <summary>
    /// The node whose agent says of the policy which generation was Ready there last; 0 for none, null for an agent that does not say it.
    /// </summary>
    public static NodeView WasReady(this NodeView node, ClusterPolicy policy, long? generation)
    {
        var result = node.Results[policy.Identity.Uid] with { ReadyGeneration = generation };
        return node with { Results = node.Results.SetItem(policy.Identity.Uid, result) };
    }

    /// <summary>Each node's spec after the projection: the names and generations of its policies.</summary>
    public static string Has(this NodeView node) =>
        node.Given is { } given
            ? string.Join(' ', given.Select(g => $"{g.Key.Name}:{g.Generation}").Order(StringComparer.Ordinal))
            : "not projected";
}
