using Hostdev.Crds;
using Hostdev.Sandbox.Vfio;
using Xunit;

namespace Hostdev.Tests.Lab;

/// <summary>The thinnest path through the real kernel: bind by hand, take as a VMM does, give back.</summary>
[Trait(LabFacts.Where, LabFacts.Lab)]
public sealed class VfioTakerTests : IDisposable
{
    private static readonly PciAddress Igb = Sysfs.Address("41:00.0");
    private static readonly PciAddress Port0 = Sysfs.Address("45:00.0");
    private static readonly PciAddress Port1 = Sysfs.Address("45:00.1");
    private static readonly PciAddress Edu = Sysfs.Address("46:00.0");

    public void Dispose() => Sysfs.Restore(Igb, Port0, Edu);

    [LabFact]
    public void Takes_a_virtual_function_by_its_group()
    {
        var function = Sysfs.MakeVirtualFunctions(Igb, 1);
        Sysfs.Bind(function, "vfio-pci");

        using var device = AssertTaken(VfioTaker.TakeGroup(Sysfs.GroupPath(function), function.ToString()));

        Assert.Equal((0x8086, 0x10ca), (device.VendorId, device.DeviceId));
        Assert.True(device.SupportsReset);
    }

    [LabFact]
    [Trait(LabFacts.Vfio, LabFacts.Cdev)]
    public void Takes_a_virtual_function_by_its_character_device()
    {
        var function = Sysfs.MakeVirtualFunctions(Igb, 1);
        Sysfs.Bind(function, "vfio-pci");

        using var device = AssertTaken(VfioTaker.TakeCdev(Sysfs.CdevPath(function)));

        Assert.Equal((0x8086, 0x10ca), (device.VendorId, device.DeviceId));
    }

    [LabFact]
    public void Refuses_a_held_group_and_takes_it_again_once_it_is_given_back()
    {
        Sysfs.Bind(Edu, "vfio-pci");
        var group = Sysfs.GroupPath(Edu);

        using (AssertTaken(VfioTaker.TakeGroup(group, Edu.ToString())))
        {
            Assert.Equal(new TakeResult.Failed(TakeStep.OpenGroup, group, Errno.EBUSY), VfioTaker.TakeGroup(group, Edu.ToString()));
        }

        AssertTaken(VfioTaker.TakeGroup(group, Edu.ToString())).Dispose();
        Sysfs.Unbind(Edu);
        Assert.Null(Sysfs.Driver(Edu));
        Assert.Equal(new TakeResult.Failed(TakeStep.OpenGroup, group, Errno.ENOENT), VfioTaker.TakeGroup(group, Edu.ToString()));
    }

    [LabFact]
    public void Refuses_a_group_whose_other_member_is_on_a_host_driver_and_gives_the_function_back()
    {
        Sysfs.Bind(Port0, "vfio-pci");

        var refused = Assert.IsType<TakeResult.Failed>(VfioTaker.TakeGroup(Sysfs.GroupPath(Port0), Port0.ToString()));

        Assert.Equal((TakeStep.SetContainer, Errno.EPERM, false), (refused.Step, refused.Errno, refused.GroupViable));
        Assert.EndsWith("EPERM; the group is not viable: a member is on a host driver", refused.ToString(), StringComparison.Ordinal);
        Assert.Equal("e1000e", Sysfs.Driver(Port1));
        Sysfs.Unbind(Port0);
        Assert.Equal("e1000e", Sysfs.Driver(Port0));
    }

    [LabFact]
    [Trait(LabFacts.Vfio, LabFacts.Cdev)]
    public void Refuses_a_character_device_whose_sibling_is_on_a_host_driver()
    {
        Sysfs.Bind(Port0, "vfio-pci");

        var refused = Assert.IsType<TakeResult.Failed>(VfioTaker.TakeCdev(Sysfs.CdevPath(Port0)));

        Assert.Equal((TakeStep.BindIommufd, Errno.EPERM), (refused.Step, refused.Errno));
        Sysfs.Unbind(Port0);
        Assert.Equal("e1000e", Sysfs.Driver(Port0));
    }

    [LabFact]
    public void Takes_a_mediated_device()
    {
        const string Uuid = "5b4b4b4b-0000-8000-8000-000000000001";
        Sysfs.Write("/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create", Uuid);
        var group = Path.GetFileName(new DirectoryInfo($"/sys/bus/mdev/devices/{Uuid}/iommu_group").LinkTarget);

        AssertTaken(VfioTaker.TakeGroup($"/dev/vfio/{group}", Uuid)).Dispose();

        Sysfs.Write($"/sys/bus/mdev/devices/{Uuid}/remove", "1");
        Assert.False(Directory.Exists($"/sys/bus/mdev/devices/{Uuid}"));
    }

    private static VfioDevice AssertTaken(TakeResult result) =>
        result is TakeResult.Taken taken ? taken.Device : throw new Xunit.Sdk.XunitException(result.ToString());
}
