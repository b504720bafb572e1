using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>What the kernel logged of a device while something was done to it, for the sentence that says that it failed.</summary>
internal static class KernelWords
{
    private const int MostLines = 3;
    private const int LongestLine = 200;

    /// <summary><c>the kernel says: "ice 0000:3b:00.0: Only 64 vectors"</c>: the last lines; null when it said nothing of it.</summary>
    public static string? Of(IKernelLog log, DeviceId device) => InWords(Lines(log, device));

    /// <summary>All that it said of the device since it was last asked, in order, nothing twice.</summary>
    public static IReadOnlyList<string> Lines(IKernelLog log, DeviceId device) =>
        [.. log.ReadNew().Where(m => m.IsAbout(device)).Select(m => m.Text).Distinct(StringComparer.Ordinal)];

    /// <summary>As <see cref="Of"/>.</summary>
    public static string? InWords(IReadOnlyList<string> lines) =>
        lines.Count == 0 ? null : $"the kernel says: {string.Join(", ", lines.TakeLast(MostLines).Select(l => $"\"{Shorten(l)}\""))}";

    private static string Shorten(string text) => text.Length <= LongestLine ? text : text[..LongestLine] + "…";
}
