using System.Runtime.InteropServices;
using System.Text;

namespace Hostdev.DevicePlugin.Host;

/// <summary>Files that are whole after a crash: the old content or the new, never a part.</summary>
public static partial class DurableFile
{
    /// <summary>For files of state: what we decide by is nobody else's to read, let alone to hold.</summary>
    public const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>For what is written to be read.</summary>
    public const UnixFileMode Readable = Private | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Replaces a file by way of a temporary one beside it: written, synced, renamed, directory synced.</summary>
    public static void Replace(string path, string text, UnixFileMode mode = Private)
    {
        var fresh = path + ".new";
        using (var file = new FileStream(fresh, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            SetMode(fresh, mode); // also of one that a crash left
            file.Write(Encoding.UTF8.GetBytes(text));
            file.Flush(flushToDisk: true);
        }

        File.Move(fresh, path, overwrite: true);
        SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>
    /// Makes a directory for files of state, for its owner alone. One that is there becomes so when it has nothing in it, or
    /// <paramref name="ours"/>: another's directory that somebody named keeps its rights.
    /// </summary>
    /// <param name="ours">The name of a file that only we make.</param>
    public static void MakePrivateDirectory(string path, string ours)
    {
        const UnixFileMode owner = Private | UnixFileMode.UserExecute;
        var isOurs = !Directory.Exists(path) || File.Exists(Path.Combine(path, ours)) || !Directory.EnumerateFileSystemEntries(path).Any();
        Directory.CreateDirectory(path);
        if (isOurs)
            SetMode(path, owner);
    }

    private static void SetMode(string path, UnixFileMode mode)
    {
        if (LibC.FchmodAt(LibC.AT_FDCWD, path, (uint)mode, 0) != 0)
            throw new IOException($"the rights of {path} cannot be set: {LibC.LastError()}");
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
