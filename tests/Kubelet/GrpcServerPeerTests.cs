using System.Text.Json.Nodes;
using Grpc.Core;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Kubelet.Protos;
using Xunit;
using PluginApi = Hostdev.DevicePlugin.Kubelet.Protos.DevicePlugin;

namespace Hostdev.Tests.Kubelet;

/// <summary>Our server, called by grpc-js.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class GrpcServerPeerTests : IAsyncLifetime
{
    /// <summary>What ASCII has not.</summary>
    private const string Words = "0000:3b:00.0 gehört „qemu“, 100% — 空いていない";

    private readonly string _socket = Path.Combine(Directory.CreateTempSubdirectory("hd").FullName, "plugin.sock");
    private readonly TaskCompletionSource _cancelled = new();
    private GrpcSocketServer? _server;
    private NodePeer? _peer;

    private NodePeer Peer => _peer!;

    public async ValueTask InitializeAsync()
    {
        _server = await GrpcSocketServer.StartAsync(
            _socket,
            stopping => PluginApi.BindService(new Service(this, stopping)),
            logger: null,
            CancellationToken.None
        );
        _peer = await NodePeer.StartAsync("client.js", _socket);
    }

    public async ValueTask DisposeAsync()
    {
        await Peer.DisposeAsync();
        await _server!.StopAsync(TimeSpan.FromMilliseconds(300));
        Directory.Delete(Path.GetDirectoryName(_socket)!, recursive: true);
    }

    [Fact]
    public async Task A_unary_call_is_answered()
    {
        var reply = await Peer.CallAsync(new JsonObject { ["method"] = "GetDevicePluginOptions" });

        Assert.Equal(0, (int)reply["code"]!);
        Assert.True((bool)reply["response"]!["pre_start_required"]!);
    }

    [Fact]
    public async Task An_error_arrives_with_its_message_also_when_that_is_not_ASCII()
    {
        var reply = await Peer.CallAsync(new JsonObject { ["method"] = "Allocate" });

        Assert.Equal((9, Words), ((int)reply["code"]!, (string)reply["message"]!));
    }

    [Fact]
    public async Task A_handler_that_throws_is_an_internal_error()
    {
        var reply = await Peer.CallAsync(new JsonObject { ["method"] = "GetPreferredAllocation" });

        Assert.Equal((13, "InvalidOperationException: a bug"), ((int)reply["code"]!, (string)reply["message"]!));
    }

    [Fact]
    public async Task Five_hundred_lists_of_a_thousand_devices_arrive_in_one_stream()
    {
        var reply = await Peer.CallAsync(new JsonObject { ["method"] = "ListAndWatch", ["cancelAfter"] = 500 }, 60);

        Assert.Equal((500, 1000), ((int)reply["messages"]!, (int)reply["devices"]!));
    }

    [Fact]
    public async Task A_cancelled_stream_is_cancelled_here_too()
    {
        var reply = await Peer.CallAsync(new JsonObject { ["method"] = "ListAndWatch", ["cancelAfter"] = 1 });

        Assert.Equal(1, (int)reply["code"]!);
        await _cancelled.Task.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task A_deadline_ends_the_call_with_4_on_both_sides()
    {
        var unary = await Peer.CallAsync(new JsonObject { ["method"] = "PreStartContainer", ["deadlineMs"] = 200 });
        var raw = await Peer.CallAsync(Raw("/v1beta1.DevicePlugin/PreStartContainer", "0000000000", ("grpc-timeout", "100m")));

        Assert.Equal(4, (int)unary["code"]!);
        Assert.Equal(4, (int)raw["code"]!);
    }

    [Fact]
    public async Task A_request_over_the_limit_is_refused_with_8()
    {
        var ids = new JsonArray([.. Enumerable.Range(0, 80_000).Select(i => (JsonNode)$"{i:d5}{new string('x', 58)}")]);
        var request = new JsonObject { ["container_requests"] = new JsonArray(new JsonObject { ["devices_ids"] = ids }) };

        var reply = await Peer.CallAsync(new JsonObject { ["method"] = "Allocate", ["request"] = request });

        Assert.Equal(8, (int)reply["code"]!);
        Assert.Equal("Received message exceeds the maximum configured message size.", (string)reply["message"]!);
    }

    [Fact]
    public async Task An_unknown_method_is_12()
    {
        var reply = await Peer.CallAsync(new JsonObject { ["method"] = "Unknown" });

        Assert.Equal((12, "Method is unimplemented."), ((int)reply["code"]!, (string)reply["message"]!));
    }

    [Theory]
    [InlineData("a frame that ends early", "0000000005aa", 13)]
    [InlineData("a header that ends early", "000000", 13)]
    [InlineData("no frame at all", "", 13)]
    [InlineData("two frames", "00000000000000000000", 13)]
    [InlineData("a flag of 2", "0200000000", 2)]
    [InlineData("bytes that are no message", "00000000020aff", 2)]
    [InlineData("a compressed frame without an encoding", "010000000100", 13)]
    [InlineData("a compressed frame", "010000000100", 12, "gzip")]
    [InlineData("a length of 2 GiB", "007fffffff", 8)]
    [InlineData("a length of 4 GiB", "00ffffffff", 2)]
    public async Task A_malformed_frame_has_its_status(string what, string hex, int code, string? encoding = null)
    {
        var reply = await Peer.CallAsync(Raw("/v1beta1.DevicePlugin/Allocate", hex, encoding is null ? [] : [("grpc-encoding", encoding)]));

        Assert.True(
            code == (int)reply["code"]! && (string)reply["message"]! is not ("" or "Exception was thrown by handler."),
            $"{what}: {reply}"
        );
        Assert.Equal(0, (int)(await Peer.CallAsync(new JsonObject { ["method"] = "GetDevicePluginOptions" }))["code"]!);
    }

    [Fact]
    public async Task What_is_no_gRPC_gets_an_HTTP_status_and_the_server_lives_on()
    {
        var reply = await Peer.CallAsync(Raw("/v1beta1.DevicePlugin/Allocate", "", ("content-type", "text/plain")));
        var badTimeout = await Peer.CallAsync(Raw("/v1beta1.DevicePlugin/Allocate", "0000000000", ("grpc-timeout", "soon")));

        Assert.Equal(415, (int)reply["http"]!);
        Assert.Equal(9, (int)badTimeout["code"]!); // what is no timeout is none: the call has its own answer
        Assert.Equal(0, (int)(await Peer.CallAsync(new JsonObject { ["method"] = "GetDevicePluginOptions" }))["code"]!);
    }

    [Fact]
    public async Task A_stop_ends_an_open_stream_with_OK_at_once()
    {
        var watch = Peer.Send(new JsonObject { ["method"] = "ListAndWatch", ["cancelAfter"] = 501 });
        await Waiting.UntilAsync(() => Peer.Events("list").Length == 500, 60);
        var start = TimeProvider.System.GetTimestamp();

        await _server!.StopAsync(TimeSpan.FromMilliseconds(300));

        Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(1));
        await Waiting.UntilAsync(() => Peer.Reply(watch) is not null);
        Assert.Equal(0, (int)Peer.Reply(watch)!["code"]!);
    }

    private static JsonObject Raw(string path, string hex, params (string Name, string Value)[] headers) =>
        new()
        {
            ["method"] = "raw",
            ["path"] = path,
            ["hex"] = hex,
            ["headers"] = new JsonObject(headers.Select(h => KeyValuePair.Create(h.Name, (JsonNode?)h.Value))),
        };

    private sealed class Service(GrpcServerPeerTests test, CancellationToken stopping) : PluginApi.DevicePluginBase
    {
        public override Task<DevicePluginOptions> GetDevicePluginOptions(Empty request, ServerCallContext context) =>
            Task.FromResult(new DevicePluginOptions { PreStartRequired = true });

        public override Task<AllocateResponse> Allocate(AllocateRequest request, ServerCallContext context) =>
            request.ContainerRequests.Count == 0
                ? throw new RpcException(new Status(StatusCode.FailedPrecondition, Words))
                : Task.FromResult(new AllocateResponse());

        public override async Task<PreStartContainerResponse> PreStartContainer(PreStartContainerRequest request, ServerCallContext context)
        {
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
            return new PreStartContainerResponse();
        }

        public override Task<PreferredAllocationResponse> GetPreferredAllocation(
            PreferredAllocationRequest request,
            ServerCallContext context
        ) => throw new InvalidOperationException("a bug");

        public override async Task ListAndWatch(
            Empty request,
            IServerStreamWriter<ListAndWatchResponse> responseStream,
            ServerCallContext context
        )
        {
            var topology = new TopologyInfo { Nodes = { new NUMANode { ID = 1 } } };
            var devices = Enumerable
                .Range(0, 1000)
                .Select(i => new Device
                {
                    ID = $"0000:3b:{i:x5}",
                    Health = KubeletApi.Healthy,
                    Topology = topology,
                });
            var list = new ListAndWatchResponse { Devices = { devices } };
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, stopping);
            try
            {
                for (var i = 0; i < 500; i++)
                    await responseStream.WriteAsync(list, ended.Token);
                await Task.Delay(Timeout.Infinite, ended.Token);
            }
            catch (OperationCanceledException) when (context.CancellationToken.IsCancellationRequested)
            {
                test._cancelled.TrySetResult();
                throw;
            }
            catch (OperationCanceledException)
            {
                // Stopping: the stream ends well.
            }
        }
    }
}
