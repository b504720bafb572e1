using System.Collections.Immutable;
using System.Globalization;

namespace Hostdev.Projection;

/// <summary>
/// How much one NodeDeviceState holds. One entry too many makes the API server refuse the whole write, removals among it, and the node
/// would stay as it is for ever: so what is too much is held back, the latest first, and all else goes on.
/// </summary>
internal static class NodeRoom
{
    /// <summary>As the schema has it (crds/nodedevicestates.yaml: spec.policies maxItems).</summary>
    public const int MostPolicies = 512;

    /// <summary>
    /// Of all entries, in bytes. etcd takes 1.5 MiB for a request (its <c>--max-request-bytes</c>), of which the status may be 256 KB.
    /// </summary>
    public const int MostBytes = 1 << 20;

    /// <summary>An entry's own fields beside its kind, name, uid and spec, in bytes.</summary>
    private const int EntryBytes = 200;

    /// <summary>Whether nothing can be lacking, whatever of the two it is.</summary>
    public static bool IsAmple(ImmutableArray<GivenPolicy> given, ImmutableArray<ClusterPolicy> all) =>
        given.Length + all.Length <= MostPolicies && given.Sum(Bytes) + all.Sum(p => Bytes(p.Version)) <= MostBytes;

    /// <summary>
    /// The policies of which the node cannot get the present version. What it has stays, and is counted first; then come changes and new
    /// policies, the oldest policy first.
    /// </summary>
    /// <param name="stay">What stands in its spec and is to stay there, in whatever version.</param>
    /// <param name="wanted">What it is to have, in the present version.</param>
    public static ImmutableHashSet<PolicyKey> Lacking(IReadOnlyCollection<GivenPolicy> stay, IReadOnlyCollection<ClusterPolicy> wanted)
    {
        var (count, bytes) = (stay.Count, stay.Sum(Bytes));
        var has = stay.GroupBy(s => s.Key).ToDictionary(s => s.Key, s => s.First());
        var lacking = ImmutableHashSet.CreateBuilder<PolicyKey>();
        foreach (var policy in wanted.OrderBy(w => w.Identity.CreationTimestamp).ThenBy(w => $"{w.Key}", StringComparer.Ordinal))
        {
            var isNew = !has.TryGetValue(policy.Key, out var given);
            if (given == policy.Version)
                continue;
            var more = isNew ? Bytes(policy.Version) : Math.Max(0, Bytes(policy.Version) - Bytes(given));
            // What makes nothing longer goes through, as a removal does: also where there is too much by now.
            if ((isNew && count >= MostPolicies) || (more > 0 && bytes + more > MostBytes))
            {
                lacking.Add(policy.Key);
                continue;
            }

            (count, bytes) = (count + (isNew ? 1 : 0), bytes + more);
        }

        return lacking.ToImmutable();
    }

    /// <summary>Why the node does not get it, and what to do.</summary>
    public static string Message(NodeView node, ClusterPolicy policy)
    {
        var given = node.Given ?? [];
        var kibibytes = given.Sum(Bytes) / 1024;
        var has = string.Create(CultureInfo.InvariantCulture, $"{given.Length} policies of {kibibytes} KiB");
        var holds = string.Create(CultureInfo.InvariantCulture, $"{MostPolicies} of {MostBytes / 1024} KiB");
        var version = string.Create(CultureInfo.InvariantCulture, $"generation {policy.Identity.Generation} of {policy.Identity}");
        return $"{node.Name} has {has}, and a NodeDeviceState holds {holds}: it does not get {version}. Delete policies that "
            + "choose it and are not needed, narrow their nodeSelector, or join policies into one";
    }

    private static long Bytes(GivenPolicy it) => EntryBytes + it.Key.Kind.Length + it.Key.Name.Length + it.Uid.Length + it.Digest.Bytes;
}
