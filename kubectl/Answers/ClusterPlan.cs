using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Serialization;
using Hostdev.Kubectl.Printing;

namespace Hostdev.Kubectl.Answers;

/// <summary>What a change of policies comes to in a cluster.</summary>
public sealed record ClusterPlan
{
    /// <summary>Said with every plan, because no report has it.</summary>
    public const string KnownToNodesAlone =
        "Known to each node alone, and taken for harmless here: what of the host uses a device (mounts, addresses, open files), whether "
        + "it can be reset, what else is in its IOMMU group beside PCI functions, and what files of it read. The agent asks all of it "
        + "before it takes anything";

    /// <summary>What was asked about, in that order.</summary>
    public required ImmutableArray<PolicyOutlook> Policies { get; init; }

    /// <summary>How many nodes there are that run an agent, or have a state.</summary>
    public required int Nodes { get; init; }

    /// <summary>Node by node in the order of names.</summary>
    public required ImmutableArray<PlannedChange> Changes { get; init; }

    /// <summary>What is known only when it is done, and how it was taken to be: each once, with the nodes that it is about.</summary>
    public required ImmutableArray<string> Assumptions { get; init; }

    /// <summary><see cref="KnownToNodesAlone"/>; null where nothing changes.</summary>
    public string? Unknowable => Changes.IsEmpty ? null : KnownToNodesAlone;

    /// <summary>
    /// As <c>plan</c> on a node ends: 0 nothing changes, 2 something does or is not known, 3 something is blocked or refused.
    /// </summary>
    [JsonIgnore]
    public int ExitCode =>
        Policies.Any(p => p.IsRefused) || Changes.Any(c => c.Change == PlannedUse.Blocked) ? 3
        : Changes.IsEmpty ? 0
        : 2;

    public static ClusterPlan Of(PolicyChanges changes, int nodes, IReadOnlyCollection<NodePlan> plans) =>
        new()
        {
            Policies = changes.Policies,
            Nodes = nodes,
            Changes = [.. plans.OrderBy(p => p.Node, StringComparer.Ordinal).SelectMany(p => p.Changes)],
            Assumptions =
            [
                .. plans
                    .SelectMany(p => p.Assumptions, (p, a) => (p.Node, Assumption: a))
                    .GroupBy(a => a.Assumption, a => a.Node, StringComparer.Ordinal)
                    .Select(g => $"{g.Key} ({Some([.. g.Order(StringComparer.Ordinal)])})"),
            ],
        };

    /// <summary>Each becomes a line.</summary>
    public IEnumerable<string> Lines(OutputForm form)
    {
        foreach (var policy in Policies)
        {
            foreach (var line in Words(policy))
                yield return line;
        }

        yield return Summary();
        if (!Changes.IsEmpty)
        {
            yield return "";
            foreach (var line in ListPrinter<PlannedChange>.Lines(form, Listings.PlannedChanges, Changes))
                yield return line;
            yield return "";
            foreach (var assumption in Assumptions)
                yield return $"Assumed: {assumption}";
            yield return KnownToNodesAlone;
        }
    }

    private static IEnumerable<string> Words(PolicyOutlook policy)
    {
        yield return policy.Change switch
        {
            PolicyChange.Refused => $"{policy.Policy} would be refused: {policy.Message}",
            PolicyChange.Same => $"{policy.Policy} says what is there already; its nodeSelector picks {Of(policy)}",
            PolicyChange.Deleted => $"{policy.Policy} would be deleted; its nodeSelector picks {Of(policy)}",
            PolicyChange.New => $"{policy.Policy} would be new; its nodeSelector picks {Of(policy)}",
            _ => $"{policy.Policy} would change; its nodeSelector picks {Of(policy)}",
        };
        if (policy is { Change: not PolicyChange.Refused, Message: not null })
            yield return $"  no node would get it: {policy.Reason}: {policy.Message}";
        if (policy.AtATime is { } limit && policy.Change is PolicyChange.New or PolicyChange.Changed && policy.Selected > 0)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"  nodes change {limit} at a time")
                + (policy.First.IsEmpty ? "" : $", first {Some(policy.First)}");
        }

        if (!policy.WithoutRoom.IsEmpty)
            yield return $"  no room for one more policy: {Some(policy.WithoutRoom)}";
    }

    private static string Of(PolicyOutlook policy) =>
        string.Create(CultureInfo.InvariantCulture, $"{policy.Selected} of {policy.Nodes} node{(policy.Nodes == 1 ? "" : "s")}");

    private string Summary()
    {
        var byNode = Changes.GroupBy(c => c.Node, StringComparer.Ordinal).ToList();
        int With(PlannedUse use) => byNode.Count(n => n.Any(c => c.Change == use));
        ImmutableArray<(string What, int Count)> counts =
        [
            ("on which something is blocked", With(PlannedUse.Blocked)),
            ("that wait for who has a device", byNode.Count(n => n.Any(c => c.Change is PlannedUse.Waiting or PlannedUse.Releasing))),
            ("of which something is not known", With(PlannedUse.Unknown)),
        ];
        var some = counts.Where(c => c.Count > 0).Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Count} {c.What}"));
        return byNode.Count == 0
            ? string.Create(CultureInfo.InvariantCulture, $"Nothing changes on any of {Nodes} nodes.")
            : string.Create(CultureInfo.InvariantCulture, $"Something changes on {byNode.Count} of {Nodes} nodes")
                + string.Concat(some.Select(s => $"; {s}"))
                + ".";
    }

    private static string Some(ImmutableArray<string> nodes) =>
        nodes.Length <= 5
            ? string.Join(", ", nodes)
            : string.Create(CultureInfo.InvariantCulture, $"{string.Join(", ", nodes.Take(4))} and {nodes.Length - 4} more");
}
