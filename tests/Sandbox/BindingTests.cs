using Hostdev.DevicePlugin.Host;
using Hostdev.Sandbox.Kernel;
using Xunit;
using static Hostdev.Tests.Sandbox.KernelSentences;

namespace Hostdev.Tests.Sandbox;

/// <summary>contracts/kernel.md, "Binding" and "More about binding and VFs": rows that need no open device, for any kernel.</summary>
public abstract class BindingContract : IDisposable
{
    protected const string Edu = "0000:46:00.0";
    protected const string Nic = "0000:45:00.0";
    protected const string Pf = "0000:41:00.0";
    protected const string FirstVf = "0000:41:10.0";

    protected abstract IKernelUnderTest Kernel { get; }

    public void Dispose()
    {
        Kernel.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void Override_and_probe_give_a_device_to_vfio_with_its_group_node()
    {
        var group = Kernel.Group(Edu);
        Kernel.GiveToVfio(Edu);

        Assert.True(Kernel.Has($"/dev/vfio/{group}"));
        var cdev = Path.GetFileName(Assert.Single(Directory.GetDirectories(Kernel.Paths.Resolve(Device(Edu) + "/vfio-dev"))));
        Assert.Equal(Kernel.Has($"{Device(Edu)}/vfio-dev/{cdev}/dev"), Kernel.Has("/dev/vfio/devices/" + cdev));
        var numbers = Kernel.Read($"/sys/class/vfio/{group}/dev");
        Assert.Equal(group, Kernel.Link("/sys/dev/char/" + numbers));
        Assert.EndsWith(
            $"/{Edu}/vfio-dev/{cdev}",
            new FileInfo(Kernel.Paths.Resolve("/sys/class/vfio-dev/" + cdev)).LinkTarget!,
            StringComparison.Ordinal
        );

        Kernel.GiveBack(Edu);
        Assert.False(Kernel.Has($"/dev/vfio/{group}"));
        Assert.False(Kernel.Has(Device(Edu) + "/vfio-dev"));
    }

    [Fact]
    public void Binding_to_vfio_without_override_says_ENODEV() =>
        Assert.Equal(Errno.ENODEV, Kernel.Write("/sys/bus/pci/drivers/vfio-pci/bind", Edu));

    [Fact]
    public void Binding_what_does_not_exist_says_ENODEV_and_what_is_bound_EBUSY()
    {
        Assert.Equal(Errno.ENODEV, Kernel.Write("/sys/bus/pci/drivers/vfio-pci/bind", "0000:99:00.0"));
        Assert.Equal(Errno.EBUSY, Kernel.Write("/sys/bus/pci/drivers/igb/bind", Pf));
        Assert.Equal(Errno.ENODEV, Kernel.Write("/sys/bus/pci/drivers/vfio-pci/bind", Pf));
    }

    [Fact]
    public void Unbinding_what_the_driver_does_not_have_says_ENODEV()
    {
        Assert.Equal(Errno.ENODEV, Kernel.Write("/sys/bus/pci/drivers/vfio-pci/unbind", Pf));
        Assert.Equal(Errno.ENODEV, Kernel.Write("/sys/bus/pci/drivers/igb/unbind", "0000:99:00.0"));
    }

    [Fact]
    public void An_unset_override_reads_null_and_one_newline_clears_it()
    {
        Assert.Equal("(null)", Kernel.Read(Device(Edu) + "/driver_override"));
        Assert.Equal(Errno.None, Kernel.Override(Edu, "vfio-pci\n"));
        Assert.Equal("vfio-pci", Kernel.Read(Device(Edu) + "/driver_override"));
        Assert.Equal(Errno.None, Kernel.Override(Edu, ""));
        Assert.Equal("vfio-pci", Kernel.Read(Device(Edu) + "/driver_override"));
        Assert.Equal(Errno.None, Kernel.Override(Edu, "\n"));
        Assert.Equal("(null)", Kernel.Read(Device(Edu) + "/driver_override"));
    }

    [Fact]
    public void Writing_null_sets_that_string_and_the_driver_never_binds_again()
    {
        Assert.Equal(Errno.None, Kernel.Unbind(Nic));
        Assert.Equal(Errno.None, Kernel.Override(Nic, "(null)"));
        Assert.Equal("(null)", Kernel.Read(Device(Nic) + "/driver_override"));
        Assert.Equal(Errno.None, Kernel.Probe(Nic));
        Assert.Null(Kernel.Driver(Nic));

        Kernel.GiveBack(Nic);
        Assert.Equal("e1000e", Kernel.Driver(Nic));
    }

    [Fact]
    public void Probing_succeeds_and_does_nothing_when_nothing_matches_or_a_driver_is_there()
    {
        Assert.Equal(Errno.None, Kernel.Probe(Edu));
        Assert.Null(Kernel.Driver(Edu));
        Assert.Equal(Errno.None, Kernel.Override(Edu, "nosuch"));
        Assert.Equal(Errno.None, Kernel.Probe(Edu));
        Assert.Null(Kernel.Driver(Edu));
        Assert.Equal(Errno.None, Kernel.Override(Edu, "\n"));

        Assert.Equal(Errno.None, Kernel.Probe(Pf));
        Assert.Equal("igb", Kernel.Driver(Pf));
        Assert.Equal(Errno.ENODEV, Kernel.Probe("0000:99:00.0"));
        Assert.Equal(Errno.ENODEV, Kernel.Probe("garbage"));
    }

    [Fact]
    public void Unbind_clear_and_probe_bring_the_first_driver_back_in_the_same_group()
    {
        var group = Kernel.Group(Nic);
        Kernel.GiveToVfio(Nic);
        Assert.False(Kernel.Has(Device(Nic) + "/net"));

        Kernel.GiveBack(Nic);
        Assert.Equal("e1000e", Kernel.Driver(Nic));
        Assert.Equal(group, Kernel.Group(Nic));
        Assert.True(Kernel.Has(Device(Nic) + "/net"));
    }

    [Fact]
    public void Remove_and_rescan_bring_the_device_back_without_override_in_the_same_group()
    {
        // The lowest free number is given out: one that other tests left free is taken in a first round.
        Assert.Equal(Errno.None, Kernel.Write(Device(Edu) + "/remove", "1"));
        Assert.Equal(Errno.None, Kernel.Write("/sys/bus/pci/rescan", "1"));
        var group = Kernel.Group(Edu);
        Assert.Equal(Errno.None, Kernel.Override(Edu, Vfio));
        Assert.Equal(Errno.EINVAL, Kernel.Write(Device(Edu) + "/remove", "x"));
        Assert.Equal(Errno.None, Kernel.Write(Device(Edu) + "/remove", "0"));
        Assert.True(Kernel.Has(Device(Edu)));
        Assert.Equal(Errno.None, Kernel.Write(Device(Edu) + "/remove", "1"));
        Assert.False(Kernel.Has(Device(Edu)));
        Assert.Equal(Errno.None, Kernel.Write("/sys/bus/pci/rescan", "1"));

        Assert.Equal("(null)", Kernel.Read(Device(Edu) + "/driver_override"));
        Assert.Equal(group, Kernel.Group(Edu));
    }

    [Fact]
    public void An_override_beats_autoprobe_off_and_without_it_a_VF_stays_without_driver()
    {
        Assert.Equal(Errno.None, Kernel.Autoprobe(Pf, "0"));
        Assert.Equal(Errno.None, Kernel.NumVfs(Pf, "1"));
        Assert.Null(Kernel.Driver(FirstVf));
        Assert.Equal(Errno.None, Kernel.Probe(FirstVf));
        Assert.Null(Kernel.Driver(FirstVf));
        Assert.Equal(Errno.ENODEV, Kernel.Write("/sys/bus/pci/drivers/igbvf/bind", FirstVf));

        Kernel.GiveToVfio(FirstVf);
        Kernel.GiveBack(FirstVf);
        Assert.Null(Kernel.Driver(FirstVf));

        Assert.Equal(Errno.None, Kernel.NumVfs(Pf, "0"));
        Assert.Equal(Errno.None, Kernel.Autoprobe(Pf, "1"));
    }

    [Fact]
    public void Autoprobe_off_outlives_the_unbinding_of_the_PF_which_removes_its_VFs()
    {
        Assert.Equal(Errno.None, Kernel.Autoprobe(Pf, "0"));
        Assert.Equal(Errno.None, Kernel.NumVfs(Pf, "2"));
        Assert.Equal(Errno.None, Kernel.Unbind(Pf));
        Assert.Empty(Kernel.Vfs(Pf));
        Assert.False(Kernel.Has(Device(FirstVf)));
        Assert.Equal("0", Kernel.Read(Device(Pf) + "/sriov_numvfs"));
        Assert.Equal("0", Kernel.Read(Device(Pf) + "/sriov_drivers_autoprobe"));

        Assert.Equal(Errno.None, Kernel.Probe(Pf));
        Assert.Equal("igb", Kernel.Driver(Pf));
        Assert.Equal("0", Kernel.Read(Device(Pf) + "/sriov_drivers_autoprobe"));
        Assert.Equal(Errno.None, Kernel.Autoprobe(Pf, "1"));
    }

    [Fact]
    public void A_new_vfio_device_takes_the_lowest_free_number_whatever_its_group()
    {
        Kernel.GiveToVfio(Edu);
        Kernel.GiveToVfio("0000:85:00.0");
        Kernel.GiveBack(Edu);
        Kernel.GiveToVfio("0000:42:00.1");
        Assert.True(Kernel.Has(Device("0000:42:00.1") + "/vfio-dev/vfio0"));
        Kernel.GiveBack("0000:42:00.1");
        Kernel.GiveBack("0000:85:00.0");
    }

    [Fact]
    public void Taking_devices_and_giving_them_back_leaves_the_hosts_state_as_before()
    {
        var before = TreeSnapshot.TakeHostState(Kernel.Paths);
        Kernel.GiveToVfio(Nic);
        Kernel.GiveToVfio(Edu);
        Assert.Equal(Errno.None, Kernel.Autoprobe(Pf, "0"));
        Assert.Equal(Errno.None, Kernel.NumVfs(Pf, "2"));
        Assert.Equal(Errno.None, Kernel.Autoprobe(Pf, "1"));
        var between = TreeSnapshot.Diff(before, TreeSnapshot.TakeHostState(Kernel.Paths));
        Assert.Contains($"~ {Device(Pf)}/sriov_numvfs: 0 (0:0 0644) => 2 (0:0 0644)", between);
        Assert.Contains($"+ /dev/vfio/{Kernel.Group(Edu)}: node 0:0 0600", between);

        Assert.Equal(Errno.None, Kernel.NumVfs(Pf, "0"));
        Kernel.GiveBack(Edu);
        Kernel.GiveBack(Nic);
        Assert.Empty(TreeSnapshot.Diff(before, TreeSnapshot.TakeHostState(Kernel.Paths)));
    }

    [Fact]
    public void A_mistyped_attribute_is_ENOENT_and_makes_no_file()
    {
        Assert.Equal(Errno.ENOENT, Kernel.Write(Device(Edu) + "/driver_overide", Vfio));
        Assert.False(Kernel.Has(Device(Edu) + "/driver_overide"));
    }
}

public sealed class BindingTests : BindingContract
{
    private readonly SimulatedKernelUnderTest _kernel = new();

    protected override IKernelUnderTest Kernel => _kernel;

    [Fact]
    public void New_id_binds_every_free_match_at_once_and_says_EEXIST_the_second_time()
    {
        Assert.Equal(Errno.None, Kernel.Write("/sys/bus/pci/drivers/vfio-pci/new_id", "1234 11e8"));
        foreach (var edu in (string[])[Edu, "0000:85:00.0", "0000:04:01.0"])
            Assert.Equal(Vfio, Kernel.Driver(edu));
        Assert.Equal(Errno.EEXIST, Kernel.Write("/sys/bus/pci/drivers/vfio-pci/new_id", "1234 11e8"));
    }

    [Fact]
    public void Without_vfio_pci_an_override_for_it_leaves_the_device_without_driver()
    {
        _kernel.Kernel.UnloadDriver("vfio-pci");
        Assert.False(Kernel.Has("/sys/bus/pci/drivers/vfio-pci"));
        Assert.Equal(Errno.None, Kernel.Override(Nic, Vfio));
        Assert.Equal(Errno.None, Kernel.Unbind(Nic));
        Assert.Equal(Errno.None, Kernel.Probe(Nic));
        Assert.Null(Kernel.Driver(Nic));
    }

    [Fact]
    public void With_the_IOMMU_off_probing_succeeds_without_driver_and_there_is_no_group()
    {
        using var kernel = new SimulatedKernelUnderTest(LabMachine.WithoutIommu);
        Assert.Equal(Errno.None, kernel.Override(Edu, Vfio));
        Assert.Equal(Errno.None, kernel.Probe(Edu));
        Assert.Null(kernel.Driver(Edu));
        Assert.Null(kernel.Group(Edu));
    }

    [Fact]
    public void A_kernel_without_cdevs_makes_vfioN_without_dev_file_and_without_nodes()
    {
        using var kernel = new SimulatedKernelUnderTest(LabMachine.Stock);
        kernel.GiveToVfio(Edu);
        Assert.True(kernel.Has(Device(Edu) + "/vfio-dev/vfio0"));
        Assert.False(kernel.Has(Device(Edu) + "/vfio-dev/vfio0/dev"));
        Assert.False(kernel.Has("/dev/vfio/devices"));
        Assert.False(kernel.Has("/dev/iommu"));
    }
}

/// <summary>The same rows on the lab's node, one machine for all of them.</summary>
[Trait("Where", "Lab")]
public sealed class BindingLabTests : BindingContract
{
    private readonly RealKernelUnderTest _kernel = new();

    protected override IKernelUnderTest Kernel => _kernel;
}
