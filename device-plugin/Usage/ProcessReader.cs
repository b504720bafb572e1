using System.Collections.Immutable;
using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>
/// What /proc says of the processes: the devices they have open or mapped, and the mounts of every mount namespace. A process that ends
/// meanwhile is passed over; one that cannot be looked into is not: it may use anything.
/// </summary>
internal sealed class ProcessReader(HostPaths paths, IHostCalls calls)
{
    private readonly HostFileReader _files = new(paths);
    private readonly int _self = paths.Root == "/" ? Environment.ProcessId : 0; // what this process has open is the proof itself
    private readonly ImmutableArray<OpenFile>.Builder _open = ImmutableArray.CreateBuilder<OpenFile>();
    private readonly ImmutableArray<MountedFilesystem>.Builder _mounts = ImmutableArray.CreateBuilder<MountedFilesystem>();
    private readonly HashSet<string> _namespaces = new(StringComparer.Ordinal);
    private string? _unseen;

    /// <summary>One pass over all processes.</summary>
    public static ProcessSnapshot Read(HostPaths paths, IHostCalls calls)
    {
        var reader = new ProcessReader(paths, calls);
        foreach (var pid in reader.Pids())
            reader.ReadProcess(pid);
        return new ProcessSnapshot(reader._open.ToImmutable(), reader._mounts.ToImmutable(), reader._unseen);
    }

    /// <summary>The descriptors alone.</summary>
    public static ImmutableArray<OpenFile> ReadDescriptors(HostPaths paths, IHostCalls calls)
    {
        var reader = new ProcessReader(paths, calls);
        foreach (var pid in reader.Pids().Where(p => p != reader._self))
            reader.ReadDescriptors(PathOf(pid), pid, reader.CommandOf(pid));
        return reader._open.ToImmutable();
    }

    /// <summary>Process 1 first: where many share a mount namespace, the oldest stands for it.</summary>
    private IEnumerable<int> Pids() =>
        _files
            .List("/proc")
            .Select(n => int.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0)
            .Where(p => p > 0)
            .Order();

    private void ReadProcess(int pid)
    {
        var (process, command) = (PathOf(pid), CommandOf(pid));
        ReadMounts(process, pid, command);
        if (pid == _self)
            return;
        ReadDescriptors(process, pid, command);
        ReadMappings(process, pid, command);
    }

    private static string PathOf(int pid) => string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}");

    private Lazy<string> CommandOf(int pid) => new(() => _files.ReadText(PathOf(pid) + "/comm").Text ?? "?");

    private void ReadDescriptors(string process, int pid, Lazy<string> command)
    {
        var descriptors = _files.List(process + "/fd", out var error);
        if (!error.IsSuccess)
            NotSeen(process, $"the files that process {pid} ({command.Value}) has open cannot be seen: {error}");
        foreach (var descriptor in descriptors)
        {
            var link = $"{process}/fd/{descriptor}";
            if (_files.ReadLinkText(link, out _) is not { } target)
                continue; // closed since
            if (target == OpenFile.VfioDevice)
                _open.Add(new OpenFile(pid, command.Value, target, null));
            else if (target[0] == '/')
                Add(new OpenFile(pid, "", target, calls.ReadDeviceNumber(link)), command);
        }
    }

    /// <summary>A mapping outlives the descriptor it was made with.</summary>
    private void ReadMappings(string process, int pid, Lazy<string> command)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var line in _files.ReadLines(process + "/maps"))
        {
            // proc(5): address perms offset dev inode path. Devices are mapped shared; what is private and no device by its name is program
            // text.
            var slash = line.IndexOf('/', StringComparison.Ordinal);
            if (slash < 0)
                continue;
            var path = line[slash..];
            var shared =
                line.IndexOf(' ', StringComparison.Ordinal) is > 0 and var space && space + 4 < line.Length && line[space + 4] == 's';
            if (!shared && !path.StartsWith("/dev/", StringComparison.Ordinal) && !IsPciMemory(path))
                continue;
            if (!seen.Add(path))
                continue;
            Add(new OpenFile(pid, "", path, calls.ReadDeviceNumber($"{process}/map_files/{RangeOf(line)}"), Mapped: true), command);
        }
    }

    private void Add(OpenFile file, Lazy<string> command)
    {
        if (file.Number is null && !IsPciMemory(file.Target))
            return;
        var target = file.Target.EndsWith(" (deleted)", StringComparison.Ordinal) ? file.Target[..^10] : file.Target;
        _open.Add(file with { Target = target, Command = command.Value });
    }

    private void ReadMounts(string process, int pid, Lazy<string> command)
    {
        var mountNamespace = _files.ReadLinkText(process + "/ns/mnt", out var error);
        if (mountNamespace is null)
        {
            if (error == Errno.EACCES || error == Errno.EPERM)
                NotSeen(process, $"the mounts that process {pid} ({command.Value}) sees cannot be read: {error}");
            return;
        }

        if (!_namespaces.Add(mountNamespace))
            return;
        var any = false;
        foreach (var line in _files.ReadLines(process + "/mountinfo"))
        {
            any = true;
            if (ParseMount(line, pid, command) is { } mount)
                _mounts.Add(mount);
        }

        if (!any)
            _namespaces.Remove(mountNamespace); // it ended: the next process of this namespace tells
    }

    private void NotSeen(string process, string what)
    {
        if (_files.Exists(process))
            _unseen ??= what;
    }

    /// <summary><c>map_files</c> names the range without the leading zeros that <c>maps</c> prints.</summary>
    private static string RangeOf(string line) =>
        string.Join(
            '-',
            line[..line.IndexOf(' ', StringComparison.Ordinal)]
                .Split('-')
                .Select(a => a.TrimStart('0') is { Length: > 0 } trimmed ? trimmed : "0")
        );

    /// <summary>
    /// <c>resource0</c>, <c>resource0_wc</c> of a function: its memory, without a driver (kernel <c>Documentation/PCI/sysfs-pci.rst</c>).
    /// </summary>
    private static bool IsPciMemory(string path) =>
        path.StartsWith("/sys/", StringComparison.Ordinal)
        && path.LastIndexOf('/') is var slash
        && path.AsSpan(slash + 1).StartsWith("resource")
        && path.Length > slash + 9
        && char.IsAsciiDigit(path[slash + 9]);

    // proc(5), mountinfo: id parent major:minor root mountpoint options [optional...] - type source superoptions
    private static MountedFilesystem? ParseMount(string line, int pid, Lazy<string> command)
    {
        var fields = line.Split(' ');
        var dash = Array.IndexOf(fields, "-");
        if (fields.Length < 10 || dash < 6 || dash + 2 >= fields.Length)
            return null;
        return new MountedFilesystem(fields[2], Unescape(fields[4]), Unescape(fields[dash + 2]), pid, command.Value)
        {
            Type = fields[dash + 1],
            Options = [.. fields.ElementAtOrDefault(dash + 3)?.Split(',') ?? []],
        };
    }

    /// <summary>Blank, tab, newline and backslash are octal there (kernel <c>fs/proc_namespace.c: mangle</c>).</summary>
    internal static string Unescape(string text) =>
        text.Replace("\\040", " ", StringComparison.Ordinal)
            .Replace("\\011", "\t", StringComparison.Ordinal)
            .Replace("\\012", "\n", StringComparison.Ordinal)
            .Replace("\\134", "\\", StringComparison.Ordinal);
}
