using System.Collections.Immutable;
using System.Globalization;

namespace Hostdev.DevicePlugin.Host;

/// <summary>
/// Whether this process can see who uses a device. An agent that cannot would take a disk from under its mount, so it refuses to work.
/// </summary>
public static class HostAccess
{
    private const int CapSysPtrace = 19; // linux/capability.h

    /// <summary>What is missing, each with its remedy; empty when nothing is.</summary>
    public static ImmutableArray<string> Missing(HostPaths paths)
    {
        var missing = ImmutableArray.CreateBuilder<string>();
        if (!Environment.IsPrivilegedProcess)
            missing.Add("it is not root: run it as root");
        // The kernel's own thread 2 shows only in the first PID namespace.
        if (Read(paths, "/proc/2/comm").Trim() != "kthreadd")
            missing.Add("it does not see the host's processes: use the host's PID namespace (hostPID: true)");
        if (Link(paths, "/proc/self/ns/net") != Link(paths, "/proc/1/ns/net"))
            missing.Add("it does not see the host's network: use the host's network namespace (hostNetwork: true)");
        if (!HasPtrace(Read(paths, "/proc/self/status")))
            missing.Add("it may not see which files processes have open: add the capability SYS_PTRACE");
        var mounts = Read(paths, "/proc/self/mounts").Split('\n').Select(l => l.Split(' ')).Where(f => f.Length > 3).ToList();
        if (!mounts.Any(m => m[1] == "/sys" && m[3].Split(',').Contains("rw")))
            missing.Add("/sys is not writable: mount the host's /sys read-write (privileged: true)");
        if (!mounts.Any(m => m[1] == "/dev" && m[2] == "devtmpfs"))
            missing.Add("/dev is not the host's: mount the host's /dev");
        return missing.ToImmutable();
    }

    private static bool HasPtrace(string status)
    {
        var line = status.Split('\n').FirstOrDefault(l => l.StartsWith("CapEff:", StringComparison.Ordinal));
        return line is not null
            && ulong.TryParse(line["CapEff:".Length..].Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var caps)
            && (caps >> CapSysPtrace & 1) == 1;
    }

    private static string Read(HostPaths paths, string path)
    {
        try
        {
            return File.ReadAllText(paths.Resolve(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static string? Link(HostPaths paths, string path)
    {
        try
        {
            return new FileInfo(paths.Resolve(path)).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
