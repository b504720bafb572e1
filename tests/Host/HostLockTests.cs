using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Hostdev.DevicePlugin.Host;
using Hostdev.Tests.Scenarios;
using Xunit;

namespace Hostdev.Tests.Host;

/// <summary>flock(1) is the stranger here: another program's locks, and what another program sees of ours.</summary>
[SupportedOSPlatform("linux")]
public sealed class HostLockTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("hd-").FullName;

    private string LockPath => Path.Combine(_directory, "lock");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void What_we_hold_no_other_program_gets_until_we_let_go()
    {
        using (HostLock.TryTake(LockPath, out _))
        {
            Assert.NotNull(Command.Try("flock", "-n", LockPath, "true"));
            Assert.Null(HostLock.TryTake(LockPath, out var error));
            Assert.Equal(Errno.EAGAIN, error);
        }

        Assert.Null(Command.Try("flock", "-n", LockPath, "true"));
    }

    /// <summary>As the child of a fork(2) has it, until it calls execve(2).</summary>
    [Fact]
    public void What_we_let_go_is_free_also_while_a_process_that_is_being_started_has_the_file()
    {
        var held = HostLock.TryTake(LockPath, out _)!;
        var descriptor = Directory
            .EnumerateFiles("/proc/self/fd")
            .Select(path => new FileInfo(path))
            .Single(file => file.LinkTarget == LockPath)
            .Name;
        var inherited = Duplicate(int.Parse(descriptor, CultureInfo.InvariantCulture));
        held.Dispose();
        using var again = HostLock.TryTake(LockPath, out _);
        Assert.NotNull(again);
        using var closing = new Microsoft.Win32.SafeHandles.SafeFileHandle(inherited, ownsHandle: true);
    }

    [DllImport("libc", EntryPoint = "dup")]
    private static extern nint Duplicate(int descriptor);

    [Fact]
    public void Another_process_s_lock_is_respected_as_that_of_a_version_before()
    {
        using (Command.Hold("true", "flock", LockPath))
        {
            Assert.Null(HostLock.TryTake(LockPath, out var error));
            Assert.Equal(Errno.EAGAIN, error);
        }
    }

    [Fact]
    public void The_lock_and_what_is_replaced_are_their_owner_s_alone_also_where_they_were_not()
    {
        File.WriteAllText(LockPath, "");
        File.SetUnixFileMode(LockPath, DurableFile.Readable);
        using var held = HostLock.TryTake(LockPath, out _);
        var state = Path.Combine(_directory, "state");
        File.WriteAllText(state + ".new", "of a crash");
        DurableFile.Replace(state, "x");
        DurableFile.Replace(state + ".json", "y", DurableFile.Readable);
        Assert.Equal(
            [DurableFile.Private, DurableFile.Private, DurableFile.Readable],
            new[] { LockPath, state, state + ".json" }.Select(File.GetUnixFileMode)
        );
    }

    [Fact]
    public void A_directory_of_ours_becomes_its_owner_s_alone_and_another_s_keeps_its_rights()
    {
        const UnixFileMode owner = DurableFile.Private | UnixFileMode.UserExecute;
        string Directory(string name, params string[] files)
        {
            var path = Path.Combine(_directory, name);
            System.IO.Directory.CreateDirectory(path);
            File.SetUnixFileMode(path, owner | UnixFileMode.OtherRead);
            foreach (var file in files)
                File.WriteAllText(Path.Combine(path, file), "");
            DurableFile.MakePrivateDirectory(path, "journal");
            return path;
        }

        var made = Path.Combine(_directory, "a", "b");
        DurableFile.MakePrivateDirectory(made, "journal");
        Assert.Equal(
            [owner, owner, owner, owner | UnixFileMode.OtherRead],
            new[] { made, Directory("empty"), Directory("ours", "journal", "x"), Directory("another's", "x") }.Select(File.GetUnixFileMode)
        );
    }

    [Fact]
    public void A_file_that_somebody_has_locked_is_read_all_the_same()
    {
        var file = Path.Combine(_directory, "desired.yaml");
        File.WriteAllText(file, "policies: []\n");
        using (Command.Hold("true", "flock", "-x", file))
            Assert.Equal("policies: []\n", File.ReadAllText(file));
    }
}
