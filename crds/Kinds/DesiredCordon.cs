using System.Globalization;

namespace Hostdev.Crds.Kinds;

/// <summary>
/// One entry of <c>spec.cordons</c>: by an admin's word a device is not given out, whatever policies offer. What is written badly ends no
/// cordon that can be understood.
/// </summary>
public abstract record DesiredCordon
{
    private DesiredCordon() { }

    /// <param name="Device">It need not be there: it may come back.</param>
    /// <param name="Why">The admin's words, as they were written; empty where there are none.</param>
    /// <param name="By">Who said so, as the API server calls him; null where nobody wrote it.</param>
    /// <param name="Since">When; null where nobody wrote it.</param>
    public sealed record OfDevice(DeviceId Device, string Why, string? By = null, DateTimeOffset? Since = null) : DesiredCordon
    {
        /// <summary>Whose it is and what he says, in one line, going on after "cordoned": <c> by ann since 2027-01-02T03:04:05Z: fans</c>.
        /// </summary>
        public string Words =>
            (By is null ? "" : $" by {By}") + (Since is { } since ? $" since {Text(since)}" : "") + (Why.Length == 0 ? "" : $": {Why}");

        private static string Text(DateTimeOffset time) =>
            time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
    }

    /// <param name="At">The field: <c>spec.cordons[2]</c>.</param>
    /// <param name="Message">What is wrong there and what to write.</param>
    public sealed record NotUnderstood(string At, string Message) : DesiredCordon;
}
