using Grpc.Core;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Kubelet.Protos;
using Hostdev.Sandbox.Kubelet;
using Xunit;
using PluginApi = Hostdev.DevicePlugin.Kubelet.Protos.DevicePlugin;

namespace Hostdev.Tests.Kubelet;

[Trait(Pace.Name, Pace.Slow)]
public sealed class AllocationTests
{
    private const string Gpu = KubeletBench.Gpu;

    [Fact]
    public async Task A_pod_gets_what_the_allocator_granted_for_the_preferred_devices()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a", "b", "c"));

        var pod = await bench.Kubelet.AdmitPodAsync("vms", "vm-1", new DeviceRequest(Gpu, 2));

        Assert.Equal(PodPhase.Running, pod.Phase);
        Assert.Equal("b,c", pod.Envs["PCI_RESOURCE_EXAMPLE_COM_GPU"]);
        Assert.Equal(["/dev/vfio/vfio", "/dev/vfio/b", "/dev/vfio/c"], pod.DeviceNodes);
    }

    [Fact]
    public async Task A_request_for_more_containers_than_a_kubelet_asks_for_is_refused_before_anything_is_made_for_it()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a"));
        using var channel = SocketChannel.To(Path.Combine(bench.Kubelet.Directory, "hostdev-example.com_gpu.sock"));
        var request = new AllocateRequest
        {
            ContainerRequests = { Enumerable.Range(0, 17).Select(_ => new ContainerAllocateRequest { DevicesIds = { "a" } }) },
        };

        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await new PluginApi.DevicePluginClient(channel).AllocateAsync(request)
        );
        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        Assert.Equal("the request is for 17 containers, and 16 are taken at most", refused.Status.Detail);
        Assert.Empty(bench.Allocator.Asked);
    }

    [Fact]
    public async Task A_refused_device_is_shown_Unhealthy_before_the_error_is_returned_with_its_sentence()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a", "b"));
        bench.Allocator.Bad["b"] = "b is used by qemu, process 4711: stop it – später";

        var pod = await bench.Kubelet.AdmitPodAsync("vms", "vm-1", new DeviceRequest(Gpu, 1, ["b"]));

        Assert.Equal((PodPhase.Failed, "UnexpectedAdmissionError"), (pod.Phase, pod.Reason));
        Assert.Contains("b is used by qemu, process 4711: stop it – später", pod.Message, StringComparison.Ordinal);
        await bench.OfferedAsync(Gpu, 1); // written before the error; the kubelet reads its stream in another thread
        Assert.Equal(["a"], bench.Kubelet.Devices(Gpu).Where(d => d.Healthy).Select(d => d.Id));
        Assert.Equal("b is used by qemu, process 4711: stop it – später", bench.State(Gpu).Refused.Single().Message);
    }

    [Fact]
    public async Task The_next_pod_gets_another_device_than_the_refused_one()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a", "b"));
        bench.Allocator.Bad["b"] = "b is broken";

        var first = await bench.Kubelet.AdmitPodAsync("vms", "vm-1", new DeviceRequest(Gpu, 1));
        await bench.OfferedAsync(Gpu, 1);
        var second = await bench.Kubelet.AdmitPodAsync("vms", "vm-2", new DeviceRequest(Gpu, 1));

        Assert.Equal(PodPhase.Failed, first.Phase);
        Assert.Equal(["a"], second.Devices[Gpu]);
    }

    [Fact]
    public async Task A_refused_device_comes_back_after_a_good_recheck_only()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a"));
        bench.Allocator.Bad["a"] = "a is broken";
        await bench.Kubelet.AdmitPodAsync("vms", "vm-1", new DeviceRequest(Gpu, 1));
        await bench.OfferedAsync(Gpu, 0);

        await Waiting.UntilAsync(() => bench.Allocator.Rechecked.Count > 2); // one that passed would be the last
        Assert.Equal(0, bench.Kubelet.Allocatable(Gpu));
        bench.Allocator.Bad.Clear();

        await bench.OfferedAsync(Gpu, 1);
        Assert.Empty(bench.State(Gpu).Refused);
    }

    [Fact]
    public async Task An_allocator_that_takes_too_long_gives_a_deadline_error_and_other_pods_go_on()
    {
        await using var bench = new KubeletBench(new KubeletTimings { Allocate = TimeSpan.FromMilliseconds(300) });
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a"), KubeletBench.Resource(KubeletBench.Nic, "n"));
        bench.Allocator.Gate = (ids, _) => ids.Contains("a") ? Task.Delay(Timeout.Infinite, CancellationToken.None) : Task.CompletedTask;

        var slow = bench.Kubelet.AdmitPodAsync("vms", "slow", new DeviceRequest(Gpu, 1));
        await Waiting.UntilAsync(() => bench.Allocator.Asked.Contains("a"));
        var other = bench.Kubelet.AdmitPodAsync("vms", "other", new DeviceRequest(KubeletBench.Nic, 1));

        Assert.False(other.IsCompleted); // the kubelet has one sync loop: ours must end
        Assert.Contains(
            "DeadlineExceeded desc = a of example.com/gpu could not be made ready within 0.3 s",
            (await slow).Message,
            StringComparison.Ordinal
        );
        Assert.Equal(PodPhase.Running, (await other).Phase);
    }

    [Fact]
    public async Task An_ID_that_is_not_in_the_list_is_never_handed_out_and_the_allocator_is_not_asked()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a"));

        var pod = await bench.Kubelet.AdmitPodAsync("vms", "vm-1", new DeviceRequest(Gpu, 1, ["zzz"]));

        Assert.Contains("zzz is not in the last list of example.com/gpu that the kubelet was sent", pod.Message, StringComparison.Ordinal);
        Assert.Empty(bench.Allocator.Asked);
        Assert.Null(bench.Kubelet.CauseOfDeath);
    }

    [Fact]
    public async Task A_device_that_is_withdrawn_on_the_way_is_refused()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a", "b"));
        bench.Kubelet.BeforeAllocate = async (_, _) =>
        {
            bench.Advertiser.Update([KubeletBench.Resource(Gpu, "a")]);
            await bench.OfferedAsync(Gpu, 1);
        };

        var pod = await bench.Kubelet.AdmitPodAsync("vms", "vm-1", new DeviceRequest(Gpu, 1, ["b"]));

        Assert.Contains("b of example.com/gpu is being withdrawn", pod.Message, StringComparison.Ordinal);
        Assert.Null(bench.Kubelet.CauseOfDeath);
    }

    [Fact]
    public async Task A_restarted_container_gets_the_cached_answer_unless_reality_differs()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a"));
        var pod = await bench.Kubelet.AdmitPodAsync("vms", "vm-1", new DeviceRequest(Gpu, 1));

        var same = await bench.Kubelet.RestartContainerAsync("vms", "vm-1");
        bench.Allocator.Changed["a"] = "a was /dev/vfio/7 and is /dev/vfio/9 now";
        var changed = await bench.Kubelet.RestartContainerAsync("vms", "vm-1");

        Assert.Equal(pod.Envs, same.Envs);
        Assert.Single(bench.Allocator.Asked);
        Assert.Equal((PodPhase.Waiting, "a was /dev/vfio/7 and is /dev/vfio/9 now"), (changed.Phase, changed.Message));
    }

    [Fact]
    public async Task An_allocator_that_throws_is_a_refusal_and_not_an_outage()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a"));
        bench.Allocator.Gate = (_, _) => throw new InvalidOperationException("no such file: /sys/x");

        var pod = await bench.Kubelet.AdmitPodAsync("vms", "vm-1", new DeviceRequest(Gpu, 1));

        Assert.Contains("a of example.com/gpu could not be checked: no such file: /sys/x", pod.Message, StringComparison.Ordinal);
    }
}
