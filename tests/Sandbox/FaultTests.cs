using Hostdev.DevicePlugin.Host;
using Hostdev.Sandbox.Kernel;
using Xunit;
using static Hostdev.Tests.Sandbox.KernelSentences;

namespace Hostdev.Tests.Sandbox;

/// <summary>Faults that scenarios script, the write log, reboot and snapshots.</summary>
public sealed class FaultTests : IDisposable
{
    private const string Edu = "0000:46:00.0";
    private const string Nic = "0000:45:00.0";
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    private readonly SimulatedKernelUnderTest _under = new();

    private SimulatedKernel Kernel => _under.Kernel;

    public void Dispose() => _under.Dispose();

    [Fact]
    public void The_kth_write_fails_and_does_nothing()
    {
        Kernel.Faults.FailWrite(2, Errno.EIO);
        Assert.Equal(Errno.None, _under.Override(Edu, Vfio));
        Assert.Equal(Errno.EIO, _under.Probe(Edu));
        Assert.Null(_under.Driver(Edu));
        Assert.Equal(Errno.None, _under.Probe(Edu));
        Assert.Equal(Vfio, _under.Driver(Edu));
    }

    [Fact]
    public void A_fault_can_count_the_writes_to_one_path()
    {
        Kernel.Faults.FailWrite(1, Errno.ENOMEM, "0000:41:00.0/sriov_numvfs");
        Assert.Equal(Errno.None, _under.Override(Edu, Vfio));
        Assert.Equal(Errno.ENOMEM, _under.NumVfs("0000:41:00.0", "2"));
        Assert.Equal("0", _under.Read(Device("0000:41:00.0") + "/sriov_numvfs"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_write_hangs_until_released_and_then_takes_effect_or_not(bool takesEffect)
    {
        var hang = Kernel.Faults.HangWrite(1, "drivers_probe");
        _under.Override(Edu, Vfio);
        var probe = Task.Run(() => _under.Probe(Edu));
        Assert.True(hang.AwaitHanging(s_limit));
        Assert.Null(_under.Driver(Edu));
        Assert.Null(Kernel.Writes.All[^1].Error);
        if (takesEffect)
            hang.Release();
        else
            hang.Fail(Errno.ETIMEDOUT);

        Assert.Equal(takesEffect ? Errno.None : Errno.ETIMEDOUT, await probe.WaitAsync(s_limit));
        Assert.Equal(takesEffect ? Vfio : null, _under.Driver(Edu));
    }

    [Fact]
    public void A_device_vanishes_between_two_writes_and_a_rescan_does_not_bring_it_back()
    {
        Kernel.Faults.BeforeWrite(2, () => Kernel.Unplug(Edu));
        Assert.Equal(Errno.None, _under.Override(Edu, Vfio));
        Assert.Equal(Errno.ENODEV, _under.Probe(Edu));
        Assert.False(_under.Has(Device(Edu)));
        _under.Write("/sys/bus/pci/rescan", "1");
        Assert.False(_under.Has(Device(Edu)));
        Kernel.Plug(Edu);
        Assert.Equal("(null)", _under.Read(Device(Edu) + "/driver_override"));
    }

    [Fact]
    public void A_held_device_that_vanishes_stays_a_ghost_until_it_is_closed()
    {
        _under.GiveToVfio(Edu);
        var vm = Kernel.Processes.Start("qemu-system-x86");
        vm.Take(Edu, Kernel.GroupOf(Edu)!.Value);
        Kernel.Unplug(Edu);
        Assert.True(Kernel.AwaitBlockedWrite("(kernel)", s_limit));
        Assert.Equal(1, Kernel.RequestsTo(vm));
        vm.Exit();
        Assert.True(SpinWait.SpinUntil(() => !_under.Has(Device(Edu)), s_limit));
    }

    [Fact]
    public void An_unreadable_attribute_exists_and_fails_to_read()
    {
        Kernel.Faults.MakeUnreadable(Device(Edu) + "/vendor");
        Assert.True(_under.Has(Device(Edu) + "/vendor"));
        Assert.ThrowsAny<IOException>(() => _under.Read(Device(Edu) + "/vendor"));
        Kernel.Faults.MakeReadable(Device(Edu) + "/vendor");
        Assert.Equal("0x1234", _under.Read(Device(Edu) + "/vendor"));
    }

    [Fact]
    public async Task Reading_blocks_while_the_script_says_so()
    {
        var path = Device("0000:41:00.0") + "/sriov_numvfs";
        Kernel.Faults.BlockReads(path);
        var reading = Task.Run(() => _under.Read(path));
        Assert.False(reading.IsCompleted);
        Kernel.Faults.UnblockReads(path);
        // The reader may come only after the release: then it finds a plain file.
        Assert.Equal("0", await reading.WaitAsync(s_limit));
    }

    [Fact]
    public void Every_write_is_logged_in_order_with_its_answer()
    {
        _under.Override(Edu, Vfio);
        _under.NumVfs("0000:41:00.0", "99");
        Assert.Equal(
            [$"{Device(Edu)}/driver_override <- vfio-pci: success", $"{Device("0000:41:00.0")}/sriov_numvfs <- 99: ERANGE"],
            Kernel.Writes.All.Select(write => write.ToString())
        );
        Kernel.Writes.Clear();
        Assert.Empty(Kernel.Writes.All);
    }

    [Fact]
    public void Binds_are_counted_by_device()
    {
        Assert.Equal(1, Kernel.BindCount(Nic));
        _under.GiveToVfio(Nic);
        Assert.Equal(2, Kernel.BindCount(Nic));
        Assert.Equal(0, Kernel.BindCount(Edu));
    }

    [Fact]
    public void A_reboot_brings_back_what_was_at_boot_with_a_new_boot_id()
    {
        var before = TreeSnapshot.Take(Kernel.Paths);
        _under.GiveToVfio(Nic);
        _under.Autoprobe("0000:41:00.0", "0");
        _under.NumVfs("0000:41:00.0", "2");
        _under.Write("/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-2/create", "11111111-2222-8333-8444-555555555555");
        Kernel.Processes.Start("qemu-system-x86").Take(Nic, Rebound());
        Kernel.Reboot();
        Assert.StartsWith(
            "~ /proc/sys/kernel/random/boot_id: ",
            Assert.Single(TreeSnapshot.Diff(before, TreeSnapshot.Take(Kernel.Paths))),
            StringComparison.Ordinal
        );
        _under.GiveToVfio(Nic);
    }

    [Fact]
    public async Task A_reboot_ends_blocked_writes()
    {
        _under.GiveToVfio(Edu);
        Kernel.Processes.Start("qemu-system-x86").Take(Edu, Kernel.GroupOf(Edu)!.Value);
        var unbind = Task.Run(() => _under.Unbind(Edu));
        Assert.True(Kernel.AwaitBlockedWrite("unbind", s_limit));
        Kernel.Reboot();
        Assert.Equal(Errno.EIO, await unbind.WaitAsync(s_limit));
        Assert.Null(_under.Driver(Edu));
    }

    [Fact]
    public void Taking_and_giving_back_leaves_the_whole_tree_as_before()
    {
        var before = TreeSnapshot.Take(Kernel.Paths);
        var state = TreeSnapshot.TakeHostState(Kernel.Paths);
        _under.GiveToVfio(Nic);
        Assert.Contains(
            TreeSnapshot.Diff(state, TreeSnapshot.TakeHostState(Kernel.Paths)),
            line => line == $"~ {Device(Nic)}/driver: -> ../../../../bus/pci/drivers/e1000e => -> ../../../../bus/pci/drivers/vfio-pci"
        );
        _under.GiveBack(Nic);
        Assert.Empty(TreeSnapshot.Diff(before, TreeSnapshot.Take(Kernel.Paths)));
        Assert.Empty(TreeSnapshot.Diff(state, TreeSnapshot.TakeHostState(Kernel.Paths)));
    }

    [Fact]
    public async Task Readers_never_see_half_of_a_change()
    {
        using var stop = new CancellationTokenSource();
        var reader = Task.Run(() =>
        {
            HashSet<string> seen = [];
            while (!stop.IsCancellationRequested)
            {
                seen.Add(_under.Read(Device(Nic) + "/driver_override"));
                seen.Add("driver " + (_under.Driver(Nic) ?? "none"));
                foreach (var path in Directory.EnumerateFileSystemEntries(_under.Paths.Resolve(Device(Nic))))
                    Assert.NotEmpty(path);
            }

            return seen;
        });
        for (var round = 0; round < 30; round++)
        {
            _under.GiveToVfio(Nic);
            _under.GiveBack(Nic);
        }

        await stop.CancelAsync();
        Assert.Empty((await reader).Except(["(null)", "vfio-pci", "driver vfio-pci", "driver e1000e", "driver none"]));
    }

    private int Rebound()
    {
        _under.GiveToVfio("0000:45:00.1");
        return Kernel.GroupOf(Nic)!.Value;
    }
}
