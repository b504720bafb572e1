using System.Collections.Immutable;
using Hostdev.Crds.Words;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>An ID that was refused at Allocate.</summary>
/// <param name="Attempts">How often in a row it was refused or failed a re-check.</param>
/// <param name="RecheckAt">When it is looked at again.</param>
/// <param name="Shown">True while the ID is shown Unhealthy; false after a good re-check, when the entry only remembers how often it
/// failed.</param>
public sealed record RefusedDevice(string Id, Reason Reason, string Message, int Attempts, DateTimeOffset RecheckAt, bool Shown);

/// <summary>
/// The refused IDs of one resource. Every refusal kills a pod whose controller makes a new one at once, so an ID stays Unhealthy until a
/// re-check is good: after 1 s, then twice as long each time, 60 s at most. A good re-check does not forget the count: an ID that passes
/// every re-check and fails every Allocate would kill a pod each second otherwise. Forgotten by a granted Allocate, or two minutes after
/// the last good re-check. Immutable; time is a parameter.
/// </summary>
public sealed record RefusalLedger(ImmutableDictionary<string, RefusedDevice> Entries)
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Memory = TimeSpan.FromMinutes(2);

    public static RefusalLedger Empty { get; } = new(ImmutableDictionary<string, RefusedDevice>.Empty);

    /// <summary>The IDs to show Unhealthy.</summary>
    public ImmutableHashSet<string> Shown => [.. Entries.Values.Where(e => e.Shown).Select(e => e.Id)];

    /// <summary>When the next re-check is due; null when none is.</summary>
    public DateTimeOffset? NextRecheck => Entries.Values.Where(e => e.Shown).Select(e => (DateTimeOffset?)e.RecheckAt).Min();

    public ImmutableArray<RefusedDevice> Due(DateTimeOffset now) =>
        [.. Entries.Values.Where(e => e.Shown && e.RecheckAt <= now).OrderBy(e => e.Id, StringComparer.Ordinal)];

    /// <summary>Notes a refusal, or a re-check that was not good.</summary>
    public RefusalLedger Refuse(string id, Reason reason, string message, DateTimeOffset now)
    {
        var before = Entries.GetValueOrDefault(id);
        var attempts = before is null || (!before.Shown && now - before.RecheckAt > Memory) ? 1 : before.Attempts + 1;
        return new RefusalLedger(Entries.SetItem(id, new RefusedDevice(id, reason, message, attempts, now + Delay(attempts), Shown: true)));
    }

    /// <summary>Notes a good re-check: the ID is shown Healthy again as far as this ledger goes.</summary>
    public RefusalLedger Pass(string id, DateTimeOffset now) =>
        Entries.TryGetValue(id, out var entry)
            ? new RefusalLedger(Entries.SetItem(id, entry with { Shown = false, RecheckAt = now }))
            : this;

    /// <summary>Forgets IDs that were granted.</summary>
    public RefusalLedger Grant(IEnumerable<string> ids) => new(Entries.RemoveRange(ids));

    private static TimeSpan Delay(int attempts) =>
        attempts > 6 ? Longest : TimeSpan.FromTicks(Math.Min(Longest.Ticks, First.Ticks << (attempts - 1)));
}
