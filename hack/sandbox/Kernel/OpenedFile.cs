using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>The file behind an entry of <c>fd</c> or <c>map_files</c>, whatever the process calls it.</summary>
/// <param name="IsPathAlone">By O_PATH: the file is named and not opened.</param>
internal sealed record OpenedFile(FileLook Look, bool IsOnSysfs, bool IsPathAlone = false)
{
    /// <summary>A file of the machine.</summary>
    public static OpenedFile Of(KernelCore core, string path) =>
        path.StartsWith("anon_inode:", StringComparison.Ordinal)
            ? new OpenedFile(new FileLook(Errno.None, FileKind.Anonymous, null, 1, 0), IsOnSysfs: false)
            : new OpenedFile(core.Look(path), path.StartsWith("/sys/", StringComparison.Ordinal));

    /// <summary>A file that somebody has made on a tmpfs of their own, with an inode number that they have waited for.</summary>
    public static OpenedFile OnTmpfs(ulong inode) => new(new FileLook(Errno.None, FileKind.File, null, inode, 0), IsOnSysfs: false);
}
