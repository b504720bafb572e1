using System.Text;
using Hostdev.DevicePlugin.Host;
using Xunit;

namespace Hostdev.Tests.Host;

public sealed class UeventMessageTests
{
    [Fact]
    public void Reads_what_the_kernel_sends()
    {
        var uevent = Parse(
            "bind@/devices/pci0000:40/0000:40:00.0\0ACTION=bind\0DEVPATH=/devices/pci0000:40/0000:40:00.0\0SUBSYSTEM=pci\0"
                + "DRIVER=vfio-pci\0MODALIAS=a=b\0SEQNUM=17\0"
        );
        Assert.NotNull(uevent);
        Assert.Equal(("bind", "/devices/pci0000:40/0000:40:00.0", "pci"), (uevent.Action, uevent.DevPath, uevent.Subsystem));
        Assert.Equal(("vfio-pci", "a=b"), (uevent.Properties["DRIVER"], uevent.Properties["MODALIAS"]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("libudev\0\u00fe\u00ed")]
    [InlineData("add@/devices/x\0ACTION=add\0DEVPATH=/devices/x\0")]
    [InlineData("\0\0\0")]
    public void Leaves_out_what_is_none(string message) => Assert.Null(Parse(message));

    private static Uevent? Parse(string message) => UeventMessage.TryParse(Encoding.UTF8.GetBytes(message));
}
