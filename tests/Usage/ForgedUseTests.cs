using Hostdev.DevicePlugin.Host;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Scenarios;
using Xunit;

namespace Hostdev.Tests.Usage;

/// <summary>
/// What somebody can make /proc say from a user and mount namespace of their own: it makes no device used, and hides no use.
/// </summary>
public sealed class ForgedUseTests : IDisposable
{
    private const string Nvme = "0000:84:00.0";
    private const string Edu = "0000:46:00.0";
    private const string Gpu = "0000:43:00.0";
    private const string Elsewhere = "mnt:[4026532999]";

    private readonly UsageBench _bench = new(LabMachine.Description);

    private SimulatedKernel Kernel => _bench.Kernel;

    private string Disk => ScenarioNodes.DiskOf(Kernel.Paths, Nvme);

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void A_file_of_one_s_own_under_the_name_of_a_function_s_memory_is_no_use_of_it()
    {
        Kernel.Processes.Start("evil", Elsewhere).OpenForged(MemoryOf(Edu));
        Assert.Empty(_bench.Words(Edu));
        using var proof = _bench.Prove(Edu);
        Assert.True(proof.IsFree);
    }

    [Fact]
    public void A_function_s_memory_is_use_of_it_and_of_no_other_under_whatever_name()
    {
        Kernel.Processes.Start("driver", Elsewhere).OpenAs("/tmp/x", MemoryOf(Edu));
        Assert.Equal([$"/tmp/x, which is {MemoryOf(Edu)}, is open in process 701 (driver)"], _bench.Words(Edu));
        Kernel.Processes.Start("other", Elsewhere).OpenAs(MemoryOf(Gpu), MemoryOf(Edu));
        Assert.Equal(
            [
                $"/tmp/x, which is {MemoryOf(Edu)}, is open in process 701 (driver)",
                $"{MemoryOf(Gpu)}, which is {MemoryOf(Edu)}, is open in process 702 (other)",
            ],
            _bench.Words(Edu)
        );
        Assert.Empty(_bench.Words(Gpu));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_cannot_be_proven_to_be_another_file_is_what_its_name_says(bool knowsTheInode)
    {
        Kernel.Processes.Start("perhaps", Elsewhere).OpenForged(MemoryOf(Edu));
        using var proof = _bench.Prove(Edu, new Blind(Kernel.Calls, knowsTheInode));
        Assert.Equal([$"{Edu}: {MemoryOf(Edu)} is open in process 701 (perhaps)"], proof.Users);
    }

    [Fact]
    public void A_node_that_cannot_be_looked_at_may_be_any_device_s()
    {
        Kernel.Processes.Start("perhaps").OpenPlain("/dev/" + Disk);
        using var proof = _bench.Prove(Edu, new Blind(Kernel.Calls, knowsTheInode: false));
        Assert.Equal([$"{Edu}: what process 701 (perhaps) has open as /dev/{Disk} cannot be looked at: EACCES"], proof.Users);
    }

    [Fact]
    public void A_node_that_is_named_by_O_PATH_is_not_open_whoever_made_it()
    {
        var process = Kernel.Processes.Start("evil", Elsewhere);
        process.OpenPathOf("/dev/" + Disk);
        Assert.Empty(_bench.Words(Nvme));
        process.OpenPlain("/dev/" + Disk);
        Assert.Equal([$"/dev/{Disk} is open in process 701 (evil)"], _bench.Words(Nvme));
    }

    [Theory]
    [InlineData("tmpfs")]
    [InlineData("proc")]
    [InlineData("overlay")]
    [InlineData("fuse.evil")]
    [InlineData("cgroup2")]
    public void A_mount_that_calls_a_disk_its_source_is_no_use_of_the_disk(string type)
    {
        Kernel.Processes.Start("evil", Elsewhere);
        Kernel.Storage.MountShare("/dev/" + Disk, "/opt", type, "size=4k", Elsewhere);
        Assert.Empty(_bench.Words(Nvme));
        using (var proof = _bench.Prove(Nvme))
            Assert.True(proof.IsFree);
        Kernel.Storage.MountDisk(Disk, "/data", mountNamespace: Elsewhere);
        Assert.Equal([$"{Disk} is mounted at /data in the mount namespace of process 701 (evil)"], _bench.Words(Nvme));
    }

    [Fact]
    public void A_disk_that_no_btrfs_has_is_not_used_by_one_that_names_it()
    {
        _bench.Write("/sys/fs/btrfs/0c8f6cbe-7d19-4f4e-8a1b-6f0e2c3d4b5a/devices/sdz/uevent", "");
        Kernel.Storage.MountShare("/dev/" + Disk, "/data", "btrfs", "rw");
        Assert.Empty(_bench.Words(Nvme));
    }

    private string MemoryOf(string address) => _bench.Path("/sys/bus/pci/devices/" + address) + "/resource0";

    /// <summary>A kernel that does not tell what processes have open, or not on which file system.</summary>
    private sealed class Blind(IHostCalls kernel, bool knowsTheInode) : DecoratedCalls(kernel)
    {
        public override FileLook Look(string path) =>
            !knowsTheInode && path.Contains("/fd/", StringComparison.Ordinal) ? FileLook.Failed(Errno.EACCES) : base.Look(path);

        public override bool? IsOnSysfs(string path) => null;
    }
}
