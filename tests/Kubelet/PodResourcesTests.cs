using Hostdev.DevicePlugin.Kubelet;
using Hostdev.Sandbox.Kubelet;
using Xunit;

namespace Hostdev.Tests.Kubelet;

public sealed class PodResourcesTests
{
    private const string Gpu = KubeletBench.Gpu;

    [Fact]
    public async Task A_pod_is_named_with_every_device_it_uses_until_it_is_deleted()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a", "b"));
        await bench.Kubelet.AdmitPodAsync("vms", "vm-1", new DeviceRequest(Gpu, 2));
        using var client = new PodResourcesClient(bench.Kubelet.PodResourcesSocket, TimeProvider.System);

        var used = Assert.IsType<PodResourcesReading.Read>(await client.ListAsync(CancellationToken.None));
        bench.Kubelet.DeletePod("vms", "vm-1");
        var free = Assert.IsType<PodResourcesReading.Read>(await client.ListAsync(CancellationToken.None));

        Assert.Equal([new PodDevice(Gpu, "a", "vms", "vm-1", "compute"), new PodDevice(Gpu, "b", "vms", "vm-1", "compute")], used.Devices);
        Assert.Contains(("vms", "vm-1"), used.Pods);
        Assert.Empty(free.Devices);
    }

    [Fact]
    public async Task A_kubelet_that_cannot_be_asked_is_not_an_empty_list()
    {
        await using var bench = new KubeletBench();
        using var client = new PodResourcesClient(bench.Kubelet.PodResourcesSocket, TimeProvider.System);

        var absent = Assert.IsType<PodResourcesReading.Unreadable>(await client.ListAsync(CancellationToken.None));
        await bench.Kubelet.StartAsync();
        var present = await client.ListAsync(CancellationToken.None);
        await bench.Kubelet.StopAsync();
        await File.WriteAllTextAsync(bench.Kubelet.PodResourcesSocket, "", CancellationToken.None);
        var dead = Assert.IsType<PodResourcesReading.Unreadable>(await client.ListAsync(CancellationToken.None));

        Assert.Equal(
            $"{bench.Kubelet.PodResourcesSocket} does not exist, so nobody can say which pod uses which device: is the kubelet running?",
            absent.Message
        );
        Assert.IsType<PodResourcesReading.Read>(present);
        Assert.Contains("Unavailable", dead.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_survives_a_kubelet_restart()
    {
        await using var bench = new KubeletBench();
        await bench.Kubelet.StartAsync();
        using var client = new PodResourcesClient(bench.Kubelet.PodResourcesSocket, TimeProvider.System);
        Assert.IsType<PodResourcesReading.Read>(await client.ListAsync(CancellationToken.None));

        await bench.Kubelet.RestartAsync();

        Assert.IsType<PodResourcesReading.Read>(await client.ListAsync(CancellationToken.None));
    }
}
