using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>A process of the simulated host: it opens devices as a VMM does, and <c>/proc/PID</c> shows it.</summary>
public sealed class SimulatedProcess
{
    public const string HostNamespace = "mnt:[4026531841]";

    private readonly ProcessTable _table;
    private readonly SortedDictionary<int, SimulatedFile> _files = [];
    private readonly List<(string Range, OpenedFile File, string Path)> _mappings = [];

    internal SimulatedProcess(ProcessTable table, int pid, string comm, string mountNamespace)
    {
        _table = table;
        Pid = pid;
        Comm = comm;
        MountNamespace = mountNamespace;
    }

    public int Pid { get; }

    /// <summary>At most 15 characters, as the kernel keeps it.</summary>
    public string Comm { get; }

    public string MountNamespace { get; }

    /// <summary>How often the kernel has asked this process for a device back (the request eventfd).</summary>
    public int Requests { get; internal set; }

    internal string Directory => string.Create(CultureInfo.InvariantCulture, $"/proc/{Pid}");

    internal string Name => string.Create(CultureInfo.InvariantCulture, $"{Comm}[{Pid}]");

    /// <summary>
    /// open(2) of <c>/dev/vfio/GROUP</c>: EBUSY while held, ENOENT when there is no such node. A group that is not viable opens
    /// nevertheless.
    /// </summary>
    public (Errno Error, SimulatedGroupFile? File) OpenGroup(int group) =>
        _table.Core.Locked(() =>
        {
            var (error, node) = _table.Vfio.OpenGroup(
                string.Create(CultureInfo.InvariantCulture, $"/dev/vfio/{group}"),
                Name,
                _table.Groups.ByNumber.Values
            );
            return node is null
                ? (error, (SimulatedGroupFile?)null)
                : (Errno.None, new SimulatedGroupFile(this, _table.Groups.ByNumber[group], node));
        });

    /// <summary>open(2) of <c>/dev/vfio/devices/vfioN</c>; several may have it open, one may bind it.</summary>
    public (Errno Error, SimulatedCdevFile? File) OpenCdev(string name) =>
        _table.Core.Locked(() =>
        {
            if (_table.Vfio.FindCdev(name) is not { } device || !_table.Core.Tree.Exists("/dev/vfio/devices/" + name))
                return (Errno.ENOENT, (SimulatedCdevFile?)null);
            return (Errno.None, new SimulatedCdevFile(this, device));
        });

    /// <summary>A plain open of any node, which shows in <c>/proc/PID/fd</c> and does nothing else.</summary>
    public SimulatedFile OpenPlain(string path) => _table.Core.Locked(() => new SimulatedFile(this, path));

    /// <summary>
    /// Opens a file of the machine that this process has under another name: mounted there, in its own mount namespace.
    /// </summary>
    public SimulatedFile OpenAs(string name, string path) =>
        _table.Core.Locked(() => new SimulatedFile(this, name, OpenedFile.Of(_table.Core, path)));

    /// <summary>
    /// Opens a file of a tmpfs that this process has mounted, in a user namespace of its own, where the name is another file's.
    /// </summary>
    public SimulatedFile OpenForged(string name) =>
        _table.Core.Locked(() => new SimulatedFile(this, name, OpenedFile.OnTmpfs(_table.Core.Look(name).Inode)));

    /// <summary>
    /// open(2) with O_PATH of a node that root of a container has made: its device is not opened, and need not be allowed.
    /// </summary>
    public SimulatedFile OpenPathOf(string node) =>
        _table.Core.Locked(() =>
        {
            var file = new SimulatedFile(this, node, OpenedFile.Of(_table.Core, node) with { IsPathAlone = true });
            WriteInfo(file.Descriptor, "012000000");
            return file;
        });

    /// <summary>Maps a device or a function's <c>resourceN</c>, shared, and closes the descriptor, as drivers in user space do.</summary>
    public void Map(string path) =>
        _table.Core.Locked(() =>
        {
            var start = 0x7f0000000000 + (0x100000 * _mappings.Count);
            var range = string.Create(CultureInfo.InvariantCulture, $"{start:x8}-{start + 0x1000:x8}");
            _mappings.Add((range, OpenedFile.Of(_table.Core, path), path));
            _table.Core.Tree.WriteRawLink($"{Directory}/map_files/{range}", path);
            _table.Core.Tree.WriteFile(Directory + "/maps", string.Concat(_mappings.Select(m => LineOf(m.Range, m.File, m.Path))), 0x124);
        });

    /// <summary>
    /// What a VMM does over the group: open it, give it a container, take the device. Throws when it cannot: a scenario that needs the
    /// device has no other way on.
    /// </summary>
    public SimulatedDeviceFile Take(string device, int group)
    {
        var (error, file) = OpenGroup(group);
        if (file is null)
            throw new InvalidOperationException($"/dev/vfio/{group}: {error}");
        var attached = file.SetContainer();
        if (!attached.IsSuccess)
            throw new InvalidOperationException($"/dev/vfio/{group}: SET_CONTAINER: {attached}");
        var (deviceError, taken) = file.OpenDevice(device);
        return taken ?? throw new InvalidOperationException($"{device}: {deviceError}");
    }

    /// <summary>The process ends and closes everything it has.</summary>
    public void Exit() =>
        _table.Core.Locked(() =>
        {
            foreach (var file in _files.Values.Reverse().ToArray())
                file.CloseLocked();
            _table.Remove(this);
        });

    internal ProcessTable Table => _table;

    internal int OpenCount => _files.Count;

    /// <summary>The file behind an entry of <c>fd</c> or <c>map_files</c>; null when there is no such entry.</summary>
    internal OpenedFile? OpenedAt(string entry) =>
        int.TryParse(entry, NumberStyles.None, CultureInfo.InvariantCulture, out var fd) && _files.TryGetValue(fd, out var file)
            ? file.Opened
            : _mappings.Find(m => m.Range == entry).File;

    /// <summary>The kernel's own numbers: 0:23 is its sysfs, 0:6 its devtmpfs.</summary>
    private static string LineOf(string range, OpenedFile file, string path) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{range} rw-s 00000000 {(file.IsOnSysfs ? "00:17" : "00:06")} {file.Look.Inode} {"", 21}{path}\n"
        );

    internal int AddFile(SimulatedFile file, string link)
    {
        var fd = 3;
        while (_files.ContainsKey(fd))
            fd++;
        _files.Add(fd, file);
        _table.Core.Tree.WriteRawLink(string.Create(CultureInfo.InvariantCulture, $"{Directory}/fd/{fd}"), link);
        WriteInfo(fd, "02000002");
        return fd;
    }

    private void WriteInfo(int fd, string flags) =>
        _table.Core.Tree.WriteFile(
            string.Create(CultureInfo.InvariantCulture, $"{Directory}/fdinfo/{fd}"),
            $"pos:\t0\nflags:\t{flags}\nmnt_id:\t26\nino:\t1\n"
        );

    internal void RemoveFile(int fd)
    {
        _files.Remove(fd);
        _table.Core.Tree.Remove(string.Create(CultureInfo.InvariantCulture, $"{Directory}/fd/{fd}"));
        _table.Core.Tree.Remove(string.Create(CultureInfo.InvariantCulture, $"{Directory}/fdinfo/{fd}"));
    }
}
