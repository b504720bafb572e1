using Grpc.Core;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Kubelet.Protos;
using Xunit;
using PluginApi = Hostdev.DevicePlugin.Kubelet.Protos.DevicePlugin;

namespace Hostdev.Tests.Kubelet;

/// <summary>What a peer that may call can cost: few connections, small requests that come to an end, no frames without end.</summary>
public sealed class SocketLimitTests : IAsyncLifetime
{
    private static readonly byte[] s_ask =
    [
        .. RawHttp2.Frame(RawHttp2.Headers, RawHttp2.EndHeaders, 1, RawHttp2.Call("GetDevicePluginOptions")),
        .. RawHttp2.Frame(RawHttp2.Data, RawHttp2.EndStream, 1, RawHttp2.Message([])),
    ];

    private readonly string _socket = Path.Combine(Directory.CreateTempSubdirectory("hd").FullName, "plugin.sock");
    private GrpcSocketServer? _server;

    public async ValueTask InitializeAsync() =>
        _server = await GrpcSocketServer.StartAsync(
            _socket,
            _ => PluginApi.BindService(new Service()),
            logger: null,
            CancellationToken.None,
            new GrpcSocketOptions { Request = TimeSpan.FromMilliseconds(300) }
        );

    public async ValueTask DisposeAsync()
    {
        await _server!.StopAsync(TimeSpan.FromMilliseconds(300));
        Directory.Delete(Path.GetDirectoryName(_socket)!, recursive: true);
    }

    public static TheoryData<string, byte[]> EmptyFrames =>
        new()
        {
            { "pings", RawHttp2.Frame(RawHttp2.Ping, 0, 0, new byte[8]) },
            { "settings", RawHttp2.Frame(RawHttp2.Settings, 0, 0, []) },
            { "data without a byte", RawHttp2.Frame(RawHttp2.Data, 0, 1, []) },
            { "data of padding", RawHttp2.Frame(RawHttp2.Data, 8, 1, [3, 0, 0, 0]) },
            { "window updates", RawHttp2.Frame(RawHttp2.WindowUpdate, 0, 0, [0, 0, 0, 1]) },
            { "frames of a type that there is not", RawHttp2.Frame(0xee, 0, 0, []) },
        };

    [Theory]
    [MemberData(nameof(EmptyFrames))]
    public async Task Frames_without_end_that_carry_nothing_end_the_connection_and_no_other(string what, byte[] frame)
    {
        using var peer = new RawHttp2(_socket);
        Assert.True(peer.TrySend(RawHttp2.Preface));
        peer.TrySend(RawHttp2.Frame(RawHttp2.Headers, RawHttp2.EndHeaders, 1, RawHttp2.Call("GetDevicePluginOptions")));
        var reading = Task.Run(() => peer.Read());
        var block = Enumerable.Repeat(frame, 100).SelectMany(f => f).ToArray();
        var sent = 0;
        while (sent < 1_000_000 && peer.TrySend(block))
            sent += 100;

        Assert.True(sent < 1_000_000, $"{what}: {sent} were taken");
        await reading;
        Ask();
    }

    [Fact]
    public void A_peer_that_sends_too_many_reads_that_it_is_to_go_away()
    {
        using var peer = new RawHttp2(_socket);
        peer.TrySend(RawHttp2.Preface);
        var pings = Enumerable.Repeat(RawHttp2.Frame(RawHttp2.Ping, 1, 0, new byte[8]), FrameBudget.Most + 100).SelectMany(f => f);
        Assert.True(peer.TrySend([.. pings]));

        Assert.Contains(peer.Read(), f => f.Type == RawHttp2.GoAway && f.Error != 0);
    }

    [Fact]
    public void As_many_frames_as_a_peer_sends_that_reads_lists_are_taken()
    {
        var budget = new FrameBudget(new StandingTime());
        for (var list = 0; list < 10_000; list++)
        {
            budget.Sent(16 << 10); // a frame of a list: a ping, an update of its stream's window, one of the connection's
            for (var i = 0; i < 3; i++)
                Assert.True(budget.Take(RawHttp2.Ping, 0, 8));
        }

        for (var i = 0; i < FrameBudget.Most; i++)
            budget.Take(RawHttp2.Ping, 0, 8);
        Assert.False(budget.Take(RawHttp2.Ping, 0, 8));
        Assert.True(budget.Take(RawHttp2.Data, RawHttp2.EndStream, 0));
        Assert.True(budget.Take(RawHttp2.Headers, 0, 0));
    }

    [Theory]
    [InlineData("no body", "")]
    [InlineData("a part of a message", "0000000009")]
    public void A_request_that_does_not_come_to_its_end_is_reset_and_the_connection_lives(string what, string hex)
    {
        using var peer = new RawHttp2(_socket);
        peer.TrySend(RawHttp2.Preface);
        peer.TrySend(RawHttp2.Frame(RawHttp2.Headers, RawHttp2.EndHeaders, 1, RawHttp2.Call("Allocate")));
        if (hex.Length > 0)
            peer.TrySend(RawHttp2.Frame(RawHttp2.Data, 0, 1, Convert.FromHexString(hex)));

        var last = peer.Read(f => f.Error is not null)[^1];
        Assert.True((last.Type, last.Stream, last.Error) == (RawHttp2.Reset, 1, RawHttp2.EnhanceYourCalm), $"{what}: {last}");

        var ask = s_ask.ToArray();
        ask[8] = ask[9 + RawHttp2.Call("GetDevicePluginOptions").Length + 8] = 3; // the next stream
        peer.TrySend(ask);
        Assert.Contains(peer.Read(f => f.Type == RawHttp2.Data), f => f.Stream == 3);
    }

    [Fact]
    public async Task A_call_that_lasts_longer_than_its_request_may_is_answered()
    {
        using var channel = SocketChannel.To(_socket);
        var client = new PluginApi.DevicePluginClient(channel);
        await client.PreStartContainerAsync(new PreStartContainerRequest()); // takes a second
        using var watch = client.ListAndWatch(new Empty());
        Assert.True(await watch.ResponseStream.MoveNext(CancellationToken.None));
    }

    [Fact]
    public void Of_many_connections_five_are_kept_and_a_place_that_is_free_is_taken()
    {
        var open = Enumerable.Range(0, 5).Select(_ => new RawHttp2(_socket)).ToList();
        foreach (var peer in open)
            Assert.True(Answers(peer));
        for (var i = 0; i < 100; i++)
        {
            using var more = new RawHttp2(_socket);
            Assert.False(Answers(more));
        }

        open[0].Dispose();
        var began = TimeProvider.System.GetTimestamp();
        while (!TryAsk())
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(10));
        open.ForEach(p => p.Dispose());
    }

    [Fact]
    public async Task A_request_of_256_KiB_is_taken_and_one_byte_more_is_refused()
    {
        using var channel = SocketChannel.To(_socket);
        var client = new PluginApi.DevicePluginClient(channel);
        // A tag, and a length of three bytes.
        PreStartContainerRequest Request(int bytes) => new() { DevicesIds = { new string('x', bytes - 4) } };

        await client.PreStartContainerAsync(Request(GrpcSocketOptions.RequestBytes));
        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await client.PreStartContainerAsync(Request(GrpcSocketOptions.RequestBytes + 1))
        );
        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
    }

    private void Ask()
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!TryAsk())
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(10), "the server answers nobody any more");
    }

    private bool TryAsk()
    {
        using var peer = new RawHttp2(_socket);
        return Answers(peer);
    }

    private static bool Answers(RawHttp2 peer) =>
        peer.TrySend([.. RawHttp2.Preface, .. s_ask]) && peer.Read(f => f.Type == RawHttp2.Data).Any(f => f.Type == RawHttp2.Data);

    private sealed class StandingTime : TimeProvider
    {
        public override long GetTimestamp() => 0;
    }

    private sealed class Service : PluginApi.DevicePluginBase
    {
        public override Task<DevicePluginOptions> GetDevicePluginOptions(Empty request, ServerCallContext context) =>
            Task.FromResult(new DevicePluginOptions { PreStartRequired = true });

        public override async Task<PreStartContainerResponse> PreStartContainer(PreStartContainerRequest request, ServerCallContext context)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), context.CancellationToken);
            return new PreStartContainerResponse();
        }

        public override async Task ListAndWatch(
            Empty request,
            IServerStreamWriter<ListAndWatchResponse> responseStream,
            ServerCallContext context
        )
        {
            await Task.Delay(TimeSpan.FromSeconds(1), context.CancellationToken);
            await responseStream.WriteAsync(new ListAndWatchResponse(), context.CancellationToken);
        }
    }
}
