using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>What the kernel logged of a device while something was done to it, for the sentence that says that it failed.</summary>
internal static class KernelWords
{
    private const int MostLines = 3;
    private const int LongestLine = 200;

    /// <summary><c>the kernel says: "ice 0000:3b:00.0: Only 64 vectors"</c>: the last lines; null when it said nothing of it.</summary>
    public static string? Of(IKernelLog log, DeviceId device)
    {
        var lines = log.ReadNew().Where(m => m.IsAbout(device)).Select(m => Shorten(m.Text)).Distinct(StringComparer.Ordinal).ToList();
        return lines.Count == 0 ? null : $"the kernel says: {string.Join(", ", lines.TakeLast(MostLines).Select(l => $"\"{l}\""))}";
    }

    private static string Shorten(string text) => text.Length <= LongestLine ? text : text[..LongestLine] + "…";
}
