using System.Text;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Kubelet;
using Xunit;

namespace Hostdev.Tests.Kubelet;

public sealed class SocketNamesTests
{
    [Fact]
    public void A_socket_is_named_after_its_resource() =>
        Assert.Equal(
            "hostdev-example.com_gpu.sock",
            SocketNames.For(ResourceName.Parse("example.com/gpu"), KubeletApi.DefaultDevicePluginDirectory)
        );

    [Fact]
    public void A_long_name_becomes_a_hash_that_fits_in_107_bytes_and_is_always_the_same()
    {
        var one = ResourceName.Parse($"{new string('d', 60)}.example.com/{new string('n', 63)}");
        var other = ResourceName.Parse($"{new string('d', 60)}.example.com/{new string('n', 62)}m");

        var name = SocketNames.For(one, KubeletApi.DefaultDevicePluginDirectory);

        Assert.Equal(name, SocketNames.For(one, KubeletApi.DefaultDevicePluginDirectory));
        Assert.NotEqual(name, SocketNames.For(other, KubeletApi.DefaultDevicePluginDirectory));
        Assert.StartsWith("hostdev-", name, StringComparison.Ordinal);
        Assert.True(Encoding.UTF8.GetByteCount(Path.Combine(KubeletApi.DefaultDevicePluginDirectory, name)) <= 107);
    }
}
