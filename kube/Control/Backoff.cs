namespace Hostdev.Kube.Control;

/// <summary>
/// How long to wait after the n-th failure in a row: doubling from the first to the longest, each a random part longer or shorter so that
/// many do not come at once.
/// </summary>
/// <param name="Jitter">0.2: between 80 % and 120 %.</param>
public sealed record Backoff(TimeSpan First, TimeSpan Longest, double Jitter = 0.2)
{
    /// <param name="failures">At least 1.</param>
    public TimeSpan After(int failures, Random random)
    {
        // 2^62 is beyond every sensible quotient, and more would overflow.
        var plain = Math.Min(First.TotalSeconds * Math.Pow(2, Math.Min(failures - 1, 62)), Longest.TotalSeconds);
        return TimeSpan.FromSeconds(plain * (1 + (Jitter * ((2 * random.NextDouble()) - 1))));
    }
}
