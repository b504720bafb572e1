using Grpc.Core;
using Hostdev.Sandbox.Kubelet;
using Xunit;

namespace Hostdev.Tests.Kubelet;

/// <summary>The habits of the simulated kubelet that no other test shows.</summary>
public sealed class SimulatedKubeletTests
{
    private const string Gpu = KubeletBench.Gpu;

    [Fact]
    public async Task A_plugin_that_registers_before_it_serves_is_refused()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync();
        await using var foreign = new ForeignPlugin(bench.Kubelet.Directory, Gpu);
        bench.Kubelet.DialLimit = TimeSpan.FromMilliseconds(200);

        var refusal = await Assert.ThrowsAsync<RpcException>(foreign.RegisterAsync);

        Assert.EndsWith("foreign.sock: context deadline exceeded", refusal.Status.Detail, StringComparison.Ordinal);

        Assert.Null(bench.Kubelet.Capacity(Gpu));
    }

    [Fact]
    public async Task A_resource_keeps_its_capacity_for_five_minutes_after_its_plugin_went_away()
    {
        var clock = new ManualClock();
        await using var bench = new KubeletBench(kubeletTime: clock);
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a", "b"));

        await bench.Advertiser.StopAsync();
        await bench.OfferedAsync(Gpu, 0);
        clock.Advance(TimeSpan.FromMinutes(4.9));
        Assert.Equal(2, bench.Kubelet.Capacity(Gpu));
        clock.Advance(TimeSpan.FromMinutes(0.2));

        Assert.Null(bench.Kubelet.Capacity(Gpu));
    }

    [Fact]
    public async Task A_pod_that_asks_before_the_plugin_is_there_fails_for_good()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync();

        var pod = await bench.Kubelet.AdmitPodAsync("vms", "vm-1", new DeviceRequest(Gpu, 1));

        Assert.Equal((PodPhase.Failed, "UnexpectedAdmissionError"), (pod.Phase, pod.Reason));
        Assert.Contains("cannot allocate unregistered device example.com/gpu", pod.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failed_pod_leaves_its_devices_to_others_and_a_deleted_one_too()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a"), KubeletBench.Resource(KubeletBench.Nic, "n"));
        bench.Allocator.Bad["n"] = "n is broken";

        var failed = await bench.Kubelet.AdmitPodAsync("vms", "vm-1", new DeviceRequest(Gpu, 1), new DeviceRequest(KubeletBench.Nic, 1));
        var second = await bench.Kubelet.AdmitPodAsync("vms", "vm-2", new DeviceRequest(Gpu, 1));
        var third = await bench.Kubelet.AdmitPodAsync("vms", "vm-3", new DeviceRequest(Gpu, 1));
        bench.Kubelet.DeletePod("vms", "vm-2");
        var fourth = await bench.Kubelet.AdmitPodAsync("vms", "vm-4", new DeviceRequest(Gpu, 1));

        Assert.Equal(
            [PodPhase.Failed, PodPhase.Running, PodPhase.Failed, PodPhase.Running],
            [failed.Phase, second.Phase, third.Phase, fourth.Phase]
        );
        Assert.Contains("Requested: 1, Available: 0", third.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_kubelet_restart_keeps_the_pods_and_their_cached_answers()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a", "b"));
        var before = await bench.Kubelet.AdmitPodAsync("vms", "vm-1", new DeviceRequest(Gpu, 2));

        await bench.Kubelet.RestartAsync();
        await bench.OfferedAsync(Gpu, 2);
        var after = await bench.Kubelet.RestartContainerAsync("vms", "vm-1");

        Assert.Equal(PodPhase.Running, after.Phase);
        Assert.Equal(before.Envs, after.Envs);
        Assert.Equal(before.DeviceNodes, after.DeviceNodes);
    }

    [Fact]
    public async Task Every_list_is_one_write_of_the_checkpoint()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a"));
        var before = bench.Kubelet.CheckpointWrites;

        bench.Advertiser.Update([KubeletBench.Sick(Gpu, "a")]);
        await bench.OfferedAsync(Gpu, 0);

        Assert.Equal(before + 1, bench.Kubelet.CheckpointWrites);
    }
}
