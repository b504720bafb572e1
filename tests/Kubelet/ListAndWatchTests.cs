using System.Text.Json.Nodes;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Kubelet.Protos;
using Hostdev.DevicePlugin.Offering;
using Xunit;
using PluginApi = Hostdev.DevicePlugin.Kubelet.Protos.DevicePlugin;

namespace Hostdev.Tests.Kubelet;

public sealed class ListAndWatchTests
{
    private const string Gpu = KubeletBench.Gpu;

    [Fact]
    public async Task A_burst_of_changes_is_few_lists_and_ends_with_the_last_change()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a"));
        var before = bench.Kubelet.Lists(Gpu).Length;
        var start = TimeProvider.System.GetTimestamp();

        for (var i = 0; i < 200; i++)
            bench.Advertiser.Update([i % 2 == 0 ? KubeletBench.Sick(Gpu, "a") : KubeletBench.Resource(Gpu, "a")]);
        bench.Advertiser.Update([KubeletBench.Resource(Gpu, "a", "b")]);

        await bench.OfferedAsync(Gpu, 2);
        var most = 3 + (TimeProvider.System.GetElapsedTime(start) / new KubeletTimings().Coalesce);
        Assert.InRange(bench.Kubelet.Lists(Gpu).Length - before, 1, most);
    }

    [Fact]
    public async Task Health_goes_both_ways_and_takes_a_device_out_of_allocatable_only()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a", "b"));

        bench.Advertiser.Update([KubeletBench.Sick(Gpu, "a", "b")]);
        await bench.OfferedAsync(Gpu, 0);
        Assert.Equal(2, bench.Kubelet.Capacity(Gpu));
        bench.Advertiser.Update([KubeletBench.Resource(Gpu, "a", "b")]);
        await bench.OfferedAsync(Gpu, 2);
    }

    [Fact]
    public async Task A_second_stream_ends_the_first_before_it_begins()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a"));
        using var channel = SocketChannel.To(Path.Combine(bench.Kubelet.Directory, "hostdev-example.com_gpu.sock"));
        var client = new PluginApi.DevicePluginClient(channel);
        using var first = client.ListAndWatch(new Empty());
        Assert.True(await first.ResponseStream.MoveNext(CancellationToken.None));

        using var second = client.ListAndWatch(new Empty());
        Assert.True(await second.ResponseStream.MoveNext(CancellationToken.None));

        Assert.False(await first.ResponseStream.MoveNext(CancellationToken.None));
    }

    [Fact]
    public async Task A_list_of_too_many_devices_is_as_long_as_the_kubelet_can_ask_about_and_the_problem_says_so()
    {
        await using var bench = new KubeletBench();
        await bench.Kubelet.StartAsync();
        bench.Advertiser.Start();
        var many = Enumerable.Range(0, 60_000).Select(i => new AdvertisedDevice($"{i:d6}-{new string('x', 56)}", true, 1));
        bench.Advertiser.Update([new AdvertisedResource(ResourceName.Parse(Gpu), [.. many])]);

        await Waiting.UntilAsync(() => bench.Kubelet.Allocatable(Gpu) > 3_000, 30);

        var (listed, problem) = (bench.Kubelet.Allocatable(Gpu)!.Value, bench.State(Gpu).Problem);
        Assert.Equal(Reasons.ListTooLarge, problem?.Reason);
        Assert.StartsWith(
            $"example.com/gpu has {60_000 - listed} devices more than one message of the kubelet can hold, from {listed:d6}-",
            problem?.Message,
            StringComparison.Ordinal
        );
        // It asks for a preference among all of them.
        var pod = await bench.Kubelet.AdmitPodAsync("vms", "vm-1", new Hostdev.Sandbox.Kubelet.DeviceRequest(Gpu, 2));
        Assert.True(pod.Phase == Hostdev.Sandbox.Kubelet.PodPhase.Running, pod.ToString());
    }

    [Fact]
    public async Task A_stop_with_open_streams_takes_less_than_a_second_and_leaves_no_socket()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync([.. Enumerable.Range(0, 6).Select(i => KubeletBench.Resource($"example.com/r{i}", $"r{i}-a"))]);
        var start = TimeProvider.System.GetTimestamp();

        await bench.Advertiser.StopAsync();

        Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(1), $"{TimeProvider.System.GetElapsedTime(start)}");
        Assert.Empty(Directory.GetFiles(bench.Kubelet.Directory, "hostdev-*"));
        await bench.OfferedAsync("example.com/r0", 0);
        Assert.Equal(1, bench.Kubelet.Capacity("example.com/r0"));
    }

    [Fact]
    public async Task A_stop_during_an_Allocate_that_hangs_takes_less_than_a_second()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a"));
        bench.Allocator.Gate = (_, token) => Task.Delay(Timeout.Infinite, token);
        var pod = bench.Kubelet.AdmitPodAsync("vms", "vm-1", new Hostdev.Sandbox.Kubelet.DeviceRequest(Gpu, 1));
        await Waiting.UntilAsync(() => !bench.Allocator.Asked.IsEmpty);
        var start = TimeProvider.System.GetTimestamp();

        await bench.Advertiser.StopAsync();

        Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(1), $"{TimeProvider.System.GetElapsedTime(start)}");
        Assert.Equal(Hostdev.Sandbox.Kubelet.PodPhase.Failed, (await pod).Phase);
    }

    [Fact]
    public async Task A_peer_that_reads_nothing_holds_up_neither_the_next_stream_nor_the_stop()
    {
        await using var bench = new KubeletBench(mayCall: (_, _) => true); // as another stream of the kubelet's own
        // more than a connection buffers
        await bench.StartAsync(KubeletBench.Resource(Gpu, [.. Enumerable.Range(0, 14_000).Select(i => $"{i:d6}-xxxxx")]));
        await using var peer = await NodePeer.StartAsync(
            "client.js",
            Path.Combine(bench.Kubelet.Directory, "hostdev-example.com_gpu.sock")
        );
        foreach (var method in (string[])["raw", "ListAndWatch", "raw"])
        {
            var watch = peer.Send(
                new JsonObject
                {
                    ["method"] = method,
                    ["path"] = "/v1beta1.DevicePlugin/ListAndWatch",
                    ["hex"] = "0000000000",
                    ["window"] = 0,
                }
            );
            await Waiting.UntilAsync(
                () => peer.Events("response").Concat(peer.Events("list")).Any(e => (int)e["id"]! == watch),
                state: () => $"{method}, reply {peer.Reply(watch)}, {bench.State(Gpu)}, registered {bench.Kubelet.Registrations[Gpu]} times"
            );
        }

        var start = TimeProvider.System.GetTimestamp();
        await bench.Advertiser.StopAsync();

        // Kestrel waits 30 s for an open stream.
        Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(10), $"{TimeProvider.System.GetElapsedTime(start)}");
    }
}
