using System.Globalization;

namespace Hostdev.DevicePlugin.Agent;

/// <summary>
/// Whether a loop still comes round: before everything that takes time it says how long that may take at most. Thread-safe.
/// </summary>
public sealed class LoopPulse(TimeProvider time)
{
    private volatile Expectation? _next;

    /// <summary>
    /// That the loop has not come round in the time it gave itself, as a sentence; null while it has, and before it began.
    /// </summary>
    public string? Problem =>
        _next is { } next && time.GetElapsedTime(next.Since) is var elapsed && elapsed > next.Within
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"the agent's loop has not come round for {elapsed.TotalSeconds:0} s, and "
                    + $"{next.Within.TotalSeconds:0} s are the most it should take"
            )
            : null;

    public void Expect(TimeSpan within) => _next = new Expectation(time.GetTimestamp(), within);

    private sealed record Expectation(long Since, TimeSpan Within);
}
