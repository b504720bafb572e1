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
