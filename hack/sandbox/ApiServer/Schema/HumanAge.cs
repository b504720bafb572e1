using System.Globalization;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// Durations as <c>kubectl get</c> shows them (apimachinery <c>util/duration.HumanDuration</c>): two units at most, fewer digits the older
/// it is.
/// </summary>
internal static class HumanAge
{
    public static string Of(DateTimeOffset then, DateTimeOffset now) => Of(now - then);

    public static string Of(TimeSpan age)
    {
        var (seconds, minutes, hours) = ((long)age.TotalSeconds, (long)age.TotalMinutes, (long)age.TotalHours);
        var days = hours / 24;
        return seconds switch
        {
            < -1 => "<invalid>",
            < 0 => "0s",
            < 2 * 60 => Text(seconds, "s"),
            _ when minutes < 10 => Text(minutes, "m", seconds % 60, "s"),
            _ when minutes < 3 * 60 => Text(minutes, "m"),
            _ when hours < 8 => Text(hours, "h", minutes % 60, "m"),
            _ when hours < 48 => Text(hours, "h"),
            _ when days < 8 => Text(days, "d", hours % 24, "h"),
            _ when days < 2 * 365 => Text(days, "d"),
            _ when days < 8 * 365 => Text(days / 365, "y", days % 365, "d"),
            _ => Text(days / 365, "y"),
        };
    }

    private static string Text(long number, string unit, long rest = 0, string restUnit = "") =>
        rest == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{number}{unit}")
            : string.Create(CultureInfo.InvariantCulture, $"{number}{unit}{rest}{restUnit}");
}
