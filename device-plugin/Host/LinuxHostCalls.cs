using System.Runtime.InteropServices;
using System.Text;
using Hostdev.DevicePlugin.Host.Netlink;
using Microsoft.Win32.SafeHandles;

namespace Hostdev.DevicePlugin.Host;

/// <summary>The system calls of the machine this process runs on; files lie under the root of <paramref name="paths"/>.</summary>
public sealed class LinuxHostCalls(HostPaths paths) : IHostCalls
{
    public Errno WriteAttribute(string path, string value)
    {
        // Neither O_CREAT nor O_TRUNC: a mistyped name must fail, not make a file, and truncating is a second operation on some attributes.
        var fd = LibC.Open(paths.Resolve(path), LibC.O_WRONLY | LibC.O_CLOEXEC, 0);
        return fd < 0 ? LibC.LastError() : WriteAndClose(fd, value);
    }

    public Errno WriteBelow(string directory, string file, string value)
    {
        var fd = OpenBelow(directory, file, LibC.O_WRONLY, out var error);
        return error.IsSuccess ? WriteAndClose(fd, value) : error;
    }

    public BelowLook ReadBelow(string directory, string file)
    {
        var path = OpenBelow(directory, file, LibC.O_PATH, out var error);
        if (!error.IsSuccess)
            return new BelowLook(error, 0, null);
        var isSeen = LibC.Statx(path, "", LibC.AT_EMPTY_PATH, LibC.STATX_BASIC_STATS, out var stat) == 0;
        error = isSeen ? Errno.None : LibC.LastError();
        _ = LibC.Close(path);
        var look = new BelowLook(error, stat.Mode & 0x1ff, null);
        if (!isSeen || !look.MayBeRead)
            return look;
        // O_PATH is no permission to read: it is opened once more, by the same rules.
        var fd = OpenBelow(directory, file, LibC.O_RDONLY, out error);
        if (!error.IsSuccess)
            return look with { Error = error };
        try
        {
            Span<byte> page = stackalloc byte[4096];
            var got = LibC.Read(fd, page, (nuint)page.Length);
            return got < 0 ? look with { Error = LibC.LastError() } : look with { Text = Encoding.UTF8.GetString(page[..(int)got]).Trim() };
        }
        finally
        {
            _ = LibC.Close(fd);
        }
    }

    public Errno SetVf(string physicalFunction, string setting, string value) => new VfLink(paths).Set(physicalFunction, setting, value);

    public VfReading ReadVfs(string physicalFunction) => new VfLink(paths).Read(physicalFunction);

    public OpenResult Open(string path, OpenIntent intent)
    {
        // O_NONBLOCK on a disk: without it a CD drive closes its tray and waits for a medium. The exclusive claim is made all the same.
        var flags = intent == OpenIntent.VfioGroup ? LibC.O_RDWR : LibC.O_RDONLY | LibC.O_EXCL | LibC.O_NONBLOCK;
        var fd = LibC.Open(paths.Resolve(path), flags | LibC.O_CLOEXEC, 0);
        return fd < 0 ? new OpenResult(LibC.LastError(), null) : new OpenResult(Errno.None, new SafeFileHandle(fd, ownsHandle: true));
    }

    public NodeOwnerResult ReadOwner(string path) =>
        LibC.Statx(LibC.AT_FDCWD, paths.Resolve(path), LibC.AT_SYMLINK_NOFOLLOW, LibC.STATX_BASIC_STATS, out var stat) != 0
            ? new NodeOwnerResult(LibC.LastError(), default)
            : new NodeOwnerResult(Errno.None, new NodeOwner((int)stat.Uid, (int)stat.Gid, stat.Mode & 0x1ff));

    public FileLook Look(string path)
    {
        // A descriptor may be a file on a server that is gone: what the kernel has of it in memory is enough here.
        const int flags = LibC.AT_STATX_DONT_SYNC | LibC.AT_NO_AUTOMOUNT;
        const uint mask = LibC.STATX_TYPE | LibC.STATX_INO | LibC.STATX_SIZE;
        if (LibC.Statx(LibC.AT_FDCWD, paths.Resolve(path), flags, mask, out var stat) != 0)
            return FileLook.Failed(LibC.LastError());
        var (kind, isBlock) = (stat.Mode & 0xf000) switch
        {
            0x8000 => (FileKind.File, false),
            0x6000 => (FileKind.Device, true),
            0x2000 => (FileKind.Device, false),
            0 => (FileKind.Anonymous, false),
            _ => (FileKind.Other, false),
        };
        var device = kind == FileKind.Device ? new DeviceNumber(isBlock, stat.RdevMajor, stat.RdevMinor) : (DeviceNumber?)null;
        return new FileLook(Errno.None, kind, device, stat.Inode, stat.Size);
    }

    public bool? IsOnSysfs(string path)
    {
        Span<long> statfs = stackalloc long[LibC.StatFsLongs];
        return LibC.StatFs(paths.Resolve(path), statfs) == 0 ? statfs[0] == LibC.SYSFS_MAGIC : null;
    }

    public Errno SetOwner(string path, NodeOwner owner)
    {
        var resolved = paths.Resolve(path);
        if (LibC.FchownAt(LibC.AT_FDCWD, resolved, (uint)owner.Uid, (uint)owner.Gid, LibC.AT_SYMLINK_NOFOLLOW) != 0)
            return LibC.LastError();
        return LibC.FchmodAt(LibC.AT_FDCWD, resolved, (uint)owner.Mode, LibC.AT_SYMLINK_NOFOLLOW) != 0 ? LibC.LastError() : Errno.None;
    }

    private int OpenBelow(string directory, string file, int flags, out Errno error)
    {
        const ulong resolve = LibC.RESOLVE_BENEATH | LibC.RESOLVE_NO_SYMLINKS | LibC.RESOLVE_NO_MAGICLINKS;
        // The directory itself is reached by the link that the bus has to it.
        var at = LibC.Open(paths.Resolve(directory), LibC.O_PATH | LibC.O_CLOEXEC, 0);
        error = at < 0 ? LibC.LastError() : Errno.None;
        if (at < 0)
            return -1;
        var how = new LibC.OpenHow((ulong)(flags | LibC.O_CLOEXEC), 0, resolve);
        var fd = (int)LibC.OpenAt2(LibC.SYS_openat2, at, file, how, (nuint)Marshal.SizeOf<LibC.OpenHow>());
        error = fd < 0 ? LibC.LastError() : Errno.None;
        _ = LibC.Close(at);
        return fd;
    }

    private static Errno WriteAndClose(int fd, string value)
    {
        try
        {
            var bytes = Encoding.UTF8.GetBytes(value);
            var written = LibC.Write(fd, bytes, (nuint)bytes.Length);
            if (written < 0)
                return LibC.LastError();
            // A store function that took only part would want a second write, which would be a second command.
            return written == bytes.Length ? Errno.None : Errno.EIO;
        }
        finally
        {
            _ = LibC.Close(fd);
        }
    }

    public IKernelLog FollowKernelLog() => new KernelLogFile(paths.Resolve("/dev/kmsg"));

    public NetworkReading ReadNetwork()
    {
        using var socket = NetlinkSocket.TryOpen(out var error);
        if (socket is null)
            return new NetworkReading.Failed($"opening a netlink socket gave {error.Name}");
        using var others = NetworkNamespaces.Open(paths);
        return others.Complaint is { } complaint
            ? new NetworkReading.Failed(complaint)
            : new NetworkStateReader(new NetlinkRequests(socket), others.All).Read();
    }
}
