using Hostdev.Crds;
using Xunit;

namespace Hostdev.Tests.Crds;

public sealed class DeviceIdTests
{
    /// <summary>In their order.</summary>
    private static readonly string[] s_texts =
    [
        "0000:3b:00.0",
        "0000:3b:00.1",
        "10000:01:00.0",
        "0000:01:00.0/1",
        "0000:01:00.0/1.4",
        "0000:01:00.0/1.10",
        "0000:01:00.0/2",
        "xhci-hcd.1.auto/1.4",
        "scsi-0123456789abcdef",
        "scsi-fedcba9876543210",
        "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001",
    ];

    [Fact]
    public void Every_class_has_a_text_of_its_own_that_reads_back_and_an_order()
    {
        var ids = s_texts.Select(DeviceId.Parse).ToList();
        Assert.Equal(s_texts, ids.Select(i => i.ToString()));
        Assert.Equal(s_texts, ids.AsEnumerable().Reverse().Order().Select(i => i.ToString()));
        Assert.Equal(["pci", "usb", "scsi", "mdev"], ids.Select(i => i.Class.Word()).Distinct());
        Assert.All(s_texts, t => Assert.Single(Classes(t)));
        Assert.All(Enum.GetValues<DeviceClass>(), c => Assert.Equal(c, DeviceClasses.Parse(c.Word())));
        Assert.Null(DeviceClasses.Parse("pcie"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("3b:00.0")]
    [InlineData("0000:01:00.0/")]
    [InlineData("0000:01:00.0/0")]
    [InlineData("0000:01:00.0/01")]
    [InlineData("0000:01:00.0/1..4")]
    [InlineData("0000:01:00.0/256")]
    [InlineData("0000:01:00.0/1.2.3.4.5.6.7.8")]
    [InlineData("../1.4")]
    [InlineData("/1.4")]
    [InlineData("a b/1.4")]
    [InlineData("a/b/1.4")]
    [InlineData("1-4.2")]
    [InlineData("scsi-0123456789ABCDEF")]
    [InlineData("scsi-0123")]
    [InlineData("2:0:0:0")]
    [InlineData("83b8f4f2509f382f3c1ee6bfe0fa1001")]
    public void What_is_no_device_is_refused_with_all_forms(string text)
    {
        Assert.Equal(
            $"\"{text}\" is no device: write a PCI address (0000:3b:00.0), a USB port (0000:01:00.0/1.4), a SCSI disk "
                + "(scsi-0123456789abcdef) "
                + "or the UUID of a mediated device",
            Assert.Throws<FormatException>(() => DeviceId.Parse(text)).Message
        );
    }

    [Fact]
    public void A_disk_is_told_by_its_controller_its_name_and_its_LUN()
    {
        var disk = ScsiDisk.Of("/sys/devices/pci0000:00/0000:00:05.0", "naa.5000c500a1b2c3d4", 0);
        Assert.Equal(disk, ScsiDisk.Of("/sys/devices/pci0000:00/0000:00:05.0", "naa.5000c500a1b2c3d4", 0));
        Assert.NotEqual(disk, ScsiDisk.Of("/sys/devices/pci0000:00/0000:00:06.0", "naa.5000c500a1b2c3d4", 0));
        Assert.NotEqual(disk, ScsiDisk.Of("/sys/devices/pci0000:00/0000:00:05.0", "naa.5000c500a1b2c3d5", 0));
        Assert.NotEqual(disk, ScsiDisk.Of("/sys/devices/pci0000:00/0000:00:05.0", "naa.5000c500a1b2c3d4", 1));
        Assert.Equal(DeviceId.Parse(disk.ToString()), (DeviceId)disk);
    }

    private static IEnumerable<string> Classes(string text)
    {
        if (PciAddress.TryParse(text, out _))
            yield return "pci";
        if (UsbPort.TryParse(text, out _))
            yield return "usb";
        if (ScsiDisk.TryParse(text, out _))
            yield return "scsi";
        if (MdevUuid.TryParse(text, out _))
            yield return "mdev";
    }
}
