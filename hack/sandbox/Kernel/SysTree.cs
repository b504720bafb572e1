using System.Globalization;
using System.Text;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// The directory tree in which the simulated kernel shows itself. All paths are host paths. A file or link is replaced by rename, and a
/// directory appears and goes whole, so that a reader never sees half of one.
/// </summary>
internal sealed class SysTree
{
    private readonly string _staging;
    private readonly Dictionary<string, string> _fifos = [];
    private readonly Dictionary<string, string> _unreadable = [];
    private int _next;

    public SysTree(string root)
    {
        Paths = new HostPaths(root);
        _staging = Path.Combine(root, ".staging");
        Directory.CreateDirectory(_staging);
    }

    public HostPaths Paths { get; }

    public string Real(string path) => Paths.Resolve(path);

    public bool Exists(string path) => NativeFiles.ReadOwner(Real(path)).Error.IsSuccess;

    public string Read(string path) => File.ReadAllText(Real(path));

    public void WriteFile(string path, string content, int mode = 0x1a4)
    {
        if (_fifos.ContainsKey(path))
        {
            _fifos[path] = content;
            return;
        }

        var staged = Stage();
        NativeFiles.Write(staged, Encoding.UTF8.GetBytes(content), mode);
        Place(staged, path);
    }

    public void WriteBytes(string path, byte[] content)
    {
        var staged = Stage();
        File.WriteAllBytes(staged, content);
        Place(staged, path);
    }

    /// <param name="target">A host path; the link is written relative to its own directory, as sysfs does.</param>
    public void WriteLink(string path, string target) => WriteRawLink(path, Path.GetRelativePath(Path.GetDirectoryName(path)!, target));

    /// <summary>A link whose text is given: <c>/proc/PID/fd</c> shows absolute paths and names that are no paths.</summary>
    public void WriteRawLink(string path, string text)
    {
        var staged = Stage();
        File.CreateSymbolicLink(staged, text);
        Place(staged, path);
    }

    public void MakeDirectory(string path) => Directory.CreateDirectory(Real(path));

    /// <summary>Fills a directory out of sight and shows it in one step. Links inside are relative to where it will be.</summary>
    public void AddDirectory(string path, Action<DirectoryDraft> fill)
    {
        var staged = Stage();
        Directory.CreateDirectory(staged);
        fill(new DirectoryDraft(path, staged));
        Place(staged, path);
    }

    /// <summary>Removes a file, a link or a whole directory; what is not there is no error.</summary>
    public void Remove(string path)
    {
        if (!Exists(path))
            return;
        var staged = Stage();
        NativeFiles.Rename(Real(path), staged);
        if (NativeFiles.ReadKind(staged, out _) == NodeKind.Directory)
            Directory.Delete(staged, recursive: true);
        else
            File.Delete(staged);
    }

    /// <summary>devtmpfs removes a directory with its last node.</summary>
    public void RemoveIfEmpty(string path)
    {
        if (Directory.Exists(Real(path)) && !Directory.EnumerateFileSystemEntries(Real(path)).Any())
            Remove(path);
    }

    /// <summary>Follows every link of a host path; null when a component is missing.</summary>
    public string? Canonical(string path)
    {
        var done = "";
        var parts = new Stack<string>(path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        for (var links = 0; parts.TryPop(out var part); )
        {
            if (part == ".")
                continue;
            if (part == "..")
            {
                done = done.Length == 0 ? "" : done[..done.LastIndexOf('/')];
                continue;
            }

            var next = done + "/" + part;
            if (!Exists(next))
                return null;
            if (new FileInfo(Real(next)).LinkTarget is not { } target)
            {
                done = next;
                continue;
            }

            if (++links > 40)
                return null;
            if (target.StartsWith('/'))
                done = "";
            foreach (var piece in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse())
                parts.Push(piece);
        }

        return done;
    }

    /// <summary>Replaces a file by a link to one of the real kernel's that exists and answers every read at 0 with EIO.</summary>
    public void MakeUnreadable(string path)
    {
        var canonical = Canonical(path) ?? path;
        _unreadable[canonical] = Read(canonical);
        WriteRawLink(canonical, "/proc/self/mem");
    }

    public void MakeReadable(string path)
    {
        // The last component is the link that makes it unreadable: resolve the directory alone.
        var canonical = $"{Canonical(Path.GetDirectoryName(path)!)}/{Path.GetFileName(path)}";
        if (_unreadable.Remove(canonical, out var content))
            WriteFile(canonical, content);
    }

    /// <summary>
    /// From now on opening this file blocks its reader, as reading an attribute whose lock is held does, until <see cref="UnblockReads"/>.
    /// </summary>
    public void BlockReads(string path)
    {
        if (_fifos.ContainsKey(path) || !Exists(path))
            return;
        var content = Read(path);
        var fifo = FifoPath(path);
        NativeFiles.MakeFifo(fifo);
        var staged = Stage();
        NativeFiles.Link(fifo, staged);
        Place(staged, path);
        _fifos[path] = content;
    }

    /// <summary>Readers that wait get what the file holds by now.</summary>
    public void UnblockReads(string path)
    {
        if (!_fifos.Remove(path, out var content))
            return;
        if (Exists(path))
            WriteFile(path, content);
        NativeFiles.FeedFifo(FifoPath(path), content);
        File.Delete(FifoPath(path));
    }

    public void UnblockAllReads()
    {
        foreach (var path in _fifos.Keys.ToArray())
            UnblockReads(path);
    }

    private string FifoPath(string path) => Path.Combine(_staging, "fifo" + path.Replace('/', '!'));

    private string Stage() => Path.Combine(_staging, (++_next).ToString(CultureInfo.InvariantCulture));

    private void Place(string staged, string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Real(path))!);
        NativeFiles.Rename(staged, Real(path));
    }
}

/// <summary>A directory being filled before it is shown.</summary>
/// <param name="path">Where it will be, as a host path.</param>
/// <param name="staged">Where it is now.</param>
internal sealed class DirectoryDraft(string path, string staged)
{
    public string Path { get; } = path;

    public void WriteFile(string name, string content, int mode = 0x1a4) =>
        NativeFiles.Write(staged + "/" + name, Encoding.UTF8.GetBytes(content), mode);

    public void WriteBytes(string name, byte[] content) => File.WriteAllBytes(staged + "/" + name, content);

    /// <summary>A read-only attribute, with the newline that sysfs prints.</summary>
    public void Attribute(string name, string value) => WriteFile(name, value + "\n", 0x124);

    public void WriteLink(string name, string target) =>
        File.CreateSymbolicLink(staged + "/" + name, System.IO.Path.GetRelativePath(Path, target));

    public void AddDirectory(string name, Action<DirectoryDraft>? fill = null)
    {
        Directory.CreateDirectory(staged + "/" + name);
        fill?.Invoke(new DirectoryDraft(Path + "/" + name, staged + "/" + name));
    }
}
