using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Sandbox.Kubelet;
using Xunit;

namespace Hostdev.Tests.Kubelet;

/// <summary>An ID that nothing offers any more, on its way out of the kubelet's list.</summary>
public sealed class DepartureTests
{
    private const string Gpu = KubeletBench.Gpu;

    /// <summary>A reading proves at once what it would prove after the waits, which the policy's own tests hold.</summary>
    private static readonly KubeletTimings Timings = new() { ListPolicy = new AdvertisedListPolicy(Settle: TimeSpan.Zero) };
    private static readonly ReleaseProof AtOnce = new() { Absence = TimeSpan.Zero, UnseenGrace = TimeSpan.Zero };

    [Fact]
    public async Task A_device_that_is_withdrawn_during_its_Allocate_does_not_kill_the_kubelet()
    {
        await using var bench = new KubeletBench(Timings);
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a", "b"));
        bench.Allocator.Gate = async (_, _) =>
        {
            bench.Advertiser.Update([KubeletBench.Resource(Gpu, "b")]);
            await bench.OfferedAsync(Gpu, 1);
            await Waiting.UntilAsync(() => bench.State(Gpu).Leaving.SequenceEqual(["a"]));
            bench.Report(); // a reading from before the kubelet knows of the pod
            bench.Advertiser.Update([KubeletBench.Resource(Gpu, "b", "c")]); // a list that is sent after the one that would lack a
            await bench.OfferedAsync(Gpu, 2);
        };

        var pod = await bench.Kubelet.AdmitPodAsync("vms", "vm-1", new DeviceRequest(Gpu, 1, ["a"]));
        bench.Report();
        bench.Advertiser.Update([KubeletBench.Resource(Gpu, "b", "c", "d")]);
        await bench.OfferedAsync(Gpu, 3);

        Assert.Null(bench.Kubelet.CauseOfDeath);
        Assert.Equal(PodPhase.Running, pod.Phase);
        Assert.Equal(["a", "b", "c", "d"], bench.Kubelet.Devices(Gpu).Select(d => d.Id));
    }

    [Fact]
    public async Task A_kubelet_dies_of_a_plugin_without_that_rule()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync();
        await using var foreign = new ForeignPlugin(bench.Kubelet.Directory, Gpu);
        foreign.List("a", "b");
        await foreign.StartAsync();
        await foreign.RegisterAsync();
        await bench.OfferedAsync(Gpu, 2);
        foreign.OnAllocate = async () =>
        {
            foreign.List("b");
            await bench.OfferedAsync(Gpu, 1);
        };

        await bench.Kubelet.AdmitPodAsync("vms", "vm-1", new DeviceRequest(Gpu, 1, ["a"]));

        Assert.Contains(
            "a of example.com/gpu left the list during an Allocate that names it",
            bench.Kubelet.CauseOfDeath,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_withdrawn_device_leaves_when_a_reading_proves_it_free_and_was_Unhealthy_before()
    {
        await using var bench = new KubeletBench(Timings, proof: AtOnce);
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a", "b"));

        bench.Advertiser.Update([KubeletBench.Resource(Gpu, "b")]);
        await bench.OfferedAsync(Gpu, 1);
        Assert.Equal(2, bench.Kubelet.Capacity(Gpu));
        Assert.True(bench.Advertiser.WaitsForLook);
        await Waiting.UntilAsync(() => bench.State(Gpu).Leaving.SequenceEqual(["a"]));
        bench.Report();

        await Waiting.UntilAsync(() => bench.Kubelet.Capacity(Gpu) == 1);
        Assert.False(bench.Advertiser.WaitsForLook);
        Assert.Equal(1, bench.Kubelet.Allocatable(Gpu));
    }

    [Fact]
    public async Task A_removed_resource_stays_registered_with_its_held_device_Unhealthy_until_the_holder_is_gone()
    {
        await using var bench = new KubeletBench(Timings, proof: AtOnce);
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a", "b"));
        await bench.Kubelet.AdmitPodAsync("vms", "vm-1", new DeviceRequest(Gpu, 1, ["a"]));

        bench.Advertiser.Update([]);
        await bench.OfferedAsync(Gpu, 0);
        bench.Report((Gpu, "a"));
        await Waiting.UntilAsync(() => bench.Kubelet.Devices(Gpu).Select(d => d.Id).SequenceEqual(["a"]));
        Assert.True(bench.State(Gpu).Removed);
        Assert.Equal(PodPhase.Running, (await bench.Kubelet.RestartContainerAsync("vms", "vm-1")).Phase);

        bench.Report();
        await Waiting.UntilAsync(() => bench.Advertiser.Snapshot().IsEmpty);
        await Waiting.UntilAsync(() => Directory.GetFiles(bench.Kubelet.Directory, "hostdev-*").Length == 0);
        await Waiting.UntilAsync(() => bench.Kubelet.Capacity(Gpu) == 0);
    }

    [Fact]
    public async Task A_held_device_of_a_resource_that_nothing_asks_for_after_a_restart_of_the_agent_is_registered_Unhealthy()
    {
        await using var bench = new KubeletBench(Timings, proof: AtOnce);
        bench.Advertiser.Update([]);
        bench.Report((Gpu, "a"));
        await bench.StartAsync();

        await Waiting.UntilAsync(() => bench.Kubelet.Capacity(Gpu) == 1);
        Assert.Equal([new ListedDevice("a", false, null)], bench.Kubelet.Devices(Gpu));
    }

    [Fact]
    public async Task A_resource_that_comes_back_before_it_left_is_offered_again()
    {
        await using var bench = new KubeletBench(Timings, proof: AtOnce);
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a"));

        bench.Advertiser.Update([]);
        await bench.OfferedAsync(Gpu, 0);
        bench.Advertiser.Update([KubeletBench.Resource(Gpu, "a")]);

        await bench.OfferedAsync(Gpu, 1);
        Assert.False(bench.State(Gpu).Removed);
    }

    [Fact]
    public async Task A_resource_that_comes_back_after_it_left_is_registered_afresh()
    {
        await using var bench = new KubeletBench(Timings, proof: AtOnce);
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a"));

        bench.Advertiser.Update([]);
        await bench.OfferedAsync(Gpu, 0);
        await Waiting.UntilAsync(() => bench.State(Gpu).Leaving.SequenceEqual(["a"]));
        bench.Report();
        await Waiting.UntilAsync(() => bench.Advertiser.Snapshot().IsEmpty);
        bench.Advertiser.Update([KubeletBench.Resource(Gpu, "a")]);

        await bench.OfferedAsync(Gpu, 1);
    }
}
