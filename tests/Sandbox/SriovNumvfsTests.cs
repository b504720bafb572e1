using Hostdev.DevicePlugin.Host;
using Hostdev.Sandbox.Kernel;
using Xunit;
using static Hostdev.Tests.Sandbox.KernelSentences;

namespace Hostdev.Tests.Sandbox;

/// <summary>contracts/kernel.md, "sriov_numvfs": rows that need no open device, for any kernel. Each leaves the PF without VFs.</summary>
public abstract class SriovNumvfsContract : IDisposable
{
    protected const string Pf = "0000:81:00.0";
    protected const string Nvme = "0000:44:00.0";

    protected abstract IKernelUnderTest Kernel { get; }

    public void Dispose()
    {
        Kernel.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void Two_makes_two_VFs_and_two_again_changes_nothing()
    {
        Quietly(() =>
        {
            Assert.Equal(Errno.None, Kernel.NumVfs(Pf, "2"));
            Assert.Equal(["0000:81:10.0", "0000:81:10.2"], Kernel.Vfs(Pf));
            Assert.Equal("2", Kernel.Read(Device(Pf) + "/sriov_numvfs"));
            Assert.Equal(Errno.None, Kernel.NumVfs(Pf, "2"));
            Assert.Equal(2, Kernel.Vfs(Pf).Length);
        });
    }

    [Fact]
    public void Another_number_says_EBUSY_until_the_VFs_are_gone()
    {
        Quietly(() =>
        {
            Assert.Equal(Errno.None, Kernel.NumVfs(Pf, "2"));
            Assert.Equal(Errno.EBUSY, Kernel.NumVfs(Pf, "4"));
            Assert.Equal(2, Kernel.Vfs(Pf).Length);
            Assert.Equal(Errno.None, Kernel.NumVfs(Pf, "0"));
            Assert.Empty(Kernel.Vfs(Pf));
            Assert.Equal(Errno.None, Kernel.NumVfs(Pf, "4"));
            Assert.Equal(4, Kernel.Vfs(Pf).Length);
        });
    }

    [Fact]
    public void More_than_totalvfs_says_ERANGE()
    {
        Assert.Equal("7", Kernel.Read(Device(Pf) + "/sriov_totalvfs"));
        Assert.Equal(Errno.ERANGE, Kernel.NumVfs(Pf, "8"));
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("abc")]
    [InlineData("70000")]
    [InlineData("2 2")]
    public void What_is_no_16_bit_number_says_EINVAL(string text) => Assert.Equal(Errno.EINVAL, Kernel.NumVfs(Pf, text));

    [Fact]
    public void Without_driver_any_number_but_the_present_says_ENOENT()
    {
        Assert.Equal(Errno.None, Kernel.Unbind(Pf));
        Assert.Equal(Errno.ENOENT, Kernel.NumVfs(Pf, "1"));
        Assert.Equal(Errno.None, Kernel.NumVfs(Pf, "0"));
        Assert.Equal(Errno.None, Kernel.Probe(Pf));
        Assert.Equal("igb", Kernel.Driver(Pf));
    }

    [Fact]
    public void On_vfio_pci_it_says_ENOENT_too()
    {
        Kernel.GiveToVfio(Pf);
        Assert.Equal(Errno.ENOENT, Kernel.NumVfs(Pf, "1"));
        Kernel.GiveBack(Pf);
    }

    [Fact]
    public void Zero_with_VFs_on_vfio_removes_them_and_their_nodes_at_once()
    {
        Quietly(() =>
        {
            Assert.Equal(Errno.None, Kernel.NumVfs(Pf, "2"));
            var vfs = Kernel.Vfs(Pf);
            var groups = vfs.Select(vf => Kernel.Group(vf)).ToArray();
            foreach (var vf in vfs)
                Kernel.GiveToVfio(vf);
            Assert.All(groups, group => Assert.True(Kernel.Has($"/dev/vfio/{group}")));
            Assert.Equal(Errno.None, Kernel.NumVfs(Pf, "0"));
            Assert.All(groups, group => Assert.False(Kernel.Has($"/dev/vfio/{group}")));
            Assert.All(groups, group => Assert.False(Kernel.Has($"/sys/kernel/iommu_groups/{group}")));
        });
    }

    [Fact]
    public void VFs_carry_the_PFs_links_ids_and_NUMA_node()
    {
        Quietly(() =>
        {
            Assert.Equal("128", Kernel.Read(Device(Pf) + "/sriov_offset"));
            Assert.Equal("2", Kernel.Read(Device(Pf) + "/sriov_stride"));
            Assert.Equal("10ca", Kernel.Read(Device(Pf) + "/sriov_vf_device"));
            Assert.Equal(Errno.None, Kernel.NumVfs(Pf, "3"));
            var vf = Kernel.Vfs(Pf)[2];
            Assert.Equal("0000:81:10.4", vf);
            Assert.Equal(Pf, Kernel.Link(Device(vf) + "/physfn"));
            Assert.Equal("0x8086", Kernel.Read(Device(vf) + "/vendor"));
            Assert.Equal("0x10ca", Kernel.Read(Device(vf) + "/device"));
            Assert.Equal("1", Kernel.Read(Device(vf) + "/numa_node"));
            Assert.Equal("flr", Kernel.Read(Device(vf) + "/reset_method"));
            Assert.False(Kernel.Has(Device(vf) + "/remove"));
            Assert.Single(Directory.GetFileSystemEntries(Kernel.Paths.Resolve(Device(vf) + "/iommu_group/devices")));
        });
    }

    [Fact]
    public void Freed_group_numbers_are_used_again()
    {
        Quietly(() =>
        {
            Assert.Equal(Errno.None, Kernel.NumVfs(Pf, "2"));
            var first = Kernel.Vfs(Pf).Select(vf => Kernel.Group(vf)).ToArray();
            Assert.Equal(Errno.None, Kernel.NumVfs(Pf, "0"));
            Assert.Equal(Errno.None, Kernel.NumVfs(Pf, "2"));
            Assert.Equal(first, Kernel.Vfs(Pf).Select(vf => Kernel.Group(vf)));
        });
    }

    [Fact]
    public void Autoprobe_gives_igb_VFs_to_igbvf()
    {
        Assert.Equal(Errno.None, Kernel.NumVfs(Pf, "1"));
        Assert.Equal("igbvf", Kernel.Driver(Kernel.Vfs(Pf)[0]));
        Assert.True(Kernel.Has(Device(Kernel.Vfs(Pf)[0]) + "/net"));
        Assert.Equal(Errno.None, Kernel.NumVfs(Pf, "0"));
    }

    [Fact]
    public void Nvme_VFs_stay_without_driver_and_vfio_takes_them()
    {
        Assert.Equal("10", Kernel.Read(Device(Nvme) + "/sriov_vf_device"));
        Assert.Equal(Errno.None, Kernel.NumVfs(Nvme, "2"));
        Assert.Equal(["0000:44:00.1", "0000:44:00.2"], Kernel.Vfs(Nvme));
        Assert.All(Kernel.Vfs(Nvme), vf => Assert.Null(Kernel.Driver(vf)));
        Kernel.GiveToVfio("0000:44:00.2");
        Assert.Equal(Errno.None, Kernel.NumVfs(Nvme, "0"));
    }

    [Fact]
    public void What_is_no_truth_value_for_autoprobe_says_EINVAL()
    {
        Assert.Equal(Errno.EINVAL, Kernel.Autoprobe(Pf, "2"));
        Assert.Equal(Errno.None, Kernel.Autoprobe(Pf, "n"));
        Assert.Equal("0", Kernel.Read(Device(Pf) + "/sriov_drivers_autoprobe"));
        Assert.Equal(Errno.None, Kernel.Autoprobe(Pf, "Y"));
        Assert.Equal("1", Kernel.Read(Device(Pf) + "/sriov_drivers_autoprobe"));
    }

    /// <summary>With autoprobe off, as Hostdev makes VFs: and all as before afterwards.</summary>
    private void Quietly(Action action)
    {
        Assert.Equal(Errno.None, Kernel.Autoprobe(Pf, "0"));
        action();
        Assert.Equal(Errno.None, Kernel.NumVfs(Pf, "0"));
        Assert.Equal(Errno.None, Kernel.Autoprobe(Pf, "1"));
    }
}

public sealed class SriovNumvfsTests : SriovNumvfsContract
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);
    private readonly SimulatedKernelUnderTest _kernel = new();

    protected override IKernelUnderTest Kernel => _kernel;

    [Fact]
    public void EBUSY_and_ENOENT_are_explained_in_the_kernels_log()
    {
        Kernel.NumVfs(Pf, "2");
        Kernel.NumVfs(Pf, "4");
        Assert.Contains(
            _kernel.Kernel.Messages,
            message => message.EndsWith("2 VFs already enabled. Disable before enabling 4 VFs", StringComparison.Ordinal)
        );
    }

    /// <summary>Read in drivers/pci/iov.c (sriov_enable): no virtual function is made then, and the number stays 0.</summary>
    [Theory]
    [InlineData(true, "igb 0000:81:00.0: not enough MMIO resources for SR-IOV")]
    [InlineData(false, "igb 0000:81:00.0: can't enable 2 VFs (bus 82 out of range of [bus 81])")]
    public void ENOMEM_is_explained_in_the_kernels_log(bool isSpace, string said)
    {
        var machine = isSpace
            ? LabMachine.Description.With(Pf, f => f with { Sriov = f.Sriov! with { HasNoMmioSpace = true } })
            : LabMachine
                .Description.With(Pf, f => f with { Sriov = f.Sriov! with { Offset = 254 } })
                .With("0000:80:00.0", f => f with { SubordinateBus = 0x81 });
        using var kernel = new SimulatedKernel(machine);
        var file = $"{Device(Pf)}/sriov_numvfs";

        Assert.Equal(Errno.ENOMEM, kernel.Calls.WriteAttribute(file, "2"));
        Assert.Equal(said, kernel.Messages[^1]);
        Assert.Equal("0", File.ReadAllText(kernel.Paths.Resolve(file)).Trim());
        Assert.False(Path.Exists(kernel.Paths.Resolve($"{Device(Pf)}/virtfn0")));
        Assert.Equal(isSpace ? Errno.ENOMEM : Errno.None, kernel.Calls.WriteAttribute(file, "1")); // on bus 81
    }

    [Fact]
    public async Task Zero_with_an_open_VF_blocks_until_it_is_closed_and_stalls_the_machines_PCI()
    {
        Kernel.Autoprobe(Pf, "0");
        Kernel.NumVfs(Pf, "3");
        foreach (var vf in Kernel.Vfs(Pf))
            Kernel.GiveToVfio(vf);
        var vm = _kernel.Kernel.Processes.Start("qemu-system-x86");
        var held = vm.Take("0000:81:10.2", int.Parse(Kernel.Group("0000:81:10.2")!));

        var zero = Task.Run(() => Kernel.NumVfs(Pf, "0"));
        Assert.True(_kernel.Kernel.AwaitBlockedWrite("0000:81:00.0/sriov_numvfs", s_limit));

        // In index order: the one before is gone, the held one has lost its driver, the one after is still there.
        Assert.Equal(["0000:81:10.4"], Kernel.Vfs(Pf));
        Assert.False(Kernel.Has(Device("0000:81:10.0")));
        Assert.Null(Kernel.Driver("0000:81:10.2"));
        Assert.Equal(Vfio, Kernel.Driver("0000:81:10.4"));
        Assert.Equal(1, _kernel.Kernel.RequestsTo(vm));
        Assert.True(Kernel.Has($"/dev/vfio/{_kernel.Kernel.GroupOf("0000:81:10.2")}"));

        var other = Task.Run(() => Kernel.NumVfs("0000:41:00.0", "1"));
        var rescan = Task.Run(() => Kernel.Write("/sys/bus/pci/rescan", "1"));
        Assert.True(_kernel.Kernel.AwaitBlockedWrite("0000:41:00.0/sriov_numvfs", s_limit));
        Assert.True(_kernel.Kernel.AwaitBlockedWrite("/sys/bus/pci/rescan", s_limit));
        var reading = Task.Run(() => Kernel.Read(Device("0000:41:00.0") + "/sriov_numvfs"));
        Assert.False(zero.IsCompleted || other.IsCompleted || rescan.IsCompleted || reading.IsCompleted);

        held.Close();
        held.Group.Close();
        Assert.Equal(Errno.None, await zero.WaitAsync(s_limit));
        Assert.Equal(Errno.None, await other.WaitAsync(s_limit));
        Assert.Equal(Errno.None, await rescan.WaitAsync(s_limit));
        Assert.Equal("1", await reading.WaitAsync(s_limit));
        Assert.Empty(Kernel.Vfs(Pf));
        Assert.Equal("0", Kernel.Read(Device(Pf) + "/sriov_numvfs"));
    }

    [Fact]
    public async Task A_VF_whose_unbind_blocks_is_removed_once_when_it_is_closed()
    {
        Kernel.Autoprobe(Pf, "0");
        Kernel.NumVfs(Pf, "1");
        Kernel.GiveToVfio("0000:81:10.0");
        var vm = _kernel.Kernel.Processes.Start("qemu-system-x86");
        vm.Take("0000:81:10.0", _kernel.Kernel.GroupOf("0000:81:10.0")!.Value);
        var unbind = Task.Run(() => Kernel.Write("/sys/bus/pci/drivers/vfio-pci/unbind", "0000:81:10.0"));
        Assert.True(_kernel.Kernel.AwaitBlockedWrite("vfio-pci/unbind", s_limit));
        var zero = Task.Run(() => Kernel.NumVfs(Pf, "0"));
        Assert.True(_kernel.Kernel.AwaitBlockedWrite("0000:81:00.0/sriov_numvfs", s_limit));
        vm.Exit();

        Assert.Equal(Errno.None, await unbind.WaitAsync(s_limit));
        Assert.Equal(Errno.None, await zero.WaitAsync(s_limit));
        Assert.Single(
            _kernel.Kernel.UeventHistory,
            uevent => uevent.Action == "unbind" && uevent.DevPath.EndsWith("0000:81:10.0", StringComparison.Ordinal)
        );
        Assert.Equal(1, _kernel.Kernel.RequestsTo(vm));
    }

    [Fact]
    public async Task Unbinding_a_PF_with_an_open_VF_blocks_likewise()
    {
        Kernel.Autoprobe(Pf, "0");
        Kernel.NumVfs(Pf, "1");
        Kernel.GiveToVfio("0000:81:10.0");
        var vm = _kernel.Kernel.Processes.Start("qemu-system-x86");
        vm.Take("0000:81:10.0", _kernel.Kernel.GroupOf("0000:81:10.0")!.Value);

        var unbind = Task.Run(() => Kernel.Write("/sys/bus/pci/drivers/igb/unbind", Pf));
        Assert.True(_kernel.Kernel.AwaitBlockedWrite("igb/unbind", s_limit));
        var reading = Task.Run(() => Kernel.Read(Device(Pf) + "/sriov_numvfs"));
        Assert.False(reading.IsCompleted);
        vm.Exit();
        Assert.Equal("0", await reading.WaitAsync(s_limit));
        Assert.Equal(Errno.None, await unbind.WaitAsync(s_limit));
        Assert.Empty(Kernel.Vfs(Pf));
    }
}

[Trait("Where", "Lab")]
public sealed class SriovNumvfsLabTests : SriovNumvfsContract
{
    private readonly RealKernelUnderTest _kernel = new();

    protected override IKernelUnderTest Kernel => _kernel;
}
