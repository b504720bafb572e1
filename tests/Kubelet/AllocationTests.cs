using Hostdev.Sandbox.Kubelet;
using Xunit;

namespace Hostdev.Tests.Kubelet;

public sealed class AllocationTests
{
    [Fact]
    public async Task A_pod_gets_what_the_allocator_granted_for_the_preferred_devices()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync(KubeletBench.Resource(KubeletBench.Gpu, "a", "b", "c"));

        var pod = await bench.Kubelet.AdmitPodAsync("vms", "vm-1", new DeviceRequest(KubeletBench.Gpu, 2));

        Assert.Equal(PodPhase.Running, pod.Phase);
        Assert.Equal("b,c", pod.Envs["PCI_RESOURCE_EXAMPLE_COM_GPU"]);
        Assert.Equal(["/dev/vfio/vfio", "/dev/vfio/b", "/dev/vfio/c"], pod.DeviceNodes);
    }
}
