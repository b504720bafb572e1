namespace Hostdev.DevicePlugin.Host;

/// <summary>
/// Every path of the machine derives from one root, so that the code that runs on a host runs unchanged on a directory tree.
/// </summary>
/// <param name="root"><c>/</c> on a host; another directory in tests and where the host's root is mounted elsewhere.</param>
public sealed class HostPaths(string root)
{
    public string Root { get; } = root.Length > 1 ? root.TrimEnd('/') : root;

    /// <summary>Where a path of the host (<c>/sys/bus/pci</c>) lies for this process.</summary>
    public string Resolve(string hostPath) => Root == "/" ? hostPath : Root + hostPath;

    /// <summary>The inverse of <see cref="Resolve"/>: what an admin is to read.</summary>
    public string OnHost(string path) => Root != "/" && path.StartsWith(Root + "/", StringComparison.Ordinal) ? path[Root.Length..] : path;
}
