using System.Collections.Immutable;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Applying;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Agent;

/// <summary>
/// What did not get through lately, by purpose, and when it may be tried again: a failure with doubling waits, a user after a short one.
/// </summary>
public sealed class Setbacks(TimeProvider time)
{
    public static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(5);
    public static readonly TimeSpan LongestRetry = TimeSpan.FromMinutes(5);

    /// <summary>Nobody tells when a process closes a file: so long until it is looked at again.</summary>
    public static readonly TimeSpan UserRetry = TimeSpan.FromSeconds(2);

    private readonly Dictionary<Purpose, Entry> _entries = [];

    /// <summary>The next moment at which something becomes due that is still held back; null when nothing is.</summary>
    public DateTimeOffset? NextDue => _entries.Values.Where(e => !e.Tried).Min(e => (DateTimeOffset?)e.Due);

    /// <summary>What is held back, in the order of purposes.</summary>
    public ImmutableArray<PendingSetback> Pending =>
        [
            .. _entries
                .Where(e => !e.Value.Tried)
                .Select(e => new PendingSetback(e.Key, e.Value.Setback, e.Value.Due))
                .OrderBy(e => e.Purpose.ToString(), StringComparer.Ordinal),
        ];

    /// <summary>What must not be tried now. What is left out counts as tried again from here on.</summary>
    public ImmutableDictionary<Purpose, Setback> Active()
    {
        var now = time.GetUtcNow();
        foreach (var (purpose, entry) in _entries.Where(e => e.Value.Due <= now).ToList())
            _entries[purpose] = entry with { Tried = true };
        return _entries.Where(e => !e.Value.Tried).ToImmutableDictionary(e => e.Key, e => e.Value.Setback);
    }

    /// <summary>Everything may be tried anew: the desired state changed.</summary>
    public void Clear() => _entries.Clear();

    public void Learn(LaneOutcome outcome)
    {
        foreach (var purpose in outcome.Results.GroupBy(r => r.Step.Purpose))
        {
            switch (purpose.Last().Outcome)
            {
                case StepOutcome.Failed failed:
                    var wait =
                        _entries.TryGetValue(purpose.Key, out var earlier) && earlier.Wait != UserRetry
                            ? Min(earlier.Wait * 2, LongestRetry)
                            : FirstRetry;
                    _entries[purpose.Key] = new Entry(new Setback(failed.Reason, failed.Message), wait, time.GetUtcNow() + wait);
                    break;
                case StepOutcome.InUse inUse:
                    var message = $"in use: {string.Join("; ", inUse.Users)}; it goes on when they let go";
                    _entries[purpose.Key] = new Entry(new Setback(Reasons.InUse, message), UserRetry, time.GetUtcNow() + UserRetry);
                    break;
                default:
                    if (_entries.TryGetValue(purpose.Key, out var entry))
                        _entries[purpose.Key] = entry with { Tried = true, GotOn = true };
                    break;
            }
        }
    }

    /// <summary>
    /// Takes in what a plan still has to do. What got on and is asked for no more is through, and its failures are forgotten; until then
    /// they count on: an attempt that first undoes what the one before has left is the same attempt, whatever of it succeeds.
    /// </summary>
    public void Look(Plan plan)
    {
        var asked = plan.Lanes.SelectMany(l => l.Steps).Select(s => s.Purpose).ToHashSet();
        var through = _entries.Where(e => e.Value.GotOn && !asked.Contains(e.Key)).Select(e => e.Key).ToList();
        foreach (var purpose in through)
            _entries.Remove(purpose);
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    /// <param name="Tried">It became due and was planned for again; kept only so that the next wait is longer.</param>
    /// <param name="GotOn">Something of it was done since.</param>
    private sealed record Entry(Setback Setback, TimeSpan Wait, DateTimeOffset Due, bool Tried = false, bool GotOn = false);
}
