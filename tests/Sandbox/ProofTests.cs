using Hostdev.DevicePlugin.Host;
using Hostdev.Sandbox.Kernel;
using Xunit;
using static Hostdev.Tests.Sandbox.KernelSentences;

namespace Hostdev.Tests.Sandbox;

/// <summary>contracts/kernel.md, "Proof that it is free": what production's opens see, and what /proc shows of users.</summary>
public sealed class ProofTests : IDisposable
{
    private const string Edu = "0000:46:00.0";
    private const string Nvme = "0000:84:00.0";
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    private readonly SimulatedKernelUnderTest _under = new();

    private SimulatedKernel Kernel => _under.Kernel;

    /// <summary>The disk of <see cref="Nvme"/>.</summary>
    private string Disk => Path.GetFileName(Directory.GetDirectories(_under.Paths.Resolve(Device(Nvme) + "/nvme"))[0]) + "n1";

    public void Dispose() => _under.Dispose();

    [Fact]
    public void A_group_that_a_process_holds_says_EBUSY_and_one_that_is_not_there_ENOENT()
    {
        _under.GiveToVfio(Edu);
        var node = "/dev/vfio/" + _under.Group(Edu);
        var device = Kernel.Processes.Start("qemu-system-x86").Take(Edu, Kernel.GroupOf(Edu)!.Value);
        Assert.Equal(Errno.EBUSY, Kernel.Calls.Open(node, OpenIntent.VfioGroup).Error);
        device.Process.Exit();
        Assert.Equal(Errno.None, Kernel.Calls.Open(node, OpenIntent.VfioGroup).Error);
        Assert.Equal(Errno.ENOENT, Kernel.Calls.Open("/dev/vfio/999", OpenIntent.VfioGroup).Error);
    }

    [Fact]
    public void While_production_holds_a_group_others_get_EBUSY_and_the_unbind_does_not_block()
    {
        _under.GiveToVfio(Edu);
        var group = Kernel.GroupOf(Edu)!.Value;
        var vm = Kernel.Processes.Start("qemu-system-x86");
        using (Kernel.Calls.Open($"/dev/vfio/{group}", OpenIntent.VfioGroup).Handle)
        {
            Assert.Equal(Errno.EBUSY, vm.OpenGroup(group).Error);
            Assert.Equal(Errno.None, _under.Unbind(Edu));
            _under.Probe(Edu);
            Assert.Equal(Errno.None, vm.OpenGroup(group).Error);
        }
    }

    [Fact]
    public async Task A_cdev_that_is_open_but_not_bound_passes_the_group_open_and_still_blocks_the_unbind()
    {
        _under.GiveToVfio(Edu);
        var vm = Kernel.Processes.Start("qemu-system-x86");
        var cdev = vm.OpenCdev("vfio0").File!;
        Assert.Equal("/dev/vfio/devices/vfio0", new FileInfo(_under.Paths.Resolve($"/proc/{vm.Pid}/fd/{cdev.Descriptor}")).LinkTarget);
        using var proof = Kernel.Calls.Open("/dev/vfio/" + _under.Group(Edu), OpenIntent.VfioGroup).Handle;
        Assert.NotNull(proof);

        var unbind = Task.Run(() => _under.Unbind(Edu));
        Assert.True(Kernel.AwaitBlockedWrite("unbind", s_limit));
        Assert.Equal(0, Kernel.RequestsTo(vm));
        cdev.Close();
        Assert.Equal(Errno.None, await unbind.WaitAsync(s_limit));
    }

    [Fact]
    public void Proc_shows_who_has_what_open()
    {
        _under.GiveToVfio(Edu);
        var vm = Kernel.Processes.Start("qemu-system-x86");
        var file = vm.OpenGroup(Kernel.GroupOf(Edu)!.Value).File!;
        Assert.Equal("qemu-system-x86", _under.Read($"/proc/{vm.Pid}/comm"));
        Assert.Equal("/dev/vfio/38", new FileInfo(_under.Paths.Resolve($"/proc/{vm.Pid}/fd/{file.Descriptor}")).LinkTarget);
        var player = vm.OpenPlain("/dev/dri/card0");
        Assert.Equal("/dev/dri/card0", new FileInfo(_under.Paths.Resolve($"/proc/{vm.Pid}/fd/{player.Descriptor}")).LinkTarget);
        vm.Exit();
        Assert.False(_under.Has($"/proc/{vm.Pid}"));
    }

    [Fact]
    public void Unbinding_under_a_mounted_file_system_succeeds()
    {
        var disk = Disk;
        Assert.Equal(Errno.None, Kernel.Storage.MountDisk(disk, "/mnt"));
        Assert.Contains("/mnt ext4", _under.Read("/proc/mounts"), StringComparison.Ordinal);
        Assert.Equal(Errno.None, _under.Unbind(Nvme));
        Assert.False(_under.Has("/dev/" + disk));
        Assert.Contains("/mnt ext4", _under.Read("/proc/mounts"), StringComparison.Ordinal);
    }

    [Fact]
    public void An_exclusive_open_says_EBUSY_for_mounts_swap_partitions_and_dm()
    {
        Assert.Equal(Errno.None, Kernel.Storage.MountDisk(Disk, "/data", mountNamespace: "mnt:[4026532999]"));
        Assert.Equal(Errno.EBUSY, Exclusive(Disk));
        Kernel.Storage.Unmount("/data");
        Assert.Equal(Errno.None, Exclusive(Disk));

        Kernel.Storage.SwapOn("sda");
        Assert.Equal(Errno.EBUSY, Exclusive("sda"));
        Assert.Contains("/dev/sda", _under.Read("/proc/swaps"), StringComparison.Ordinal);

        var partition = Kernel.Storage.AddPartition(Disk, 1);
        Assert.Equal(Errno.None, Kernel.Storage.AddHolder(partition, "dm-0"));
        Assert.Equal(Errno.EBUSY, Exclusive(Disk));
        Assert.Empty(Directory.GetFileSystemEntries(_under.Paths.Resolve($"/sys/class/block/{Disk}/holders")));
        Assert.Single(Directory.GetFileSystemEntries(_under.Paths.Resolve($"/sys/class/block/{partition}/holders")));
        Kernel.Storage.RemoveHolder(partition, "dm-0");
        Assert.Equal(Errno.None, Exclusive(Disk));
    }

    [Fact]
    public void A_mount_attempted_while_production_holds_the_disk_fails()
    {
        using (Kernel.Calls.Open("/dev/" + Disk, OpenIntent.WholeDisk).Handle)
        {
            Assert.Equal(Errno.EBUSY, Kernel.Storage.MountDisk(Disk, "/mnt"));
            Assert.Equal(Errno.EBUSY, Exclusive(Disk));
        }

        Assert.Equal(Errno.None, Kernel.Storage.MountDisk(Disk, "/mnt"));
    }

    [Fact]
    public void A_mount_shows_in_the_mountinfo_of_its_own_namespace_only()
    {
        var pod = Kernel.Processes.Start("postgres", "mnt:[4026532999]");
        Kernel.Storage.MountDisk(Disk, "/data", mountNamespace: "mnt:[4026532999]");
        Assert.Contains("/data", _under.Read($"/proc/{pod.Pid}/mountinfo"), StringComparison.Ordinal);
        Assert.DoesNotContain("/data", _under.Read("/proc/1/mountinfo"), StringComparison.Ordinal);
        Assert.Equal("mnt:[4026532999]", new FileInfo(_under.Paths.Resolve($"/proc/{pod.Pid}/ns/mnt")).LinkTarget);
    }

    [Fact]
    public void An_nvme_disk_hangs_below_its_subsystem_and_the_function_has_only_the_hidden_path()
    {
        var controller = Path.GetFileName(Directory.GetDirectories(_under.Paths.Resolve(Device(Nvme) + "/nvme"))[0]);
        var subsystem = Assert.Single(
            Directory.GetFileSystemEntries(_under.Paths.Resolve("/sys/class/nvme-subsystem")),
            path => Path.Exists($"{path}/{controller}")
        );
        Assert.True(Path.Exists($"{subsystem}/{controller}n1"));
        Assert.Equal("1", _under.Read($"{Device(Nvme)}/nvme/{controller}/{controller}c{controller[^1]}n1/hidden"));
    }

    [Fact]
    public void An_interface_in_another_namespace_leaves_its_function_bound_and_net_empty()
    {
        var name = Path.GetFileName(Directory.GetDirectories(_under.Paths.Resolve(Device("0000:41:00.0") + "/net"))[0]);
        Kernel.Network.MoveAway(name, Kernel.Processes.Start("sleep"));
        Assert.Equal("igb", _under.Driver("0000:41:00.0"));
        Assert.Empty(Directory.GetFileSystemEntries(_under.Paths.Resolve(Device("0000:41:00.0") + "/net")));
    }

    [Fact]
    public void Uppers_of_an_interface_are_seen_in_sysfs_where_they_are_in_the_same_namespace()
    {
        Kernel.Network.AddMaster("eth1", "bond0");
        Kernel.Network.AddStacked("eth1", "mv0", "macvlan");
        Kernel.Network.AddStacked("eth1", "mv1", "macvlan", Kernel.Processes.Start("sleep"));
        Assert.Equal("bond0", _under.Link("/sys/class/net/eth1/upper_bond0"));
        Assert.Equal("bond0", _under.Link("/sys/class/net/eth1/master"));
        Assert.True(_under.Has("/sys/class/net/eth1/upper_mv0"));
        Assert.False(_under.Has("/sys/class/net/eth1/upper_mv1"));
    }

    [Fact]
    public void A_USB_device_that_is_plugged_in_again_keeps_its_port_and_changes_its_number()
    {
        Assert.Equal(("1", "2"), (_under.Read("/sys/bus/usb/devices/1-2/busnum"), _under.Read("/sys/bus/usb/devices/1-2/devnum")));
        Kernel.UnplugUsb("0000:01:00.0/2");
        Assert.False(_under.Has("/sys/bus/usb/devices/1-2"));
        Assert.False(_under.Has("/dev/bus/usb/001/002"));
        Kernel.PlugUsb("0000:01:00.0/2");
        Assert.Equal("4", _under.Read("/sys/bus/usb/devices/1-2/devnum"));
        Assert.True(_under.Has("/dev/bus/usb/001/004"));
        Assert.Equal("LABUSB0", _under.Read("/sys/bus/usb/devices/2-1/serial"));
    }

    [Fact]
    public void Nodes_belong_to_root_until_their_owner_is_set_and_again_after_a_rebind()
    {
        _under.GiveToVfio(Edu);
        var node = "/dev/vfio/" + _under.Group(Edu);
        Assert.Equal(0x180, Kernel.Calls.ReadOwner(node).Owner.Mode);
        Assert.Equal(Errno.None, Kernel.Calls.SetOwner(node, new NodeOwner(107, 108, 0x1b0)));
        Assert.Equal(new NodeOwner(107, 108, 0x1b0), Kernel.Calls.ReadOwner(node).Owner);
        Assert.Equal(Errno.ENOENT, Kernel.Calls.SetOwner("/dev/vfio/999", new NodeOwner(107, 108, 0x1b0)));

        _under.Unbind(Edu);
        _under.Probe(Edu);
        Assert.Equal(0x180, Kernel.Calls.ReadOwner(node).Owner.Mode);
        Assert.NotEqual(107, Kernel.Calls.ReadOwner(node).Owner.Uid);
    }

    private Errno Exclusive(string disk)
    {
        var result = Kernel.Calls.Open("/dev/" + disk, OpenIntent.WholeDisk);
        result.Handle?.Dispose();
        return result.Error;
    }
}
