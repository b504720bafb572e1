namespace Hostdev.DevicePlugin.Host;

/// <summary>
/// One process of a host has it, until it is disposed of or the process ends: flock(2) on a file, as versions before took it too. By the C
/// library and not by <see cref="FileShare"/>: .NET would take such locks on every read as well, so that an unprivileged process that may
/// read a file could stop the agent there, and they are switched off in our programs (<c>System.IO.DisableFileLocking</c>,
/// Directory.Build.props). The file is root's alone: who cannot open it cannot lock it.
/// </summary>
public sealed class HostLock : IDisposable
{
    private const int MostTries = 3;
    private static readonly TimeSpan s_question = TimeSpan.FromMilliseconds(20);

    private int _fd;

    private HostLock(int fd) => _fd = fd;

    /// <param name="error">Why not: EAGAIN where another process has it.</param>
    /// <returns>Null where it cannot be had.</returns>
    public static HostLock? TryTake(string path, out Errno error)
    {
        error = Errno.None;
        var fd = LibC.Open(path, LibC.O_RDWR | LibC.O_CREAT | LibC.O_CLOEXEC, PrivateMode);
        if (fd < 0)
        {
            error = LibC.LastError();
            return null;
        }

        // One that a version before has made could be opened by everybody.
        for (var tries = 1; LibC.FchmodAt(LibC.AT_FDCWD, path, PrivateMode, 0) == 0; tries++)
        {
            if (LibC.Flock(fd, LibC.LOCK_EX | LibC.LOCK_NB) == 0)
                return new HostLock(fd);
            if (tries == MostTries || LibC.LastError() != Errno.EAGAIN)
                break;
            Thread.Sleep(s_question); // somebody may only have asked
        }

        error = LibC.LastError();
        _ = LibC.Close(fd);
        return null;
    }

    /// <summary>
    /// Whether a process has it now. Asked by a lock that others may share, for no longer than the question: who takes the lock itself in
    /// that moment tries again.
    /// </summary>
    public static bool IsHeld(string path)
    {
        var fd = LibC.Open(path, LibC.O_RDONLY | LibC.O_CLOEXEC, 0);
        if (fd < 0)
            return false;
        var isHeld = LibC.Flock(fd, LibC.LOCK_SH | LibC.LOCK_NB) != 0 && LibC.LastError() == Errno.EAGAIN;
        _ = LibC.Close(fd);
        return isHeld;
    }

    public void Dispose()
    {
        var fd = Interlocked.Exchange(ref _fd, -1);
        if (fd < 0)
            return;
        // A process that is being started has all our files until it is another program: closing ours alone would leave it the lock.
        _ = LibC.Flock(fd, LibC.LOCK_UN);
        _ = LibC.Close(fd);
    }

    private const uint PrivateMode = 0x180; // 0600
}
