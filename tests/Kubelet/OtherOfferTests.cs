using System.Collections.Immutable;
using System.Text.Json;
using Hostdev.DevicePlugin.Kubelet;
using Xunit;

namespace Hostdev.Tests.Kubelet;

public sealed class OtherOfferTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("hd-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void What_the_kubelet_has_of_others_is_offered_by_the_socket_that_says_it_or_by_one_that_says_nothing()
    {
        Checkpoint(("intel.com/nic", ["0000:45:00.1", "0000:45:00.0"]), ("devices.kubevirt.io/kvm", ["kvm0"]), ("rdma/hca", ["1"]));
        Sockets("kubelet.sock", "hostdev-example.com_dual.sock", "intel.com_nic.sock", "kubevirt-kvm.sock", "rdma.sock");

        Assert.Equal(
            [
                ("devices.kubevirt.io/kvm", "kubevirt-kvm.sock", true),
                ("intel.com/nic", "intel.com_nic.sock", false),
                ("rdma/hca", "rdma.sock", false),
            ],
            Read().Select(o => (o.Resource, o.Socket, o.IsNamedAsKubeVirts))
        );
        Assert.Equal(["0000:45:00.0", "0000:45:00.1"], Read()[1].Ids);
    }

    [Fact]
    public void What_we_listed_ourselves_is_no_other_plugin_s_whatever_name_it_had()
    {
        Checkpoint(("example.com/before", ["0000:45:00.0"]), ("intel.com/nic", ["0000:45:00.0"]));
        Sockets("plugin.sock");
        Assert.Equal(["intel.com/nic"], Read(("example.com/before", "0000:45:00.0")).Select(o => o.Resource));
    }

    [Fact]
    public void A_plugin_whose_socket_is_gone_offers_nothing_whatever_the_kubelet_still_has()
    {
        Checkpoint(("intel.com/nic", ["0000:45:00.0"]), ("other.io/nic", []));
        Assert.Empty(Read());
        Sockets("other.io_nic.sock"); // speaks for that one
        Assert.Empty(Read());
    }

    private ImmutableArray<OtherOffer> Read(params (string, string)[] ours) =>
        OtherOffer.Read(_directory, new KubeletCheckpointReader(_directory), (resource, id) => ours.Contains((resource, id)));

    private void Checkpoint(params (string Resource, string[] Ids)[] registered) =>
        File.WriteAllText(
            Path.Combine(_directory, KubeletCheckpointReader.FileName),
            JsonSerializer.Serialize(
                new
                {
                    Data = new
                    {
                        PodDeviceEntries = Array.Empty<object>(),
                        RegisteredDevices = registered.ToDictionary(r => r.Resource, r => r.Ids),
                    },
                }
            )
        );

    private void Sockets(params string[] names)
    {
        foreach (var name in names)
            File.WriteAllText(Path.Combine(_directory, name), "");
    }
}
