using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Offering;
using Xunit;

namespace Hostdev.Tests.Kubelet;

/// <summary>The kubelet's own file, as kubelets of all ages write it (kubernetes pkg/kubelet/cm/devicemanager/checkpoint).</summary>
public sealed class KubeletCheckpointReaderTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("hd-").FullName;

    private string File => Path.Combine(_directory, "kubelet_internal_checkpoint");

    [Fact]
    public void Every_device_of_every_NUMA_node_is_read_with_its_container()
    {
        var read = Read(
            """
            {"Data":{"PodDeviceEntries":[
              {"PodUID":"1fd2","ContainerName":"compute","ResourceName":"example.com/gpu",
               "DeviceIDs":{"-1":["c"],"0":["a","b"],"1":null},"AllocResp":"CgA="},
              {"PodUID":"9ab0","ContainerName":"main","ResourceName":"other.com/nic","DeviceIDs":{"0":["a"]},"AllocResp":null}],
             "RegisteredDevices":{"example.com/gpu":["a","b","c","d"]}},"Checksum":1234567890,"BootID":"5f0c"}
            """
        );

        Assert.Equal(["a", "b", "c"], read.Devices.Keys.Where(k => k.Resource == "example.com/gpu").Select(k => k.Id).Order());
        Assert.Equal("container compute of the pod with UID 1fd2", read.Devices[("example.com/gpu", "c")]);
        Assert.True(read.MayName("other.com/nic", "a"));
        Assert.False(read.MayName("example.com/gpu", "d")); // registered, and nobody's
    }

    [Fact]
    public void A_kubelet_before_1_20_wrote_one_plain_list_of_IDs() =>
        Assert.True(
            Read(
                    """
                    {"Data":{"PodDeviceEntries":[
                      {"PodUID":"1","ContainerName":"c","ResourceName":"example.com/gpu","DeviceIDs":["a"],"AllocResp":""}],
                     "RegisteredDevices":{}},"Checksum":1}
                    """
                )
                .MayName("example.com/gpu", "a")
        );

    [Fact]
    public void A_kubelet_without_devices_in_use_writes_null() =>
        Assert.Empty(Read("""{"Data":{"PodDeviceEntries":null,"RegisteredDevices":{"example.com/gpu":[]}},"Checksum":1}""").Devices);

    [Fact]
    public void A_missing_file_proves_nothing_and_says_when_it_comes()
    {
        var reading = new KubeletCheckpointReader(_directory).Read();

        Assert.True(reading.MayName("example.com/gpu", "a"));
        Assert.Equal(
            $"{File}, which would show that the kubelet forgot it, does not exist yet: the kubelet writes it with the "
                + "next list of a device plugin",
            Assert.IsType<CheckpointReading.Unreadable>(reading).Message
        );
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"Data\":{}}")]
    [InlineData("{\"Data\":{\"PodDeviceEntries\":[{\"PodUID\":1}]}}")]
    [InlineData("{\"Data\":{\"PodDeviceEntries\":{}}}")]
    public void A_file_of_another_shape_proves_nothing(string text)
    {
        System.IO.File.WriteAllText(File, text);
        var reading = new KubeletCheckpointReader(_directory).Read();

        Assert.True(reading.MayName("example.com/gpu", "a"));
        Assert.StartsWith(
            $"{File}, which would show that the kubelet forgot it, cannot be read: ",
            Assert.IsType<CheckpointReading.Unreadable>(reading).Message,
            StringComparison.Ordinal
        );
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private CheckpointReading.Read Read(string text)
    {
        System.IO.File.WriteAllText(File, text);
        return Assert.IsType<CheckpointReading.Read>(new KubeletCheckpointReader(_directory).Read());
    }
}
