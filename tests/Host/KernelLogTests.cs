using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Xunit;

namespace Hostdev.Tests.Host;

/// <summary>The records of /dev/kmsg (kernel Documentation/ABI/testing/dev-kmsg).</summary>
public sealed class KernelLogTests
{
    private static readonly PciAddress Nic = PciAddress.Parse("0000:3b:00.0");

    [Fact]
    public void A_record_names_its_device()
    {
        var message = KernelMessage.Parse(
            "3,1234,567890,-;ice 0000:3b:00.0: Only 12 MSI-X vectors\n SUBSYSTEM=pci\n DEVICE=+pci:0000:3b:00.0\n"
        );

        Assert.Equal(new KernelMessage("ice 0000:3b:00.0: Only 12 MSI-X vectors", "+pci:0000:3b:00.0"), message);
        Assert.True(message!.IsAbout(Nic));
        Assert.False(message.IsAbout(PciAddress.Parse("0000:3b:00.1")));
    }

    [Fact]
    public void A_record_without_a_device_is_about_whom_its_text_names()
    {
        var message = KernelMessage.Parse("6,1,2,-,caller=T1;NVRM: GPU 0000:3B:00.0 is in use");

        Assert.Equal(new KernelMessage("NVRM: GPU 0000:3B:00.0 is in use", Device: null), message);
        Assert.True(message!.IsAbout(Nic));
    }

    [Theory]
    [InlineData("")]
    [InlineData("no record")]
    public void What_is_no_record_is_none(string text) => Assert.Null(KernelMessage.Parse(text));

    [Fact]
    public void Without_a_log_nothing_is_said()
    {
        using var log = new LinuxHostCalls(new HostPaths("/no/such/root")).FollowKernelLog();
        Assert.Empty(log.ReadNew());
    }
}
