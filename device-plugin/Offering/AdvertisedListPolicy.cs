using System.Collections.Immutable;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>A device as it stood in the last list that was sent to the kubelet.</summary>
/// <param name="UnhealthySince">Since when every list said Unhealthy; null while it is listed as Healthy.</param>
public sealed record SentDevice(AdvertisedDevice Device, DateTimeOffset? UnhealthySince);

/// <summary>All that decides what the kubelet is told about one resource.</summary>
public sealed record AdvertisedListFacts
{
    /// <summary>What the inventory offers now; empty when the resource is no longer asked for.</summary>
    public ImmutableArray<AdvertisedDevice> Wanted { get; init; } = [];

    /// <summary>The last list sent, by any session.</summary>
    public ImmutableArray<SentDevice> Sent { get; init; } = [];

    /// <summary>IDs that somebody holds: from the answer on, until they are proven returned.</summary>
    public ImmutableHashSet<string> Held { get; init; } = [];

    /// <summary>When the last look at the holders began; null when there was none yet, and then nothing leaves.</summary>
    public DateTimeOffset? LookedAt { get; init; }

    /// <summary>IDs named by an Allocate that is not answered yet.</summary>
    public ImmutableHashSet<string> BeingAnswered { get; init; } = [];

    /// <summary>IDs that were refused at Allocate and have not passed a re-check since.</summary>
    public ImmutableHashSet<string> Refused { get; init; } = [];
}

/// <summary>The list to send, ordered by ID.</summary>
/// <param name="Leaving">IDs that are no longer wanted and still listed: they wait for a report that proves them free.</param>
/// <param name="LeftOut">Wanted IDs that did not fit into one message.</param>
public sealed record AdvertisedList(
    ImmutableArray<AdvertisedDevice> Devices,
    ImmutableArray<string> Leaving,
    ImmutableArray<string> LeftOut
)
{
    public static readonly AdvertisedList Empty = new([], [], []);
}

/// <summary>
/// Which devices the kubelet is told of, and how. The accident this prevents: the kubelet reads the topology of an allocated ID after the
/// Allocate without a check, so an ID that vanishes meanwhile crashes it (contracts/kubelet.md, "What breaks a kubelet").
/// </summary>
/// <param name="Settle">How long an ID is Unhealthy before it may leave: an Allocate may be on its way that chose it before the kubelet
/// read of the change.</param>
public sealed record AdvertisedListPolicy(TimeSpan Settle)
{
    /// <summary>
    /// The largest message that we take. The kubelet asks GetPreferredAllocation with every healthy ID of the list, which bounds the list;
    /// that, as a message, is always less than the 4 MiB that grpc-go takes.
    /// </summary>
    public const int RequestBytes = 256 << 10;

    /// <summary>What of it is left for the IDs that are named a second time: those that a pod's init containers had.</summary>
    private const int MustIncludeBytes = 32 << 10;

    /// <summary>The bytes of one ID beside itself: a tag, and a length of two bytes at most.</summary>
    private const int OverheadBytes = 3;

    public static AdvertisedListPolicy Default { get; } = new(TimeSpan.FromSeconds(10));

    /// <summary>
    /// The next list. An ID leaves only after it was sent Unhealthy, nobody holds it, and no Allocate naming it is being answered; an ID
    /// that somebody holds is listed even when nothing offers it. The order of the inputs does not matter.
    /// </summary>
    public AdvertisedList Next(AdvertisedListFacts facts)
    {
        var devices = new SortedDictionary<string, AdvertisedDevice>(StringComparer.Ordinal);
        var leaving = ImmutableArray.CreateBuilder<string>();
        foreach (var held in facts.Held)
            devices[held] = new AdvertisedDevice(held, Healthy: false, NumaNode: null);
        foreach (var sent in facts.Sent)
        {
            if (!MayLeave(sent, facts))
                devices[sent.Device.Id] = sent.Device with { Healthy = false };
        }

        leaving.AddRange(devices.Keys.Except(facts.Wanted.Select(d => d.Id), StringComparer.Ordinal));
        var fixedIds = devices.Keys.ToHashSet(StringComparer.Ordinal);
        var left = RequestBytes - MustIncludeBytes - fixedIds.Sum(Cost);
        var leftOut = ImmutableArray.CreateBuilder<string>();
        foreach (var wanted in facts.Wanted.OrderBy(d => d.Id, StringComparer.Ordinal))
        {
            if (!fixedIds.Contains(wanted.Id) && (left -= Cost(wanted.Id)) < 0)
                leftOut.Add(wanted.Id);
            else
                devices[wanted.Id] = wanted with { Healthy = wanted.Healthy && !facts.Refused.Contains(wanted.Id) };
        }

        return new AdvertisedList([.. devices.Values], leaving.ToImmutable(), leftOut.ToImmutable());
    }

    /// <summary>What <paramref name="list"/> makes of the sent devices when it is written at <paramref name="at"/>.</summary>
    public static ImmutableArray<SentDevice> AfterSending(
        ImmutableArray<AdvertisedDevice> list,
        ImmutableArray<SentDevice> before,
        DateTimeOffset at
    )
    {
        var since = before
            .Where(s => s.UnhealthySince is not null)
            .ToDictionary(s => s.Device.Id, s => s.UnhealthySince, StringComparer.Ordinal);
        return [.. list.Select(d => new SentDevice(d, d.Healthy ? null : since.GetValueOrDefault(d.Id) ?? at))];
    }

    private bool MayLeave(SentDevice sent, AdvertisedListFacts facts)
    {
        var id = sent.Device.Id;
        return sent.UnhealthySince is { } since
            && facts.LookedAt is { } lookedAt
            && lookedAt >= since + Settle
            && !facts.Held.Contains(id)
            && !facts.BeingAnswered.Contains(id);
    }

    private static int Cost(string id) => System.Text.Encoding.UTF8.GetByteCount(id) + OverheadBytes;
}
