using System.Net.Sockets;
using System.Text.Json.Nodes;
using Grpc.Core;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Kubelet.Protos;
using Hostdev.Sandbox.Kubelet;
using Xunit;
using PluginApi = Hostdev.DevicePlugin.Kubelet.Protos.DevicePlugin;

namespace Hostdev.Tests.Kubelet;

/// <summary>Who calls the sockets of our resources. The test's process is the kubelet; another one is a process of its own.</summary>
public sealed class SocketCallerTests
{
    private const string Gpu = KubeletBench.Gpu;

    [Fact]
    public async Task A_process_that_is_not_the_kubelet_gets_nothing_and_is_named_once()
    {
        var log = new LogLines();
        await using var bench = new KubeletBench(logger: log);
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a"));
        await using var peer = await NodePeer.StartAsync("client.js", SocketOf(bench));

        foreach (var method in (string[])["Allocate", "GetDevicePluginOptions", "ListAndWatch", "Allocate"])
        {
            var reply = await peer.CallAsync(new JsonObject { ["method"] = method, ["deadlineMs"] = 2_000 });
            Assert.True((int)reply["code"]! is 14 or 4, $"{method}: {reply}"); // UNAVAILABLE, or its deadline while it was tried again
        }

        Assert.Empty(bench.Allocator.Asked);
        Assert.True(bench.State(Gpu).StreamLive);
        Assert.Equal(1, bench.Kubelet.Registrations[Gpu]);
        Assert.Equal(PodPhase.Running, (await bench.Kubelet.AdmitPodAsync("vms", "vm-1", new DeviceRequest(Gpu, 1))).Phase);
        var refused = Assert.Single(log.Warnings);
        Assert.Matches(
            @"^Warning process \d+ \((node|MainThread)\) of user \d+ calls a socket of ours in the kubelet's directory and is refused: "
                + $@"devices are handed out to the kubelet alone, which is process {Environment.ProcessId} \(.+\) of user \d+\. Find "
                + "out what calls; it is not said again$",
            refused
        );
    }

    [Fact]
    public async Task The_kubelet_that_is_registered_with_now_may_call_and_the_one_before_may_not()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a"));
        await bench.Kubelet.StopAsync();

        await using var next = await NodePeer.StartAsync("kubelet.js", bench.Kubelet.Directory);
        await Waiting.UntilAsync(() => next.Events("list").Any(l => (int)l["healthy"]! == 1), 30);

        using var channel = SocketChannel.To(SocketOf(bench));
        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await new PluginApi.DevicePluginClient(channel).GetDevicePluginOptionsAsync(new Empty())
        );
        Assert.Equal(StatusCode.Unavailable, refused.StatusCode);
        await Waiting.UntilAsync(() => bench.State(Gpu).StreamLive, 30); // it may be registered with twice
    }

    [Fact]
    public async Task A_connection_of_a_kubelet_that_is_none_any_more_is_refused_with_a_sentence()
    {
        var isKubelet = true;
        var path = Path.Combine(Directory.CreateTempSubdirectory("hd").FullName, "plugin.sock");
        await using var server = await GrpcSocketServer.StartAsync(
            path,
            _ => PluginApi.BindService(new Options()),
            logger: null,
            CancellationToken.None,
            new GrpcSocketOptions { Admits = _ => isKubelet }
        );
        using var channel = SocketChannel.To(path);
        var client = new PluginApi.DevicePluginClient(channel);
        await client.GetDevicePluginOptionsAsync(new Empty());

        isKubelet = false;
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await client.GetDevicePluginOptionsAsync(new Empty()));
        Assert.Equal((StatusCode.PermissionDenied, "another process is the kubelet now"), (refused.StatusCode, refused.Status.Detail));
    }

    [Fact]
    public void A_kubelet_of_a_PID_namespace_that_is_not_seen_is_said_with_what_is_to_be_set()
    {
        var hidden = new SocketPeer(0, 0);
        Assert.Equal(
            "kubelet.sock is served from a PID namespace that this process does not see, so that nobody who calls can be told from the "
                + "kubelet: run the agent with the host's PIDs (hostPID: true in its Pod), or give --hidden-kubelet where the kubelet is "
                + "meant to be in another",
            Assert.Throws<IOException>(() => new SocketCallers(SocketCallers.IsKubelet, new LogLines()).Expect(hidden)).Message
        );

        var callers = new SocketCallers(SocketCallers.MayBeKubelet, new LogLines());
        callers.Expect(hidden);
        Assert.True(callers.Admits(new SocketPeer(0, 0)));
        Assert.False(callers.Admits(new SocketPeer(0, 1000)));
        Assert.False(callers.Admits(new SocketPeer(17, 0)));
    }

    [Fact]
    public void Before_a_kubelet_is_known_nobody_may_call_and_of_many_the_first_are_said()
    {
        var log = new LogLines();
        var callers = new SocketCallers(SocketCallers.IsKubelet, log);
        for (var round = 0; round < 3; round++)
        {
            for (var pid = 1_000_000_000; pid < 1_000_000_100; pid++)
                Assert.False(callers.Admits(new SocketPeer(pid, 0)));
        }

        Assert.Equal(32, log.Warnings.Count());
        Assert.StartsWith(
            "Warning process 1000000000 (gone) of user 0 calls a socket of ours in the kubelet's directory and is refused: devices are "
                + "handed out to the kubelet alone, which is not known yet.",
            log.Warnings.First(),
            StringComparison.Ordinal
        );
    }

    /// <summary>The kernel's word for both ends of a connection within one process.</summary>
    [Fact]
    public async Task A_peer_is_who_connected_and_who_listens()
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("hd").FullName, "a.sock");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        using var client = await SocketChannel.ConnectAsync(path, TestContext.Current.CancellationToken);
        using var accepted = await listener.AcceptAsync(TestContext.Current.CancellationToken);

        Assert.Equal(Environment.ProcessId, SocketPeer.Of(client).Pid);
        Assert.Equal(SocketPeer.Of(client), SocketPeer.Of(accepted));
    }

    private static string SocketOf(KubeletBench bench) => Path.Combine(bench.Kubelet.Directory, "hostdev-example.com_gpu.sock");

    private sealed class Options : PluginApi.DevicePluginBase
    {
        public override Task<DevicePluginOptions> GetDevicePluginOptions(Empty request, ServerCallContext context) =>
            Task.FromResult(new DevicePluginOptions());
    }
}
