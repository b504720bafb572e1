using System.Text.Json.Nodes;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Kubelet.Grpc;
using Hostdev.DevicePlugin.Kubelet.Protos;
using Xunit;

namespace Hostdev.Tests.Kubelet;

/// <summary>Our server, called by grpc-js.</summary>
public sealed class GrpcServerPeerTests : IAsyncLifetime
{
    private readonly string _socket = Path.Combine(Directory.CreateTempSubdirectory("hd").FullName, "plugin.sock");
    private readonly TaskCompletionSource _cancelled = new();
    private GrpcServer? _server;
    private NodePeer? _peer;

    private NodePeer Peer => _peer!;

    public async ValueTask InitializeAsync()
    {
        var services = new GrpcServices()
            .Unary(KubeletApi.GetDevicePluginOptions, (_, _) => Task.FromResult(new DevicePluginOptions { PreStartRequired = true }))
            .Unary(KubeletApi.Allocate, (request, _) => request.ContainerRequests.Count == 0
                ? throw new GrpcStatusException(GrpcStatusCode.FailedPrecondition, "0000:3b:00.0 gehört „qemu“, 100% — 空いていない")
                : Task.FromResult(new AllocateResponse()))
            .Unary(KubeletApi.PreStartContainer, async (_, call) =>
            {
                await Task.Delay(Timeout.Infinite, call.Cancellation);
                return new PreStartContainerResponse();
            })
            .Unary(KubeletApi.GetPreferredAllocation, (_, _) => throw new InvalidOperationException("a bug"))
            .ServerStreaming(KubeletApi.ListAndWatch, SendListsAsync);
        _server = await GrpcServer.StartAsync(_socket, services, limits: null, TimeProvider.System, logger: null, CancellationToken.None);
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

        Assert.Equal((9, "0000:3b:00.0 gehört „qemu“, 100% — 空いていない"), ((int)reply["code"]!, (string)reply["message"]!));
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
        Assert.Contains("larger than the 4194304 bytes", (string)reply["message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_method_is_12()
    {
        var reply = await Peer.CallAsync(new JsonObject { ["method"] = "Unknown" });

        Assert.Equal((12, "/v1beta1.DevicePlugin/NoSuchMethod is not served here"), ((int)reply["code"]!, (string)reply["message"]!));
    }

    [Theory]
    [InlineData("a frame that ends early", "0000000005aa", 13)]
    [InlineData("a header that ends early", "000000", 13)]
    [InlineData("no frame at all", "", 13)]
    [InlineData("two frames", "00000000000000000000", 13)]
    [InlineData("a flag of 2", "0200000000", 13)]
    [InlineData("bytes that are no message", "00000000020aff", 13)]
    [InlineData("a compressed frame", "010000000100", 12)]
    [InlineData("a length of 4 GiB", "00ffffffff", 8)]
    public async Task A_malformed_frame_has_its_status(string what, string hex, int code)
    {
        var reply = await Peer.CallAsync(Raw("/v1beta1.DevicePlugin/Allocate", hex));

        Assert.True(code == (int)reply["code"]!, $"{what}: {reply}");
    }

    [Fact]
    public async Task What_is_no_gRPC_gets_an_HTTP_status_and_the_server_lives_on()
    {
        var reply = await Peer.CallAsync(Raw("/v1beta1.DevicePlugin/Allocate", "", ("content-type", "text/plain")));
        var badTimeout = await Peer.CallAsync(Raw("/v1beta1.DevicePlugin/Allocate", "0000000000", ("grpc-timeout", "soon")));

        Assert.Equal(415, (int)reply["http"]!);
        Assert.Equal(3, (int)badTimeout["code"]!);
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

    private static JsonObject Raw(string path, string hex, params (string Name, string Value)[] headers) => new()
    {
        ["method"] = "raw",
        ["path"] = path,
        ["hex"] = hex,
        ["headers"] = new JsonObject(headers.Select(h => KeyValuePair.Create(h.Name, (JsonNode?)h.Value))),
    };

    private async Task SendListsAsync(Empty request, GrpcStream<ListAndWatchResponse> stream, GrpcCall call)
    {
        var list = new ListAndWatchResponse { Devices = { Enumerable.Range(0, 1000).Select(i => new Device { ID = $"0000:3b:{i:x5}", Health = KubeletApi.Healthy, Topology = new TopologyInfo { Nodes = { new NUMANode { ID = 1 } } } }) } };
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(call.Cancellation, call.Stopping);
        try
        {
            for (var i = 0; i < 500; i++) await stream.WriteAsync(list, ended.Token);
            await Task.Delay(Timeout.Infinite, ended.Token);
        }
        catch (OperationCanceledException) when (call.Cancellation.IsCancellationRequested)
        {
            _cancelled.TrySetResult();
            throw;
        }
        catch (OperationCanceledException)
        {
            // Stopping: the stream ends well.
        }
    }
}
