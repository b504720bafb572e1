using Xunit;

namespace Hostdev.Tests.Lab;

/// <summary>The node is what hack/lab.d/README.md says: when one of these fails, the failures of other lab tests mean nothing.</summary>
[Trait(LabFacts.Where, LabFacts.Lab)]
public sealed class NodeTests
{
    [LabTheory]
    [InlineData("41:00.0", "0x8086", "0x10c9", "igb", "0")]
    [InlineData("81:00.0", "0x8086", "0x10c9", "igb", "1")]
    [InlineData("42:00.0", "0x1234", "0x1111", null, "0")]
    [InlineData("42:00.1", "0x8086", "0x2668", null, "0")]
    [InlineData("43:00.0", "0x1234", "0x1111", null, "0")]
    [InlineData("82:00.0", "0x1234", "0x1111", null, "1")]
    [InlineData("83:00.1", "0x8086", "0x2668", null, "1")]
    [InlineData("44:00.0", "0x1b36", "0x0010", "nvme", "0")]
    [InlineData("84:00.0", "0x1b36", "0x0010", "nvme", "1")]
    [InlineData("45:00.0", "0x8086", "0x10d3", "e1000e", "0")]
    [InlineData("45:00.1", "0x8086", "0x10d3", "e1000e", "0")]
    [InlineData("46:00.0", "0x1234", "0x11e8", null, "0")]
    [InlineData("85:00.0", "0x1234", "0x11e8", null, "1")]
    [InlineData("86:00.0", "0x8086", "0x10d3", "e1000e", "1")]
    [InlineData("03:00.0", "0x1b36", "0x000e", null, "-1")]
    [InlineData("04:01.0", "0x1234", "0x11e8", null, "-1")]
    [InlineData("04:02.0", "0x1b36", "0x0005", null, "-1")]
    [InlineData("01:00.0", "0x1b36", "0x000d", "xhci_hcd", "-1")]
    [InlineData("02:00.0", "0x1af4", "0x1048", "virtio-pci", "-1")]
    public void Has_each_device_at_its_address(string address, string vendor, string device, string? driver, string numaNode)
    {
        var function = Sysfs.Address(address);
        Assert.Equal(vendor, Sysfs.Read(function, "vendor"));
        Assert.Equal(device, Sysfs.Read(function, "device"));
        Assert.Equal(driver, Sysfs.Driver(function));
        Assert.Equal(numaNode, Sysfs.Read(function, "numa_node"));
    }

    [LabTheory]
    [InlineData("41:00.0", "7")]
    [InlineData("81:00.0", "7")]
    [InlineData("44:00.0", "4")]
    public void Offers_virtual_functions(string address, string total)
    {
        var function = Sysfs.Address(address);
        Assert.Equal(total, Sysfs.Read(function, "sriov_totalvfs"));
        Assert.Equal("0", Sysfs.Read(function, "sriov_numvfs"));
    }

    [LabTheory]
    [InlineData("42:00.0", "42:00.0", "42:00.1")]
    [InlineData("43:00.0", "43:00.0", "43:00.1")]
    [InlineData("82:00.0", "82:00.0", "82:00.1")]
    [InlineData("45:00.0", "45:00.0", "45:00.1")]
    [InlineData("04:01.0", "03:00.0", "04:01.0", "04:02.0")]
    [InlineData("86:00.0", "80:05.0", "86:00.0")]
    [InlineData("41:00.0", "41:00.0")]
    [InlineData("46:00.0", "46:00.0")]
    public void Groups_what_cannot_be_isolated(string address, params string[] members) =>
        Assert.Equal(members, Sysfs.GroupMembers(Sysfs.Address(address)));

    [LabFact]
    public void Has_the_sample_parents_of_mediated_devices() =>
        Assert.Equal(
            ["mbochs", "mdpy", "mtty"],
            Directory.GetDirectories("/sys/class/mdev_bus").Select(Path.GetFileName).Order(StringComparer.Ordinal)
        );

    [LabFact]
    public void Has_character_devices_in_the_cdev_flavour_alone()
    {
        Assert.True(File.Exists("/dev/vfio/vfio"));
        Assert.Equal(LabFacts.HasCdev, File.Exists("/dev/iommu"));
    }

    [LabFact]
    public void Remaps_interrupts() => Assert.Contains(" IR-", File.ReadAllText("/proc/interrupts"), StringComparison.Ordinal);
}
