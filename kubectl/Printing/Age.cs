using System.Globalization;

namespace Hostdev.Kubectl.Printing;

/// <summary>
/// How long ago, as kubectl writes it: one unit, or two while the first is small (apimachinery <c>duration.HumanDuration</c>).
/// </summary>
public static class Age
{
    /// <summary>Null for a time that is not known; what lies ahead is 0.</summary>
    public static string? Of(DateTimeOffset? time, DateTimeOffset now)
    {
        if (time is not { } then)
            return null;
        var ago = now > then ? now - then : TimeSpan.Zero;
        return ago switch
        {
            { TotalMinutes: < 2 } => Text(ago.TotalSeconds, "s"),
            { TotalMinutes: < 10 } => Text(ago.TotalMinutes, "m", ago.Seconds, "s"),
            { TotalHours: < 3 } => Text(ago.TotalMinutes, "m"),
            { TotalHours: < 8 } => Text(ago.TotalHours, "h", ago.Minutes, "m"),
            { TotalHours: < 48 } => Text(ago.TotalHours, "h"),
            { TotalDays: < 8 } => Text(ago.TotalDays, "d", ago.Hours, "h"),
            { TotalDays: < 730 } => Text(ago.TotalDays, "d"),
            _ => Text(ago.TotalDays / 365, "y"),
        };
    }

    private static string Text(double first, string unit, int second = 0, string smaller = "") =>
        string.Create(CultureInfo.InvariantCulture, $"{(long)first}{unit}") + (second == 0 ? "" : $"{second}{smaller}");
}
