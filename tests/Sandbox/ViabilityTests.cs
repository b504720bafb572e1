using Hostdev.DevicePlugin.Host;
using Hostdev.Sandbox.Kernel;
using Xunit;
using static Hostdev.Tests.Sandbox.KernelSentences;

namespace Hostdev.Tests.Sandbox;

/// <summary>contracts/kernel.md, "Group viability" and what it says of opening groups and cdevs.</summary>
public sealed class ViabilityTests : IDisposable
{
    private const string First = "0000:45:00.0";
    private const string Second = "0000:45:00.1";
    private const string Edu = "0000:46:00.0";
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    private readonly SimulatedKernelUnderTest _under = new(
        LabMachine.Description with
        {
            Drivers = [.. LabMachine.Description.Drivers, new("pci-stub", PciDriverKind.Stub)],
        }
    );
    private readonly SimulatedProcess _vm;

    public ViabilityTests() => _vm = Kernel.Processes.Start("qemu-system-x86");

    private SimulatedKernel Kernel => _under.Kernel;

    public void Dispose() => _under.Dispose();

    [Fact]
    public void A_sibling_on_its_host_driver_lets_the_node_open_and_refuses_the_group()
    {
        _under.GiveToVfio(First);
        var (opened, group) = _vm.OpenGroup(GroupOf(First));
        Assert.Equal(Errno.None, opened);
        Assert.Equal(Errno.EPERM, group!.SetContainer());
        Assert.Equal(Errno.EPERM, OpenCdev("vfio0", closeGroup: group).BindIommufd());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("vfio-pci")]
    [InlineData("pci-stub")]
    public void A_sibling_without_driver_or_on_a_harmless_one_leaves_the_group_viable(string? driver)
    {
        _under.GiveToVfio(First);
        _under.Unbind(Second);
        if (driver is not null)
        {
            _under.Override(Second, driver);
            _under.Probe(Second);
        }

        Assert.Equal(driver, _under.Driver(Second));
        Assert.Equal(Errno.None, _vm.OpenGroup(GroupOf(First)).File!.SetContainer());
    }

    [Fact]
    public void A_group_with_its_root_port_is_viable()
    {
        Assert.Equal(GroupOf("0000:80:05.0"), GroupOf("0000:86:00.0"));
        Assert.Equal("pcieport", _under.Driver("0000:80:05.0"));
        _under.GiveToVfio("0000:86:00.0");
        _vm.Take("0000:86:00.0", GroupOf("0000:86:00.0"));
    }

    [Fact]
    public void Devices_behind_a_PCI_bridge_share_one_viable_group()
    {
        Assert.Equal(GroupOf("0000:03:00.0"), GroupOf("0000:04:01.0"));
        Assert.Equal(GroupOf("0000:03:00.0"), GroupOf("0000:04:02.0"));
        _under.GiveToVfio("0000:04:01.0");
        _vm.Take("0000:04:01.0", GroupOf("0000:04:01.0"));
    }

    [Fact]
    public void A_held_group_says_EBUSY_also_after_its_descriptor_is_closed_while_a_device_is_open()
    {
        _under.GiveToVfio(Edu);
        var device = _vm.Take(Edu, GroupOf(Edu));
        var other = Kernel.Processes.Start("other");
        Assert.Equal(Errno.EBUSY, other.OpenGroup(GroupOf(Edu)).Error);

        device.Group.Close();
        Assert.Equal(Errno.EBUSY, other.OpenGroup(GroupOf(Edu)).Error);
        Assert.Equal(["anon_inode:[vfio-device]"], Links(_vm));

        device.Close();
        Assert.Equal(Errno.None, other.OpenGroup(GroupOf(Edu)).Error);
    }

    [Fact]
    public void A_bound_cdev_keeps_the_group_closed_and_an_unbound_one_does_not()
    {
        _under.GiveToVfio(Edu);
        var cdev = OpenCdev("vfio0");
        var (opened, group) = _vm.OpenGroup(GroupOf(Edu));
        Assert.Equal(Errno.None, opened);
        Assert.Equal(Errno.EBUSY, cdev.BindIommufd());
        group!.Close();
        Assert.Equal(Errno.None, cdev.BindIommufd());
        Assert.Equal(Errno.EINVAL, cdev.BindIommufd());
        Assert.Equal(Errno.EBUSY, _vm.OpenGroup(GroupOf(Edu)).Error);
        Assert.Equal(Errno.ENOENT, _vm.OpenCdev("vfio7").Error);
    }

    [Fact]
    public void A_sibling_may_go_back_to_its_driver_while_the_group_is_open_and_not_while_it_is_attached()
    {
        _under.GiveToVfio(First);
        _under.Unbind(Second);
        var group = _vm.OpenGroup(GroupOf(First)).File!;
        Assert.Equal(Errno.None, _under.Write("/sys/bus/pci/drivers/e1000e/bind", Second));
        _under.Unbind(Second);

        Assert.Equal(Errno.None, group.SetContainer());
        Assert.Equal(Errno.EBUSY, _under.Write("/sys/bus/pci/drivers/e1000e/bind", Second));
        Assert.Equal(Errno.EINVAL, _under.Probe(Second));
        Assert.Null(_under.Driver(Second));

        group.Close();
        Assert.Equal(Errno.None, _under.Write("/sys/bus/pci/drivers/e1000e/bind", Second));
    }

    [Fact]
    public void The_VM_gets_a_sibling_on_vfio_and_not_one_on_pci_stub()
    {
        _under.GiveToVfio("0000:42:00.0");
        _under.Override("0000:42:00.1", "pci-stub");
        _under.Probe("0000:42:00.1");
        var group = _vm.Take("0000:42:00.0", GroupOf("0000:42:00.0")).Group;
        Assert.Equal(Errno.ENODEV, group.OpenDevice("0000:42:00.1").Error);
        _under.GiveToVfio("0000:42:00.1");
        Assert.Equal(Errno.None, group.OpenDevice("0000:42:00.1").Error);
    }

    [Fact]
    public async Task Unbinding_an_open_device_asks_its_holder_hides_the_cdev_and_blocks_until_it_is_closed()
    {
        _under.GiveToVfio(Edu);
        var group = GroupOf(Edu);
        var device = _vm.Take(Edu, group);
        var unbind = Task.Run(() => _under.Write("/sys/bus/pci/drivers/vfio-pci/unbind", Edu));
        Assert.True(Kernel.AwaitBlockedWrite("vfio-pci/unbind", s_limit));

        Assert.Equal(1, Kernel.RequestsTo(_vm));
        Assert.False(_under.Has("/dev/vfio/devices/vfio0"));
        Assert.False(_under.Has(Device(Edu) + "/vfio-dev"));
        Assert.Null(_under.Driver(Edu));
        Assert.True(_under.Has($"/dev/vfio/{group}"));
        Assert.False(unbind.IsCompleted);
        Assert.Contains(Kernel.UeventHistory, uevent => uevent is { Action: "remove", Subsystem: "vfio-dev" });

        device.Close();
        device.Group.Close();
        Assert.Equal(Errno.None, await unbind.WaitAsync(s_limit));
        Assert.False(_under.Has($"/dev/vfio/{group}"));
    }

    [Fact]
    public async Task A_blocked_write_blocks_nothing_else()
    {
        _under.GiveToVfio(Edu);
        _vm.Take(Edu, GroupOf(Edu));
        var unbind = Task.Run(() => _under.Write("/sys/bus/pci/drivers/vfio-pci/unbind", Edu));
        Assert.True(Kernel.AwaitBlockedWrite("vfio-pci/unbind", s_limit));
        _under.GiveToVfio("0000:85:00.0");
        Assert.Equal("vfio-pci", _under.Read(Device(Edu) + "/driver_override"));
        _vm.Exit();
        Assert.Equal(Errno.None, await unbind.WaitAsync(s_limit));
    }

    private int GroupOf(string address) => Kernel.GroupOf(address)!.Value;

    private SimulatedCdevFile OpenCdev(string name, SimulatedFile? closeGroup = null)
    {
        closeGroup?.Close();
        return _vm.OpenCdev(name).File!;
    }

    private string[] Links(SimulatedProcess process) =>
        [.. Directory.GetFileSystemEntries(_under.Paths.Resolve($"/proc/{process.Pid}/fd")).Select(path => new FileInfo(path).LinkTarget!)];
}
