using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Hostdev.Projection;

/// <summary>Labels that tell what a node's agent has found there: for schedulers and people, not for Hostdev itself.</summary>
public static partial class NodeLabels
{
    private const string Prefix = "hostdev.io/pci-";

    /// <summary>
    /// The labels that the node shall have, by key; null where nobody knows: an agent that has not reported yet, or not of all devices,
    /// takes nothing away.
    /// </summary>
    public static ImmutableSortedSet<string>? Of(NodeView node)
    {
        if (node.IsTruncated)
            return null;
        if (node.PciIds is { } ids)
            return [.. ids.Where(i => Ids().IsMatch(i)).Select(i => $"{Prefix}{i.Replace(':', '-')}.present")];
        return node.Agent == AgentPresence.None ? [] : null;
    }

    public static bool HasAny(IReadOnlyDictionary<string, string> labels) =>
        labels.Keys.Any(k => k.StartsWith(Prefix, StringComparison.Ordinal));

    /// <summary>Those of our kind that the node has with the value <c>true</c>.</summary>
    public static ImmutableSortedSet<string> On(IReadOnlyDictionary<string, string> labels) =>
        [.. labels.Where(l => l.Value == "true" && Key().IsMatch(l.Key)).Select(l => l.Key)];

    [GeneratedRegex("^[0-9a-f]{4}:[0-9a-f]{4}$")]
    private static partial Regex Ids();

    [GeneratedRegex(@"^hostdev\.io/pci-[0-9a-f]{4}-[0-9a-f]{4}\.present$")]
    private static partial Regex Key();
}
