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

    [Theory]
    [InlineData("kubevirt-kvm.sock", "devices.kubevirt.io/kvm")]
    [InlineData("kubevirt-devices.kubevirt.io-kvm.sock", "devices.kubevirt.io/kvm")]
    [InlineData("kubevirt-example.com-gpu.sock", "example.com/gpu")]
    [InlineData("intel.com_sriov_netdevice.sock", "intel.com/sriov_netdevice")]
    [InlineData("example.com-gpu.sock", "example.com/gpu")]
    public void A_plugin_s_socket_says_by_its_name_which_resource_it_has(string socket, string resource) =>
        Assert.True(SocketNames.Says(socket, resource));

    [Theory]
    [InlineData("kubevirt-kvm.sock", "example.com/kvm")]
    [InlineData("kubevirt-example.com-gpu-large.sock", "example.com/gpu")]
    [InlineData("kubevirt-foo.example.com-gpu.sock", "example.com/gpu")]
    [InlineData("nvidia-gpu.sock", "nvidia.com/gpu")]
    [InlineData("kubevirt-.sock", "example.com/gpu")]
    [InlineData("kubevirt-kvm", "devices.kubevirt.io/kvm")]
    public void Another_one_does_not(string socket, string resource) => Assert.False(SocketNames.Says(socket, resource));
}
