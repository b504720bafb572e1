using System.Collections.Immutable;
using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.DevicePlugin.Usage;

/// <param name="Unseen">Why not all of it could be seen, in words; null when it was.</param>
/// <param name="Looked">How many descriptors and mappings were gone through.</param>
internal sealed record ProcessFiles(ImmutableArray<OpenFile> Open, string? Unseen, int Looked);

/// <summary>
/// What one process has open and mapped, of what a look keeps. What the kernel says of the file itself decides; the name that the process
/// has for it is only told.
/// </summary>
/// <param name="most">So many are gone through, and no more.</param>
/// <param name="pulse">Called as it gets on.</param>
internal sealed class OpenFileReader(HostFileReader files, IHostCalls calls, OpenFileFilter filter, int pid, int most, Action pulse)
{
    private readonly string _process = ProcessReader.PathOf(pid);
    private readonly Lazy<string> _command = new(() => ProcessReader.CommandOf(files, pid));
    private readonly ImmutableArray<OpenFile>.Builder _open = ImmutableArray.CreateBuilder<OpenFile>();
    private readonly HashSet<(DeviceNumber? Number, string? Memory, bool Mapped)> _kept = [];
    private bool _hasVfioDevice;
    private string? _unseen;
    private int _looked;

    public ProcessFiles Read(bool withMappings)
    {
        ReadDescriptors();
        // A mapping outlives the descriptor it was made with.
        if (withMappings && _unseen is null)
            ReadMappings();
        return new ProcessFiles(_open.ToImmutable(), _unseen, _looked);
    }

    private string Name => string.Create(CultureInfo.InvariantCulture, $"process {pid} ({_command.Value})");

    private bool IsTooMuch()
    {
        pulse();
        if (_looked++ < most)
            return false;
        NotSeen($"{Name} has more files open than are looked through, and may use anything by those after the first {most}");
        return true;
    }

    private void ReadDescriptors()
    {
        var directory = _process + "/fd";
        if (calls.Look(directory) is { Error.IsSuccess: true, Size: var count } && count > (ulong)most)
        {
            NotSeen($"{Name} has {count} files open, which are not looked through, and may use anything by them");
            return;
        }

        var error = files.ForEachName(directory, name => !IsTooMuch() && Descriptor(directory, name));
        if (!error.IsSuccess)
            NotSeen($"the files that {Name} has open cannot be seen: {error}");
    }

    private bool Descriptor(string directory, string name)
    {
        var link = $"{directory}/{name}";
        var look = calls.Look(link);
        if (look.Error == Errno.ENOENT || look.Error == Errno.ESRCH)
            return true; // closed since
        if (look.Kind == FileKind.Anonymous && filter.Memory is not null && !_hasVfioDevice)
            Vfio(files.ReadLinkText(link, out _));
        if (IsWanted(link, look, mapped: false, out var memory) && !IsPathAlone(link, name))
            Keep(link, look, memory, mapped: false);
        return true;
    }

    private void ReadMappings()
    {
        foreach (var line in files.ReadLines(_process + "/maps"))
        {
            if (IsTooMuch())
                return;
            // proc(5): address perms offset dev inode path. Devices are mapped shared; what is private and no device by its name is program
            // text.
            var fields = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
            if (fields is not [var range, { Length: 4 } permissions, _, _, var number, var padded])
                continue;
            var path = padded.TrimStart();
            if (filter.Memory is not null && !_hasVfioDevice)
                Vfio(path);
            var isMemory =
                ulong.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var inode) && filter.Memory?.Has(inode) == true;
            if (path is not ['/', ..] || !(isMemory || permissions[3] == 's' || path.StartsWith("/dev/", StringComparison.Ordinal)))
                continue;
            var link = $"{_process}/map_files/{RangeOf(range)}";
            var look = calls.Look(link);
            if (look.Error != Errno.ENOENT && look.Error != Errno.ESRCH && IsWanted(link, look, mapped: true, out var memory))
                Keep(link, look, memory, mapped: true);
        }
    }

    private void Vfio(string? target)
    {
        if (target != OpenFile.VfioDevice)
            return;
        _hasVfioDevice = true;
        _open.Add(new OpenFile(pid, _command.Value, target, null));
    }

    private bool IsWanted(string link, FileLook look, bool mapped, out string? memory)
    {
        memory = look.Device is null ? filter.Memory?.PathOf(link, look) : null;
        if (!look.Error.IsSuccess && memory is null && files.ReadLinkText(link, out _) is ['/', 'd', 'e', 'v', '/', ..] name)
            NotSeen($"what {Name} has open as {name} cannot be looked at: {look.Error}");
        return (look.Device is { } device ? filter.IsWanted(device) : memory is not null) && !_kept.Contains((look.Device, memory, mapped));
    }

    private void Keep(string link, FileLook look, string? memory, bool mapped)
    {
        var target = files.ReadLinkText(link, out var error);
        if (error == Errno.ENOENT || error == Errno.ESRCH)
            return;
        // A name that is too long for the kernel hides nothing.
        target ??= memory ?? $"a node of the device {look.Device}";
        if (target.EndsWith(" (deleted)", StringComparison.Ordinal))
            target = target[..^10];
        _kept.Add((look.Device, memory, mapped));
        _open.Add(new OpenFile(pid, _command.Value, target, look.Device, mapped) { Memory = memory });
    }

    /// <summary>
    /// By O_PATH a node is not opened: whoever may make a node of any number, as root in a container may, would use any device so. The
    /// link's own mode says whether a descriptor reads or writes, and for what does neither <c>fdinfo</c> has the flags (kernel
    /// <c>fs/proc/fd.c</c>).
    /// </summary>
    private bool IsPathAlone(string link, string descriptor)
    {
        const int readOrWrite = 0x180;
        const long pathAlone = 0x200000;
        return calls.ReadOwner(link) is { Error.IsSuccess: true, Owner.Mode: var mode }
            && (mode & readOrWrite) == 0
            && (FlagsIn(files.ReadText($"{_process}/fdinfo/{descriptor}").Text) & pathAlone) != 0;
    }

    private static long FlagsIn(string? fdinfo)
    {
        const string flags = "flags:";
        var line = fdinfo?.Split('\n').FirstOrDefault(l => l.StartsWith(flags, StringComparison.Ordinal));
        return (line ?? flags)[flags.Length..].Trim().Aggregate(0L, (sum, c) => c is >= '0' and <= '7' ? (sum << 3) + (c - '0') : 0);
    }

    /// <summary><c>map_files</c> names the range without the leading zeros that <c>maps</c> prints.</summary>
    private static string RangeOf(string range) =>
        string.Join('-', range.Split('-').Select(a => a.TrimStart('0') is { Length: > 0 } trimmed ? trimmed : "0"));

    private void NotSeen(FormattableString what)
    {
        if (files.Exists(_process))
            _unseen ??= FormattableString.Invariant(what);
    }
}
