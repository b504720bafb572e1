using System.Collections.Immutable;
using System.Text;

namespace Hostdev.DevicePlugin.Host;

/// <summary>
/// The kernel's form of an event: <c>add@/devices/…</c>, then <c>KEY=value</c>, each ended by NUL (kernel <c>lib/kobject_uevent.c:
/// kobject_uevent_env</c>).
/// </summary>
internal static class UeventMessage
{
    /// <summary>Null for what is no kernel event: udev's own messages begin with <c>libudev</c>, a cut message lacks its keys.</summary>
    public static Uevent? TryParse(ReadOnlySpan<byte> message)
    {
        var parts = Encoding.UTF8.GetString(message).Split('\0', StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length == 0 || !parts[0].Contains('@', StringComparison.Ordinal))
            return null;
        var properties = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var part in parts.AsSpan(1))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
                properties[part[..equals]] = part[(equals + 1)..];
        }

        return
            properties.TryGetValue("ACTION", out var action)
            && properties.TryGetValue("DEVPATH", out var path)
            && properties.TryGetValue("SUBSYSTEM", out var subsystem)
            ? new Uevent(action, path, subsystem, properties.ToImmutable())
            : null;
    }
}
