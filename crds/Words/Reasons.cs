using System.Collections.Frozen;

namespace Hostdev.Crds.Words;

/// <summary>
/// Every reason that a status, a condition, an Event or a refusal has, in one catalogue: whoever says one says it from here. One that is
/// new is an entry in one of the tables; the guide's rows are made from them (HOSTDEV_UPDATE_GOLDENS=1, DocumentationTests).
/// </summary>
public static partial class Reasons
{
    /// <summary>All of them, table by table.</summary>
    public static IEnumerable<Reason> All =>
        [.. Devices, .. Sriov, .. Risks.All.Select(r => r.Reason), .. Pods, .. Kubelet, .. Nodes, .. Policies];

    /// <summary>What an object says that has no reason.</summary>
    public static Reason Unsaid { get; } = new("", "", "", Ends.Unknown);

    /// <summary>
    /// What a word means that was read from an object. One that this version does not know is a reason all the same, with its name alone:
    /// nothing is known of its end, and it is no use, nothing missing and no trouble, so whoever decides by it takes it for something that
    /// is under way. A word that is known costs no memory.
    /// </summary>
    public static Reason Of(ReadOnlySpan<char> name) => Catalogue.Find(name) ?? new Reason(name.ToString(), "", "", Ends.Unknown);

    /// <summary>A type of its own, so that all tables are whole when it is made.</summary>
    private static class Catalogue
    {
        private static readonly FrozenDictionary<string, Reason>.AlternateLookup<ReadOnlySpan<char>> s_byName = All.ToFrozenDictionary(
                r => r.Name,
                StringComparer.Ordinal
            )
            .GetAlternateLookup<ReadOnlySpan<char>>();

        public static Reason? Find(ReadOnlySpan<char> name) => s_byName.TryGetValue(name, out var reason) ? reason : null;
    }
}
