using System.Globalization;
using Hostdev.DevicePlugin.Host;
using Xunit;

namespace Hostdev.Tests.Host;

/// <summary>What the kernel of this machine says of open files and paths.</summary>
public sealed class FileLookTests
{
    private static readonly LinuxHostCalls s_calls = new(new HostPaths("/"));

    [Fact]
    public void An_open_file_is_known_by_what_it_is_and_not_by_its_name()
    {
        var path = Path.GetTempFileName();
        using var file = File.OpenRead(path);
        using var node = File.OpenRead("/dev/null");
        File.Delete(path);

        var (look, device) = (s_calls.Look(LinkOf(file)), s_calls.Look(LinkOf(node)));
        Assert.Equal((Errno.None, FileKind.File, (DeviceNumber?)null), (look.Error, look.Kind, look.Device));
        Assert.NotEqual(0UL, look.Inode);
        Assert.Equal((FileKind.Device, new DeviceNumber(false, 1, 3)), (device.Kind, device.Device));
        Assert.Equal(Errno.ENOENT, s_calls.Look(path).Error);

        static string LinkOf(FileStream stream) =>
            string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{stream.SafeFileHandle.DangerousGetHandle()}");
    }

    [Fact]
    public void What_has_no_file_behind_it_is_anonymous()
    {
        var links = Directory
            .GetFileSystemEntries("/proc/self/fd")
            .Where(l => new FileInfo(l).LinkTarget is "anon_inode:[eventpoll]")
            .ToList();
        Assert.All(links, l => Assert.Equal(FileKind.Anonymous, s_calls.Look(l).Kind));
    }

    [Fact]
    public void A_file_of_sysfs_is_told_from_one_of_another_file_system()
    {
        Assert.True(s_calls.IsOnSysfs("/sys/kernel"));
        Assert.False(s_calls.IsOnSysfs("/proc/self"));
        Assert.Null(s_calls.IsOnSysfs("/not/there"));
    }
}
