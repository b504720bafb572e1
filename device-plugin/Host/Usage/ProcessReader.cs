using System.Collections.Immutable;
using System.Globalization;

namespace Hostdev.DevicePlugin.Host.Usage;

/// <summary>A descriptor that a process has open on a device node.</summary>
/// <param name="Target">The node as the kernel names it in the process's mount namespace, without <c> (deleted)</c>.</param>
internal sealed record OpenNode(int Pid, string Command, string Target);

/// <param name="Source">The mounted device as mountinfo names it.</param>
/// <param name="DeviceNumber"><c>major:minor</c>; anonymous for btrfs and the like.</param>
internal sealed record MountedFilesystem(string DeviceNumber, string MountPoint, string Source, int Pid);

/// <summary>What /proc says of the processes: open device nodes, and mounts in every mount namespace. A process that ends meanwhile is passed over.</summary>
internal sealed class ProcessReader(HostPaths paths)
{
    private readonly int _self = Environment.ProcessId;

    /// <summary>Open descriptors on <c>/dev</c> nodes of all processes but this one.</summary>
    public ImmutableArray<OpenNode> ReadOpenNodes()
    {
        var result = ImmutableArray.CreateBuilder<OpenNode>();
        foreach (var pid in Pids())
        {
            if (pid == _self && paths.Root == "/") continue;
            string? command = null;
            foreach (var target in LinkTargets(paths.Resolve($"/proc/{pid}/fd")))
            {
                if (!target.StartsWith("/dev/", StringComparison.Ordinal) || IsEveryday(target)) continue;
                command ??= ReadText($"/proc/{pid}/comm").Trim();
                result.Add(new OpenNode(pid, command, target.EndsWith(" (deleted)", StringComparison.Ordinal) ? target[..^10] : target));
            }
        }

        return result.ToImmutable();
    }

    /// <summary>Mounts of all mount namespaces, each namespace read once.</summary>
    public ImmutableArray<MountedFilesystem> ReadMounts()
    {
        var result = ImmutableArray.CreateBuilder<MountedFilesystem>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var pid in Pids())
        {
            if (!seen.Add(LinkTarget(paths.Resolve($"/proc/{pid}/ns/mnt")) ?? $"pid {pid}")) continue;
            foreach (var line in ReadText($"/proc/{pid}/mountinfo").Split('\n'))
            {
                if (ParseMount(line, pid) is { } mount) result.Add(mount);
            }
        }

        return result.ToImmutable();
    }

    /// <summary>Swap devices of /proc/swaps, as named there.</summary>
    public ImmutableArray<string> ReadSwaps() =>
        [.. ReadText("/proc/swaps").Split('\n').Skip(1).Select(l => l.Split([' ', '\t'], 2)[0]).Where(n => n.Length > 0)];

    // proc(5), mountinfo: id parent major:minor root mountpoint options [optional...] - type source superoptions
    private static MountedFilesystem? ParseMount(string line, int pid)
    {
        var fields = line.Split(' ');
        var dash = Array.IndexOf(fields, "-");
        return fields.Length < 10 || dash < 6 || dash + 2 >= fields.Length ? null : new MountedFilesystem(fields[2], Unescape(fields[4]), Unescape(fields[dash + 2]), pid);
    }

    private static string Unescape(string text) => text.Replace("\\040", " ", StringComparison.Ordinal).Replace("\\011", "\t", StringComparison.Ordinal).Replace("\\134", "\\", StringComparison.Ordinal);

    private static bool IsEveryday(string target) =>
        target is "/dev/null" or "/dev/zero" or "/dev/urandom" or "/dev/random" or "/dev/tty" or "/dev/ptmx" or "/dev/vfio/vfio" or "/dev/console"
        || target.StartsWith("/dev/pts/", StringComparison.Ordinal) || target.StartsWith("/dev/shm/", StringComparison.Ordinal);

    private List<int> Pids()
    {
        try
        {
            return [.. Directory.EnumerateDirectories(paths.Resolve("/proc")).Select(Path.GetFileName).Select(n => int.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out var p) ? p : 0).Where(p => p > 0).Order()];
        }
        catch (IOException)
        {
            return []; // a root without /proc has no processes
        }
    }

    private static List<string> LinkTargets(string directory)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(directory).Select(LinkTarget).OfType<string>()];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return []; // it ended
        }
    }

    private static string? LinkTarget(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private string ReadText(string hostPath)
    {
        try
        {
            return File.ReadAllText(paths.Resolve(hostPath));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
