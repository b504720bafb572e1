using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;

namespace Hostdev.Benchmarks;

/// <summary>Several measurements of one thing. What is reported of them is the median, and how far they lie apart.</summary>
internal sealed record Sample(ImmutableArray<double> Values)
{
    public double Median =>
        Sorted.Length % 2 == 1 ? Sorted[Sorted.Length / 2] : (Sorted[(Sorted.Length / 2) - 1] + Sorted[Sorted.Length / 2]) / 2;

    /// <summary>Half of the values' range, as a part of the median: what a reader should not look closer than.</summary>
    public double Noise => Median == 0 ? 0 : (Sorted[^1] - Sorted[0]) / 2 / Median;

    private ImmutableArray<double> Sorted => [.. Values.Order()];

    public static Sample Of(IEnumerable<double> values) => new([.. values]);

    /// <summary>Two actions by turns, so that what else the machine does meets both; each once before, unmeasured.</summary>
    /// <returns>Milliseconds.</returns>
    public static (Sample First, Sample Second) ByTurns(int rounds, Action first, Action second)
    {
        first();
        second();
        var (one, two) = (new List<double>(), new List<double>());
        for (var round = 0; round < rounds; round++)
        {
            one.Add(Milliseconds(first));
            two.Add(Milliseconds(second));
        }

        return (Of(one), Of(two));
    }

    /// <summary>The value with its unit's noise, for a table.</summary>
    public string Text(string format = "F2") =>
        string.Create(CultureInfo.InvariantCulture, $"{Median.ToString(format, CultureInfo.InvariantCulture)} ±{Noise * 100:F0}%");

    private static double Milliseconds(Action action)
    {
        var began = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
    }
}
