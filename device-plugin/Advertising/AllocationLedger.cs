using System.Collections.Immutable;

namespace Hostdev.DevicePlugin.Advertising;

/// <summary>One ID that was given out, until it is proven to be back.</summary>
public sealed record Allocation
{
    public required string Id { get; init; }

    public required string Resource { get; init; }

    /// <summary>The functions of the unit, as addresses.</summary>
    public required ImmutableArray<string> Functions { get; init; }

    /// <summary>The nodes of the answer that are the unit's own, with their device numbers then (<c>path=major:minor</c>).</summary>
    public required ImmutableArray<string> Nodes { get; init; }

    public required DateTimeOffset AnsweredAt { get; init; }

    /// <summary><c>namespace/name</c> once the kubelet has shown it; null before.</summary>
    public string? Pod { get; init; }

    /// <summary>When it was first missing from the kubelet's list; null while it is there.</summary>
    public DateTimeOffset? AbsentSince { get; init; }
}

/// <summary>How long it takes to prove that a device came back. The defaults are the contract's (contracts/kubelet.md, "Pod-resources API").</summary>
public sealed record ReleaseProof
{
    /// <summary>How far apart the two lists must be that both lack the ID.</summary>
    public TimeSpan Absence { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an answer may take to show in the kubelet's list.</summary>
    public TimeSpan UnseenGrace { get; init; } = TimeSpan.FromSeconds(60);
}

/// <param name="Id">The device ID.</param>
/// <param name="Pod"><c>namespace/name</c>.</param>
public sealed record PodUse(string Resource, string Id, string Pod);

/// <summary>
/// Who was given what. The kubelet's list proves use, never release (contracts/kubelet.md, "Pod-resources API"): an ID is let go only when it was missing from two
/// lists some time apart and our answer is old enough to have shown.
/// </summary>
public sealed record AllocationLedger(ImmutableSortedDictionary<string, Allocation> ById)
{
    public static AllocationLedger Empty { get; } = new(ImmutableSortedDictionary.Create<string, Allocation>(StringComparer.Ordinal));

    public AllocationLedger Record(Allocation allocation) => new(ById.SetItem(allocation.Id, allocation));

    /// <summary>Takes in one whole list of the kubelet's.</summary>
    /// <param name="known">Makes an entry for an ID that the kubelet shows in use and we do not know, for example after our state was lost; null for an ID that is not ours.</param>
    public AllocationLedger Observe(IReadOnlyCollection<PodUse> listed, DateTimeOffset now, ReleaseProof proof, Func<PodUse, Allocation?> known)
    {
        var result = ById.ToBuilder();
        foreach (var device in listed)
        {
            // Other plugins use PCI addresses as IDs too: an ID is ours only under our resource name.
            var entry = result.GetValueOrDefault(device.Id) is { } ours && ours.Resource == device.Resource ? ours : known(device);
            if (entry is not null) result[device.Id] = entry with { Pod = device.Pod, AbsentSince = null };
        }

        var present = listed.Select(d => (d.Resource, d.Id)).ToHashSet();
        foreach (var entry in ById.Values.Where(e => !present.Contains((e.Resource, e.Id))))
        {
            var seen = entry.Pod is not null || now - entry.AnsweredAt >= proof.UnseenGrace;
            if (!seen) continue;
            if (entry.AbsentSince is not { } since) result[entry.Id] = entry with { AbsentSince = now };
            else if (now - since >= proof.Absence) result.Remove(entry.Id);
        }

        return new AllocationLedger(result.ToImmutable());
    }
}
