using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;

namespace Hostdev.DevicePlugin.Host;

/// <summary>
/// Reads the host's small files, links and directories without ever throwing. All paths are host paths. Nothing here writes, and nothing is
/// stat-ed first: sysfs files claim 4096 bytes whatever they hold.
/// </summary>
public sealed class HostFileReader(HostPaths paths)
{
    /// <summary>Attributes are a page at most; what is longer is no attribute and is not taken into memory.</summary>
    public const int LimitBytes = 64 * 1024;

    /// <summary>
    /// Names may follow any encoding the device's vendor chose; files that are read for their text must be UTF-8 without NUL.
    /// </summary>
    public FileText ReadText(string path) => ReadText(path, LibC.O_NONBLOCK);

    /// <summary>
    /// As <see cref="ReadText(string)"/>, for a file whose read may block (<c>sriov_numvfs</c> takes the device's lock, which an unbind
    /// that waits for a VMM holds): called on a thread that can be given up.
    /// </summary>
    internal FileText ReadTextBlocking(string path) => ReadText(path, 0);

    /// <summary>
    /// The bytes of a binary attribute such as <c>vpd_pg80</c>; null with the error when it cannot be read, is longer than the limit or is
    /// not there.
    /// </summary>
    public byte[]? ReadBytes(string path, out Errno error)
    {
        var fd = LibC.Open(Asked(FileQuestion.Content, path), LibC.O_RDONLY | LibC.O_CLOEXEC | LibC.O_NONBLOCK, 0);
        error = fd < 0 ? LibC.LastError() : Errno.None;
        if (fd < 0)
            return null;
        var buffer = ArrayPool<byte>.Shared.Rent(LimitBytes + 1);
        try
        {
            error = Fill(fd, buffer.AsSpan(0, LimitBytes + 1), 0, out var length);
            return error.IsSuccess && length <= LimitBytes ? buffer.AsSpan(0, length).ToArray() : null;
        }
        finally
        {
            _ = LibC.Close(fd);
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>
    /// The first bytes of a binary attribute as hexadecimal digits, fewer where it is shorter. A read of <c>config</c> waits while the
    /// function is being reset (kernel <c>drivers/pci/access.c: pci_user_read_config_*</c>): called on a thread that can be given up.
    /// </summary>
    internal FileText ReadHexBlocking(string path, int bytes)
    {
        var buffer = new byte[bytes];
        var fd = LibC.Open(Asked(FileQuestion.Content, path), LibC.O_RDONLY | LibC.O_CLOEXEC, 0);
        if (fd < 0)
            return FileText.Failed(LibC.LastError());
        try
        {
            var got = LibC.Read(fd, buffer, (nuint)bytes);
            return got < 0 ? FileText.Failed(LibC.LastError()) : FileText.Of(Convert.ToHexStringLower(buffer.AsSpan(0, (int)got)));
        }
        finally
        {
            _ = LibC.Close(fd);
        }
    }

    /// <summary>The names in a directory, in ordinal order; none with the error when it cannot be listed.</summary>
    public IReadOnlyList<string> List(string directory, out Errno error)
    {
        var names = new List<string>();
        error = ForEachName(
            directory,
            name =>
            {
                names.Add(name);
                return true;
            }
        );
        if (!error.IsSuccess)
            return [];
        names.Sort(StringComparer.Ordinal);
        return names;
    }

    /// <summary>
    /// Each name in a directory as it comes, until <paramref name="take"/> wants no more: of a directory that somebody else fills, no list
    /// is made.
    /// </summary>
    /// <remarks>.NET's enumeration asks two more questions about every link, and sysfs is made of links.</remarks>
    public Errno ForEachName(string directory, Func<string, bool> take)
    {
        var fd = LibC.Open(Asked(FileQuestion.Names, directory), LibC.O_RDONLY | LibC.O_NONBLOCK | LibC.O_CLOEXEC, 0);
        if (fd < 0)
            return LibC.LastError();
        Span<byte> entries = stackalloc byte[8 * 1024];
        try
        {
            while (true)
            {
                var got = LibC.GetDirectoryEntries(fd, entries, (nuint)entries.Length);
                if (got < 0)
                    return LibC.LastError();
                if (got == 0 || !TakeNames(entries[..(int)got], take))
                    return Errno.None;
            }
        }
        finally
        {
            _ = LibC.Close(fd);
        }
    }

    public IReadOnlyList<string> List(string directory) => List(directory, out _);

    /// <summary>
    /// Where a symbolic link points, as an absolute host path put together from the text alone: sysfs links go straight to the device. Null
    /// when it is no link or not there.
    /// </summary>
    public string? ResolveLink(string path)
    {
        Span<byte> buffer = stackalloc byte[1024];
        var length = LibC.ReadLink(Asked(FileQuestion.Target, path), buffer, (nuint)buffer.Length);
        if (length <= 0 || length == buffer.Length)
            return null;
        var target = Encoding.UTF8.GetString(buffer[..(int)length]);
        return target[0] == '/' ? paths.OnHost(target) : Combine(path, target);
    }

    /// <summary>
    /// A link's text as it is, which need not be a path (<c>socket:[123]</c>, <c>mnt:[4026531841]</c>); null with the error when it cannot
    /// be read.
    /// </summary>
    public string? ReadLinkText(string path, out Errno error)
    {
        Span<byte> buffer = stackalloc byte[4096];
        var length = LibC.ReadLink(Asked(FileQuestion.Target, path), buffer, (nuint)buffer.Length);
        error = length < 0 ? LibC.LastError() : Errno.None;
        return length < 0 ? null : Encoding.UTF8.GetString(buffer[..(int)length]);
    }

    /// <summary>The last name of a link's target: how sysfs says <c>driver</c>, <c>iommu_group</c> and <c>subsystem</c>.</summary>
    public string? ReadLinkName(string path) => ResolveLink(path) is { } target ? target[(target.LastIndexOf('/') + 1)..] : null;

    /// <summary>
    /// The number of a file or directory on its file system, which sysfs gives to another one late (kernel <c>fs/kernfs/dir.c:
    /// __kernfs_new_node</c>: in turn, and not the lowest free one); null when it is not there.
    /// </summary>
    public ulong? ReadInode(string path) =>
        LibC.Statx(LibC.AT_FDCWD, Asked(FileQuestion.Presence, path), LibC.AT_SYMLINK_NOFOLLOW, LibC.STATX_INO, out var stat) == 0
            ? stat.Inode
            : null;

    public bool Exists(string path) => LibC.Access(Asked(FileQuestion.Presence, path), 0) == 0;

    /// <summary>
    /// The lines of a long text file (<c>pci.ids</c>, <c>modules.alias</c>, <c>/proc/interrupts</c>), one at a time; none when it is not
    /// there or cannot be read.
    /// </summary>
    public IEnumerable<string> ReadLines(string path)
    {
        StreamReader reader;
        try
        {
            reader = new StreamReader(
                Asked(FileQuestion.Content, path),
                Encoding.UTF8,
                detectEncodingFromByteOrderMarks: false,
                bufferSize: 32 * 1024
            );
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            yield break;
        }

        using (reader)
        {
            while (TryReadLine(reader) is { } line)
                yield return line;
        }
    }

    /// <summary>
    /// <c>struct linux_dirent64</c> (<c>include/linux/dirent.h</c>): two numbers of 8 bytes, the entry's length in 2, its type in 1, its
    /// name up to a NUL.
    /// </summary>
    private static bool TakeNames(ReadOnlySpan<byte> entries, Func<string, bool> take)
    {
        const int LengthAt = 16;
        const int NameAt = 19;
        while (!entries.IsEmpty)
        {
            var length = MemoryMarshal.Read<ushort>(entries[LengthAt..]);
            var name = entries[NameAt..length];
            name = name[..name.IndexOf((byte)0)];
            if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8) && !take(Encoding.UTF8.GetString(name)))
                return false;
            entries = entries[length..];
        }

        return true;
    }

    private static string? TryReadLine(StreamReader reader)
    {
        try
        {
            return reader.ReadLine();
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>An attribute fits into a page: nothing is rented for it.</summary>
    private FileText ReadText(string path, int flags)
    {
        var fd = LibC.Open(Asked(FileQuestion.Content, path), LibC.O_RDONLY | LibC.O_CLOEXEC | flags, 0);
        if (fd < 0)
            return FileText.Failed(LibC.LastError());
        byte[]? rented = null;
        Span<byte> buffer = stackalloc byte[4096 + 1];
        try
        {
            var error = Fill(fd, buffer, 0, out var length);
            if (error.IsSuccess && length == buffer.Length)
            {
                rented = ArrayPool<byte>.Shared.Rent(LimitBytes + 1);
                buffer.CopyTo(rented);
                buffer = rented.AsSpan(0, LimitBytes + 1);
                error = Fill(fd, buffer, length, out length);
            }

            if (!error.IsSuccess)
                return FileText.Failed(error);
            var bytes = buffer[..length];
            if (length > LimitBytes)
                return FileText.Refused($"is longer than {LimitBytes / 1024} KiB");
            return bytes.Contains((byte)0) || !Utf8.IsValid(bytes)
                ? FileText.Refused("is not text")
                : FileText.Of(Encoding.UTF8.GetString(bytes).Trim());
        }
        finally
        {
            _ = LibC.Close(fd);
            if (rented is not null)
                ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>Reads behind what is there already, until the end or until the buffer is full.</summary>
    private static Errno Fill(int fd, Span<byte> buffer, int start, out int length)
    {
        length = start;
        while (length < buffer.Length)
        {
            var got = LibC.Read(fd, buffer[length..], (nuint)(buffer.Length - length));
            if (got == 0)
                break;
            if (got > 0)
                length += (int)got;
            else if (LibC.LastError() is { Value: not 4 } error)
                return error;
        }

        return Errno.None;
    }

    /// <returns>Where it lies for this process.</returns>
    private string Asked(FileQuestion question, string path)
    {
        paths.Watch?.Invoke(question, path);
        return paths.Resolve(path);
    }

    private static string Combine(string link, string target)
    {
        var directory = link.AsSpan(0, link.LastIndexOf('/'));
        var rest = target.AsSpan();
        while (rest.StartsWith("../") || rest is "..")
        {
            directory = directory[..Math.Max(0, directory.LastIndexOf('/'))];
            rest = rest.Length > 3 ? rest[3..] : [];
        }

        return rest.IsEmpty ? directory.ToString() : string.Concat(directory, "/", rest);
    }
}

/// <summary>A file's text without surrounding white space, or why there is none.</summary>
/// <param name="Text">Null exactly when it could not be read or is no text.</param>
/// <param name="Error">Success when the kernel gave the bytes.</param>
/// <param name="Complaint">In words that go on after the path, for example "is longer than 64 KiB"; null when all is well.</param>
public readonly record struct FileText(string? Text, Errno Error, string? Complaint)
{
    /// <summary>The file, or the device it belongs to, is not there.</summary>
    public bool IsAbsent => Error == Errno.ENOENT || Error == Errno.ENODEV || Error == Errno.ENOTDIR;

    public static FileText Of(string text) => new(text, Errno.None, null);

    public static FileText Failed(Errno error) =>
        new(null, error, error == Errno.ENOENT ? "is not there" : $"cannot be read: {error.Name}");

    public static FileText Refused(string complaint) => new(null, Errno.None, complaint);
}
