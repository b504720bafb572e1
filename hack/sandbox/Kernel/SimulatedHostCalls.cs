using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>Production's system calls, answered by the simulated kernel.</summary>
public sealed class SimulatedHostCalls : IHostCalls
{
    private readonly SimulatedKernel _kernel;

    internal SimulatedHostCalls(SimulatedKernel kernel) => _kernel = kernel;

    public Errno WriteAttribute(string path, string value)
    {
        var entry = _kernel.Writes.Begin(path, value);
        var result = _kernel.Faults.Run(path, value, () => _kernel.Core.Write(path, value));
        _kernel.Writes.End(entry, result);
        return result;
    }

    /// <summary>As openat2(2) goes from the directory: it follows no link, and does not go up.</summary>
    public Errno WriteBelow(string directory, string file, string value) =>
        FindBelow(directory, file, out var path) is { IsSuccess: false } error ? error : WriteAttribute(path, value);

    public BelowLook ReadBelow(string directory, string file)
    {
        if (FindBelow(directory, file, out var path) is { IsSuccess: false } error)
            return new BelowLook(error, 0, null);
        var look = new BelowLook(Errno.None, NativeFiles.ReadOwner(_kernel.Paths.Resolve(path)).Owner.Mode, null);
        if (!look.MayBeRead)
            return look;
        // Without the lock: a file may be made to block its readers.
        var fault = _kernel.Faults.OfRead(path);
        return fault.IsSuccess ? look with { Text = _kernel.Core.Tree.Read(path).Trim() } : look with { Error = fault };
    }

    public Errno SetVf(string physicalFunction, string setting, string value)
    {
        var path = $"{setting} of {physicalFunction}";
        var entry = _kernel.Writes.Begin(path, value);
        var result = _kernel.Faults.Run(path, value, () => _kernel.SetVf(physicalFunction, setting, value));
        _kernel.Writes.End(entry, result);
        return result;
    }

    public VfReading ReadVfs(string physicalFunction) => _kernel.ReadVfs(physicalFunction);

    private Errno FindBelow(string directory, string file, out string path)
    {
        path = _kernel.Core.Locked(() => _kernel.Core.Tree.Canonical(directory)) ?? "";
        if (path.Length == 0)
            return Errno.ENOENT;
        foreach (var part in file.Split('/'))
        {
            if (part is "..")
                return Errno.EXDEV;
            path = $"{path}/{part}";
            var kind = NativeFiles.ReadKind(_kernel.Paths.Resolve(path), out _);
            if (kind == NodeKind.None)
                return Errno.ENOENT;
            if (kind == NodeKind.Link)
                return Errno.ELOOP;
        }

        return file.StartsWith('/') ? Errno.EXDEV : Errno.None;
    }

    public OpenResult Open(string path, OpenIntent intent) =>
        _kernel.Core.Locked(() =>
            intent switch
            {
                OpenIntent.VfioGroup => OpenGroup(path),
                OpenIntent.WholeDisk => OpenDisk(path),
                _ => throw new ArgumentOutOfRangeException(nameof(intent), intent, message: null),
            }
        );

    public NodeOwnerResult ReadOwner(string path) =>
        _kernel.Core.Locked(() =>
        {
            if (OpenFileAt(path) is { IsPathAlone: true })
                return new NodeOwnerResult(Errno.None, new NodeOwner(0, 0, 0));
            var result = NativeFiles.ReadOwner(_kernel.Paths.Resolve(path));
            return result.Error.IsSuccess && _kernel.Owners.TryGetValue(path, out var kept) ? result with { Owner = kept } : result;
        });

    /// <summary>What a process has open is that, whatever has its name by now.</summary>
    public FileLook Look(string path) =>
        _kernel.Core.Locked(() =>
            path.Split('/') switch
            {
                ["", "proc", _, "fd" or "map_files", _] => OpenFileAt(path)?.Look ?? FileLook.Failed(Errno.ENOENT),
                ["", "proc", var pid, "fd"] when _kernel.Processes.Find(pid) is { } process => new FileLook(
                    Errno.None,
                    FileKind.Other,
                    null,
                    0,
                    (ulong)process.OpenCount
                ),
                _ => _kernel.Core.Look(path),
            }
        );

    public bool? IsOnSysfs(string path) =>
        _kernel.Core.Locked(() => OpenFileAt(path)?.IsOnSysfs ?? path.StartsWith("/sys/", StringComparison.Ordinal));

    /// <summary>On the tree's real file where this process may; otherwise the model remembers.</summary>
    public Errno SetOwner(string path, NodeOwner owner) =>
        _kernel.Core.Locked(() =>
        {
            var real = _kernel.Paths.Resolve(path);
            var found = NativeFiles.ReadOwner(real);
            if (!found.Error.IsSuccess)
                return found.Error;
            _kernel.Owners.Remove(path);
            var changed = NativeFiles.ChangeOwner(real, owner.Uid, owner.Gid);
            if (changed == Errno.EPERM)
                _kernel.Owners[path] = owner;
            else if (!changed.IsSuccess)
                return changed;
            return NativeFiles.ChangeMode(real, owner.Mode);
        });

    public NetworkReading ReadNetwork() => _kernel.Network.Reading;

    public IKernelLog FollowKernelLog() => new Log(_kernel);

    private OpenedFile? OpenFileAt(string path) =>
        path.Split('/') is ["", "proc", var pid, "fd" or "map_files", var entry] ? _kernel.Processes.Find(pid)?.OpenedAt(entry) : null;

    private OpenResult OpenGroup(string path)
    {
        var (error, group) = _kernel.Vfio.OpenGroup(path, "(production)", _kernel.Groups.ByNumber.Values);
        return group is null
            ? new OpenResult(error, Handle: null)
            : new OpenResult(Errno.None, new Handle(_kernel.Core, () => group.Holder = null));
    }

    private OpenResult OpenDisk(string path)
    {
        var (error, close) = _kernel.Storage.OpenExclusive(path);
        return new OpenResult(error, close is null ? null : new Handle(_kernel.Core, close));
    }

    /// <summary>Drivers of the model name their device in the text, as those do that do not name it in the record.</summary>
    private sealed class Log(SimulatedKernel kernel) : IKernelLog
    {
        private int _read = kernel.Messages.Length;

        public IReadOnlyList<KernelMessage> ReadNew()
        {
            var fresh = kernel.Messages.Skip(_read).Select(m => new KernelMessage(m, Device: null)).ToList();
            _read += fresh.Count;
            return fresh;
        }

        public void Dispose() { }
    }

    private sealed class Handle(KernelCore core, Action close) : IDisposable
    {
        private Action? _close = close;

        public void Dispose() =>
            core.Locked(() =>
            {
                _close?.Invoke();
                _close = null;
            });
    }
}
