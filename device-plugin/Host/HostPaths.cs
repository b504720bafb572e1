namespace Hostdev.DevicePlugin.Host;

/// <summary>
/// Every path of the machine derives from one root, so that the code that runs on a host runs unchanged on a directory tree.
/// </summary>
/// <param name="root"><c>/</c> on a host; another directory in tests and where the host's root is mounted elsewhere.</param>
public sealed class HostPaths(string root)
{
    public string Root { get; } = root.Length > 1 ? root.TrimEnd('/') : root;

    /// <summary>
    /// Sees each question that <see cref="HostFileReader"/> puts to the machine's files before it is put, from any thread. Whoever counts
    /// them sets it.
    /// </summary>
    internal Action<FileQuestion, string>? Watch { get; init; }

    /// <summary>Where a path of the host (<c>/sys/bus/pci</c>) lies for this process.</summary>
    public string Resolve(string hostPath) => Root == "/" ? hostPath : Root + hostPath;

    /// <summary>The inverse of <see cref="Resolve"/>: what an admin is to read.</summary>
    public string OnHost(string path) => Root != "/" && path.StartsWith(Root + "/", StringComparison.Ordinal) ? path[Root.Length..] : path;
}

/// <summary>What is asked of a file: each is one to four system calls.</summary>
internal enum FileQuestion
{
    /// <summary>What it holds: open, read to the end, close.</summary>
    Content,

    /// <summary>Which names are in a directory: open, getdents64 to the end, close.</summary>
    Names,

    /// <summary>Where a link leads: readlink.</summary>
    Target,

    /// <summary>Whether it is there, or which it is: access, statx.</summary>
    Presence,
}
