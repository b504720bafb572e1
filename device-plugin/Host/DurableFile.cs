using System.Runtime.InteropServices;
using System.Text;

namespace Hostdev.DevicePlugin.Host;

/// <summary>Files that are whole after a crash: the old content or the new, never a part.</summary>
public static partial class DurableFile
{
    /// <summary>Replaces a file by way of a temporary one beside it: written, synced, renamed, directory synced.</summary>
    public static void Replace(string path, string text)
    {
        var fresh = path + ".new";
        using (var file = new FileStream(fresh, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            file.Write(Encoding.UTF8.GetBytes(text));
            file.Flush(flushToDisk: true);
        }

        File.Move(fresh, path, overwrite: true);
        SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>
    /// fsync(2) on a directory: without it a rename may not survive a power cut. Some file systems (9p) cannot; that is no error.
    /// </summary>
    public static void SyncDirectory(string directory)
    {
        var fd = OpenDirectory(directory, 0); // O_RDONLY
        if (fd < 0)
            return;
        _ = Fsync(fd);
        _ = Close(fd);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenDirectory(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Fsync(int fd);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int fd);
}
