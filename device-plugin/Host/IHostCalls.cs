namespace Hostdev.DevicePlugin.Host;

/// <summary>
/// The system calls by which the agent changes the machine or probes it beyond reading files. Everything else is read from files under
/// <see cref="HostPaths"/>. All paths are host paths (<c>/sys/...</c>, <c>/dev/...</c>). A call blocks as long as the kernel does.
/// </summary>
public interface IHostCalls
{
    /// <summary> Exactly one write(2) of <paramref name="value"/> to an existing file, which is neither created nor truncated. Success says
    /// only that the kernel took the write: what came of it is read back by the caller. </summary>
    Errno WriteAttribute(string path, string value);

    /// <summary>
    /// As <see cref="WriteAttribute"/>, of a file whose path somebody else has given: it must be below the directory, and no link may be on
    /// the way (openat2(2): RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS). sysfs is made of links that lead to other devices.
    /// </summary>
    /// <param name="file">Relative to the directory. EXDEV for one that leads out of it, ELOOP where a link is.</param>
    Errno WriteBelow(string directory, string file, string value);

    /// <summary>Looks at such a file, and reads it where its mode lets it be read. Blocks as long as its driver does.</summary>
    BelowLook ReadBelow(string directory, string file);

    /// <summary>
    /// Sets something of a virtual function by the network interface of its physical function, wherever that is (RTM_SETLINK), in the
    /// words of ip-link(8). ENODEV where it has no interface. Blocks as long as the driver, and whoever has the kernel's lock of networks.
    /// </summary>
    /// <param name="physicalFunction">Its PCI address.</param>
    /// <param name="setting">For example <c>vf 3 vlan</c>.</param>
    Errno SetVf(string physicalFunction, string setting, string value);

    /// <summary>All such settings of all virtual functions of a physical function. Blocks likewise.</summary>
    VfReading ReadVfs(string physicalFunction);

    /// <summary>
    /// Opens a node to prove that nobody else has it; the caller keeps the handle across the write that the proof is for.
    /// </summary>
    OpenResult Open(string path, OpenIntent intent);

    /// <summary>Owner and mode of a node; an error when it is not there.</summary>
    NodeOwnerResult ReadOwner(string path);

    /// <summary>
    /// What a path leads to, without opening it; symbolic links are followed, those of <c>/proc/PID/fd</c> and <c>/proc/PID/map_files</c>
    /// to the very file that is open, whatever has its name by now. Waits for no file server.
    /// </summary>
    FileLook Look(string path);

    /// <summary>
    /// Whether a path leads into a sysfs, no matter which network namespace's: names and inode numbers are the same in all of them. Null
    /// where that cannot be told. May wait for a file server.
    /// </summary>
    bool? IsOnSysfs(string path);

    /// <summary>chown(2), then chmod(2), without following a symbolic link at the end.</summary>
    Errno SetOwner(string path, NodeOwner owner);

    /// <summary>
    /// Interfaces, addresses, routes and rules of the host's network namespace, by the kernel's own word (NETLINK_ROUTE); changes nothing.
    /// </summary>
    NetworkReading ReadNetwork();

    /// <summary>
    /// The kernel's log from now on (<c>/dev/kmsg</c>), for what a driver says while a write to its device runs; changes nothing, and says
    /// nothing where this process may not read it.
    /// </summary>
    IKernelLog FollowKernelLog();
}

/// <param name="Error">Of looking at it, or of reading it.</param>
/// <param name="Mode">Permission bits; 0 where it could not be looked at.</param>
/// <param name="Text">Without surrounding white space; null where it was not read.</param>
public readonly record struct BelowLook(Errno Error, int Mode, string? Text)
{
    public bool MayBeRead => (Mode & 0x124) != 0; // 0444

    public bool MayBeWritten => (Mode & 0x92) != 0; // 0222
}

public enum OpenIntent
{
    /// <summary>
    /// O_RDWR on <c>/dev/vfio/GROUP</c>: EBUSY while somebody has the group (contracts/kernel.md, "Proof that it is free").
    /// </summary>
    VfioGroup,

    /// <summary>O_RDONLY|O_EXCL on a whole disk: EBUSY for mounts in any namespace, partitions, dm, md and swap.</summary>
    WholeDisk,
}

/// <param name="Handle">Not null exactly when <paramref name="Error"/> is success.</param>
public readonly record struct OpenResult(Errno Error, IDisposable? Handle);

/// <param name="Mode">Permission bits, 0 to 0777.</param>
public readonly record struct NodeOwner(int Uid, int Gid, int Mode)
{
    public override string ToString() => $"{Uid}:{Gid} 0{Convert.ToString(Mode, 8)}";
}

public readonly record struct NodeOwnerResult(Errno Error, NodeOwner Owner);
