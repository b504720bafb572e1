using System.Runtime.InteropServices;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>The file calls that .NET has no name for: atomic replacement of links, FIFOs, owners of links.</summary>
internal static partial class NativeFiles
{
    private const int AtFdCwd = -100;
    private const int AtSymlinkNoFollow = 0x100;

    /// <summary>rename(2): replaces a file or link in one step, so that a reader sees the old or the new one.</summary>
    public static void Rename(string from, string to) => Check(RenameCall(from, to), to);

    public static void Link(string from, string to) => Check(LinkCall(from, to), to);

    public static void MakeFifo(string path) => Check(MkfifoCall(path, 0x1a4), path);

    public static Errno ChangeOwner(string path, int uid, int gid) =>
        LchownCall(path, (uint)uid, (uint)gid) == 0 ? Errno.None : new Errno(Marshal.GetLastPInvokeError());

    public static Errno ChangeMode(string path, int mode) =>
        ChmodCall(path, (uint)mode) == 0 ? Errno.None : new Errno(Marshal.GetLastPInvokeError());

    /// <summary>Owner and mode without following a link at the end (statx(2), whose layout is the same on every architecture).</summary>
    public static unsafe NodeOwnerResult ReadOwner(string path)
    {
        var buffer = stackalloc byte[256];
        if (StatxCall(AtFdCwd, path, AtSymlinkNoFollow, 0x7ff, buffer) != 0)
            return new NodeOwnerResult(new Errno(Marshal.GetLastPInvokeError()), default);
        return new NodeOwnerResult(Errno.None, Owner(buffer));
    }

    /// <summary>Makes a file with this content and mode, in the four calls that it takes: a machine is some 2000 of them.</summary>
    public static unsafe void Write(string path, ReadOnlySpan<byte> content, int mode)
    {
        const int WriteOnlyCreateTruncate = 0x80241; // with O_CLOEXEC
        var descriptor = OpenCall(path, WriteOnlyCreateTruncate, (uint)mode);
        if (descriptor < 0)
            Check(-1, path);
        try
        {
            fixed (byte* start = content)
            {
                for (nint done = 0; done < content.Length; )
                {
                    var written = WriteCall(descriptor, start + done, content.Length - done);
                    Check(written < 0 ? -1 : 0, path);
                    done += written;
                }
            }

            Check(FchmodCall(descriptor, (uint)mode), path);
        }
        finally
        {
            _ = CloseCall(descriptor);
        }
    }

    /// <summary>What is there and whose it is, without following a link at the end; None when nothing is.</summary>
    public static unsafe NodeKind ReadKind(string path, out NodeOwner owner)
    {
        var buffer = stackalloc byte[256];
        owner = default;
        if (StatxCall(AtFdCwd, path, AtSymlinkNoFollow, 0x7ff, buffer) != 0)
            return NodeKind.None;
        owner = Owner(buffer);
        return (*(ushort*)(buffer + 28) & 0xf000) switch
        {
            0x8000 => NodeKind.File,
            0x4000 => NodeKind.Directory,
            0xa000 => NodeKind.Link,
            _ => NodeKind.Other,
        };
    }

    /// <summary>A file of the tree as the kernel shows it, links followed.</summary>
    public static unsafe FileLook Look(string path)
    {
        var buffer = stackalloc byte[256];
        if (StatxCall(AtFdCwd, path, 0, 0x7ff, buffer) != 0)
            return FileLook.Failed(new Errno(Marshal.GetLastPInvokeError()));
        var kind = (*(ushort*)(buffer + 28) & 0xf000) == 0x8000 ? FileKind.File : FileKind.Other;
        return new FileLook(Errno.None, kind, null, *(ulong*)(buffer + 32), *(ulong*)(buffer + 40));
    }

    private static unsafe NodeOwner Owner(byte* statx) => new(*(int*)(statx + 20), *(int*)(statx + 24), *(ushort*)(statx + 28) & 0xfff);

    private static void Check(int result, string path)
    {
        if (result != 0)
            throw new IOException($"{path}: {new Errno(Marshal.GetLastPInvokeError())}");
    }

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int RenameCall(string from, string to);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int LinkCall(string from, string to);

    [LibraryImport("libc", EntryPoint = "mkfifo", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int MkfifoCall(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "lchown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int LchownCall(string path, uint uid, uint gid);

    [LibraryImport("libc", EntryPoint = "chmod", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int ChmodCall(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static unsafe partial int StatxCall(int directory, string path, int flags, uint mask, byte* buffer);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int OpenCall(string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int FchmodCall(int descriptor, uint mode);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static unsafe partial nint WriteCall(int descriptor, byte* bytes, nint count);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int CloseCall(int descriptor);

    /// <summary>Gives <paramref name="text"/> to whoever is blocked opening the FIFO; nobody there is no error.</summary>
    public static unsafe void FeedFifo(string path, string text)
    {
        const int WriteOnlyNonBlocking = 0x801;
        var descriptor = OpenCall(path, WriteOnlyNonBlocking, 0);
        if (descriptor < 0)
            return;
        var bytes = System.Text.Encoding.UTF8.GetBytes(text);
        fixed (byte* start = bytes)
            _ = WriteCall(descriptor, start, bytes.Length);
        _ = CloseCall(descriptor);
    }
}

/// <summary>What a path is; <see cref="Other"/> is a FIFO, a node or a socket, whose reading may wait for somebody else.</summary>
internal enum NodeKind
{
    None,
    File,
    Directory,
    Link,
    Other,
}
