using System.Collections.Immutable;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// Whether another plugin wants our resource name too, as far as this kubelet shows it: it ends our streams, or goes by another's list.
/// After a number of times within a window the name is given up, for a while that doubles, or until a socket of another plugin comes or
/// goes. Immutable; time is a parameter.
/// </summary>
/// <param name="Losses">When it was lost to somebody, within the window.</param>
/// <param name="Counted">How many of the current server's lost streams are in <paramref name="Losses"/> already.</param>
/// <param name="Until">Until when the name is left alone; null while we want it.</param>
/// <param name="GivenUp">How often in a row it was given up.</param>
/// <param name="Others">The other plugins' sockets when it was given up.</param>
internal sealed record NameContest(
    ImmutableArray<DateTimeOffset> Losses,
    int Counted,
    DateTimeOffset? Until,
    int GivenUp,
    ImmutableArray<string> Others
)
{
    public static NameContest None { get; } = new([], 0, null, 0, []);

    /// <summary>Register again at once after the first loss, then with growing waits.</summary>
    public DateTimeOffset NotBefore =>
        Losses.Length < 2 ? DateTimeOffset.MinValue : Losses[^1] + TimeSpan.FromMilliseconds(100 << Math.Min(Losses.Length - 2, 8));

    /// <summary>Takes in how many streams the current server lost. The same instance when nothing changed.</summary>
    public NameContest Observe(int lostStreams, Func<ImmutableArray<string>> others, DateTimeOffset now, KubeletTimings timings)
    {
        if (Until is { } until)
        {
            return now < until && others().SequenceEqual(Others, StringComparer.Ordinal)
                ? this
                : this with
                {
                    Losses = [],
                    Counted = lostStreams,
                    Until = null,
                };
        }

        var fresh = Math.Max(0, lostStreams - Counted);
        return fresh == 0 && Losses.All(t => now - t <= timings.TakeoverWindow)
            ? this
            : Lose(fresh, others, now, timings) with
            {
                Counted = lostStreams,
            };
    }

    /// <summary>Notes that the kubelet goes by another's list though our stream lives.</summary>
    public NameContest Displaced(Func<ImmutableArray<string>> others, DateTimeOffset now, KubeletTimings timings) =>
        Lose(1, others, now, timings);

    private NameContest Lose(int times, Func<ImmutableArray<string>> others, DateTimeOffset now, KubeletTimings timings)
    {
        ImmutableArray<DateTimeOffset> losses = [.. Losses.Where(t => now - t <= timings.TakeoverWindow), .. Enumerable.Repeat(now, times)];
        if (losses.Length < timings.Takeovers)
            return this with { Losses = losses };
        var wait = TimeSpan.FromTicks(Math.Min(timings.LongestContestedRetry.Ticks, timings.ContestedRetry.Ticks << Math.Min(GivenUp, 20)));
        return this with { Losses = losses, Until = now + wait, GivenUp = GivenUp + 1, Others = others() };
    }
}
