using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.DevicePlugin.Usage;

/// <summary>
/// The files in which sysfs shows functions' memory (<c>resource0</c>, <c>resource0_wc</c>; kernel
/// <c>Documentation/PCI/sysfs-pci.rst</c>). Whoever has one open is known by the file's inode and its being on a sysfs, not by its name:
/// in a mount namespace of one's own any file has any name. Each network namespace has a sysfs, with a number of its own and the same
/// inodes in it (kernel <c>fs/kernfs/mount.c</c>, <c>fs/kernfs/inode.c</c>).
/// </summary>
internal sealed class PciMemory(HostFileReader files, IHostCalls calls)
{
    private const int Bars = 6;
    private const string Functions = "/sys/bus/pci/devices";
    private readonly Lazy<(Dictionary<ulong, string> ByInode, bool IsComplete)> _files = new(() => Read(files, calls));

    /// <summary>Where sysfs has the file that is open at this link; null for any other file.</summary>
    /// <param name="link">An entry of <c>/proc/PID/fd</c> or <c>/proc/PID/map_files</c>.</param>
    public string? PathOf(string link, FileLook look)
    {
        if (look.Error.IsSuccess && _files.Value.IsComplete && !_files.Value.ByInode.ContainsKey(look.Inode))
            return null;
        if (look.Error.IsSuccess && (look.Kind != FileKind.File || calls.IsOnSysfs(link) == false))
            return null;
        // What is not proven to be another file is what it is called.
        return _files.Value.ByInode.GetValueOrDefault(look.Inode)
            ?? (files.ReadLinkText(link, out _) is { } name && IsName(name) ? name : null);
    }

    public bool Has(ulong inode) => _files.Value.ByInode.ContainsKey(inode);

    private static bool IsName(string path) =>
        path.StartsWith("/sys/", StringComparison.Ordinal)
        && path.LastIndexOf('/') is var slash
        && path.AsSpan(slash + 1).StartsWith("resource")
        && path.Length > slash + 9
        && char.IsAsciiDigit(path[slash + 9]);

    private static (Dictionary<ulong, string> ByInode, bool IsComplete) Read(HostFileReader files, IHostCalls calls)
    {
        var (byInode, isComplete) = (new Dictionary<ulong, string>(), true);
        foreach (var address in files.List(Functions))
        {
            if (files.ResolveLink($"{Functions}/{address}") is not { } directory)
                continue;
            for (var bar = 0; bar < Bars; bar++)
            {
                foreach (var kind in (ReadOnlySpan<string>)["", "_wc"])
                {
                    var path = string.Create(CultureInfo.InvariantCulture, $"{directory}/resource{bar}{kind}");
                    var look = calls.Look(path);
                    if (look.Error.IsSuccess)
                        byInode[look.Inode] = path;
                    else
                        isComplete &= look.Error == Errno.ENOENT;
                }
            }
        }

        return (byInode, isComplete);
    }
}
