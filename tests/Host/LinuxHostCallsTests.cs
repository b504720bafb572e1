using Hostdev.DevicePlugin.Host;
using Xunit;

namespace Hostdev.Tests.Host;

public sealed class LinuxHostCallsTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("calls-").FullName;
    private readonly LinuxHostCalls calls;

    public LinuxHostCallsTests() => calls = new LinuxHostCalls(new HostPaths(root));

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void Writes_to_what_exists_without_cutting_it_off()
    {
        File.WriteAllText(root + "/attribute", "longer");
        Assert.Equal(Errno.None, calls.WriteAttribute("/attribute", "abc"));
        Assert.Equal("abcger", File.ReadAllText(root + "/attribute"));
    }

    [Fact]
    public void Never_makes_a_file()
    {
        Assert.Equal(Errno.ENOENT, calls.WriteAttribute("/driver_overide", "vfio-pci"));
        Assert.Empty(Directory.GetFileSystemEntries(root));
    }

    [Theory]
    [InlineData("profile/quantum", "success")]
    [InlineData("physfn/numvfs", "ELOOP")]
    [InlineData("profile/device", "ELOOP")]
    [InlineData("consumer:pci:0000:3b:00.0/numvfs", "ELOOP")]
    [InlineData("../pf/numvfs", "EXDEV")]
    [InlineData("profile/../../pf/numvfs", "EXDEV")]
    [InlineData("/pf/numvfs", "EXDEV")]
    [InlineData("profile/missing", "ENOENT")]
    [InlineData("profile/quantum/deeper", "ENOTDIR")]
    public void Writes_and_reads_below_a_directory_alone_and_through_no_link(string file, string answer)
    {
        Directory.CreateDirectory(root + "/devices/vf/profile");
        Directory.CreateDirectory(root + "/devices/pf");
        Directory.CreateSymbolicLink(root + "/bus", "devices"); // the directory itself may be reached by a link
        foreach (var path in (string[])["vf/profile/quantum", "pf/numvfs"])
            File.WriteAllText($"{root}/devices/{path}", "0\n");
        Directory.CreateSymbolicLink(root + "/devices/vf/physfn", "../pf");
        Directory.CreateSymbolicLink(root + "/devices/vf/consumer:pci:0000:3b:00.0", "../pf");
        File.CreateSymbolicLink(root + "/devices/vf/profile/device", "../../pf/numvfs");

        Assert.Equal(answer, calls.WriteBelow("/bus/vf", file, "20").Name);
        var look = calls.ReadBelow("/bus/vf", file);
        Assert.Equal(answer, look.Error.Name);
        Assert.Equal(answer == "success" ? "20" : null, look.Text);
        Assert.Equal("0\n", File.ReadAllText(root + "/devices/pf/numvfs"));
    }

    [Fact]
    public void Of_a_file_that_may_only_be_written_or_read_the_mode_tells_and_it_is_not_tried()
    {
        File.WriteAllText(root + "/wo", "1");
        File.WriteAllText(root + "/ro", "2");
        Assert.Equal(0, LibC.FchmodAt(LibC.AT_FDCWD, root + "/wo", 0x80, 0));
        Assert.Equal(0, LibC.FchmodAt(LibC.AT_FDCWD, root + "/ro", 0x120, 0));
        Assert.Equal(new BelowLook(Errno.None, 0x80, null), calls.ReadBelow("/", "wo"));
        Assert.Equal(new BelowLook(Errno.None, 0x120, "2"), calls.ReadBelow("/", "ro"));
    }

    [Fact]
    public void Hands_on_the_kernels_refusal() => Assert.Equal("EISDIR", calls.WriteAttribute("/", "1").Name);

    [Fact]
    public void Opens_and_gives_the_handle()
    {
        File.WriteAllText(root + "/group", "");
        var result = calls.Open("/group", OpenIntent.VfioGroup);
        Assert.Equal(Errno.None, result.Error);
        Assert.NotNull(result.Handle);
        result.Handle.Dispose();
        Assert.Equal(new OpenResult(Errno.ENOENT, null), calls.Open("/nothing", OpenIntent.WholeDisk));
    }

    [Fact]
    public void Reads_and_sets_owner_and_mode()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "changing an owner takes root");
        File.WriteAllText(root + "/node", "");
        var owner = new NodeOwner(107, 36, 0x1b0);
        Assert.Equal(Errno.None, calls.SetOwner("/node", owner));
        Assert.Equal(new NodeOwnerResult(Errno.None, owner), calls.ReadOwner("/node"));
        Assert.Equal("107:36 0660", calls.ReadOwner("/node").Owner.ToString());
    }

    [Fact]
    public void Leaves_alone_what_a_link_points_at()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "changing an owner takes root");
        File.WriteAllText(root + "/passwd", "");
        File.CreateSymbolicLink(root + "/node", "passwd");
        var before = calls.ReadOwner("/passwd");
        Assert.NotEqual(Errno.None, calls.SetOwner("/node", new NodeOwner(107, 36, 0x1ff)));
        Assert.Equal(before, calls.ReadOwner("/passwd"));
    }

    [Fact]
    public void Says_that_a_node_is_not_there()
    {
        Assert.Equal(Errno.ENOENT, calls.ReadOwner("/nothing").Error);
        Assert.Equal(Errno.ENOENT, calls.SetOwner("/nothing", default));
    }

    [Fact]
    public void Reads_the_loopback_interface_by_netlink()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "looking into other network namespaces takes root");
        var state = Assert.IsType<NetworkReading.Read>(calls.ReadNetwork()).State;
        Assert.Contains(new NetworkLink("lo"), state.Links);
        Assert.Contains(new InterfaceAddress("lo", "127.0.0.1/8", false), state.Addresses);
        Assert.Contains(new InterfaceRoute("lo", "127.0.0.1/32", 255, ByKernel: true, LinkLocal: false), state.Routes);
    }
}
