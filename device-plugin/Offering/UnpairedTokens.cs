using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>
/// Containers that have companions and the resource that these go with in unequal number. At Allocate it cannot be seen: the kubelet asks
/// for each resource by itself, and names neither the pod nor the container.
/// </summary>
/// <param name="Seen">By pod and container, what was found there and since when the kubelet's lists have it so: while a pod is admitted, it
/// has one and not yet the other.</param>
public sealed record UnpairedTokens(ImmutableSortedDictionary<string, (Finding Finding, DateTimeOffset Since, bool IsSettled)> Seen)
{
    public static UnpairedTokens None { get; } =
        new(ImmutableSortedDictionary.Create<string, (Finding, DateTimeOffset, bool)>(StringComparer.Ordinal));

    /// <summary>What is not merely a pod that is being admitted.</summary>
    public ImmutableArray<Finding> Findings => [.. Seen.Values.Where(s => s.IsSettled).Select(s => s.Finding)];

    /// <summary>Takes in one look at the kubelet; a list that could not be read changes nothing.</summary>
    /// <param name="settle">How long it must have been so before it is said.</param>
    public UnpairedTokens Observe(PodUseReading reading, Catalog catalog, DateTimeOffset asOf, TimeSpan settle)
    {
        if (reading is not PodUseReading.Listed listed)
            return this;
        var pairs = catalog
            .Units.Values.SelectMany(u => u.Unit.Companions.Select(c => (c.Name, u.Unit)))
            .DistinctBy(p => p.Name)
            .Select(p => (p.Name, p.Unit, Each: p.Unit.Companions.Count(c => c.Name == p.Name)))
            .ToList();
        var found =
            from pod in listed.Devices.GroupBy(d => d.Pod, StringComparer.Ordinal)
            from pair in pairs
            from container in pod.GroupBy(d => d.Container, StringComparer.Ordinal)
            let finding = Judge(pair.Unit, pair.Name, pair.Each, [.. pod], container.Key)
            where finding is not null
            select (Key: $"{pod.Key}/{container.Key} {pair.Name}", Finding: finding);
        return new UnpairedTokens(
            found.ToImmutableSortedDictionary(
                f => f.Key,
                f =>
                {
                    var since = Seen.TryGetValue(f.Key, out var before) && before.Finding == f.Finding ? before.Since : asOf;
                    return (f.Finding, since, asOf - since >= settle);
                },
                StringComparer.Ordinal
            )
        );
    }

    private static Finding? Judge(Unit like, ResourceName companion, int each, ImmutableArray<PodUse> pod, string container)
    {
        var tokens = pod.Where(d => d.Container == container && d.Resource == companion.Value).ToList();
        var units = pod.Where(d => d.Resource == like.Resource.Value).ToList();
        var here = units.Count(u => u.Container == container);
        if (tokens.Count == 0 || tokens.Count == each * here)
            return null;
        var has = $"container {container} of pod {tokens[0].Pod} has {tokens.Count} of {companion}";
        var ask =
            each == 1 ? $"ask for as many of {companion} as of {like.Resource}" : $"ask for {each} of {companion} for each {like.Resource}";
        var message =
            here == 0 && units.Count > 0
                ? $"{has}, and {like.Resource} is in container {units[0].Container}: they never meet; ask for both in one container"
            : here == 0 ? $"{has} and none of {like.Resource}, so that there is nothing to give: {ask}, in one container"
            : tokens.Count > each * here
                ? $"{has} and only {here} of {like.Resource}: there is no device for each, and the launcher of a VM does not start; {ask}"
            : $"{has} and {here} of {like.Resource}: the VM gets the companions of those with the lowest addresses alone; {ask}";
        var device = units.Count > 0 ? units[0].Id : tokens[0].Id;
        return new Finding(like.Policy, device, FindingState.Noticed, Reasons.CompanionsUnpaired, message);
    }
}
