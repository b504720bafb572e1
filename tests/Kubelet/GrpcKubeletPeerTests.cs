using System.Text.Json.Nodes;
using Grpc.Core;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Kubelet.Protos;
using Hostdev.DevicePlugin.Offering;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using PluginApi = Hostdev.DevicePlugin.Kubelet.Protos.DevicePlugin;

namespace Hostdev.Tests.Kubelet;

/// <summary>A kubelet made with grpc-js: our client calls it, and it calls our plugin back.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class GrpcKubeletPeerTests : IAsyncLifetime
{
    private const string Gpu = KubeletBench.Gpu;

    private readonly string _directory = Directory.CreateTempSubdirectory("hd").FullName;
    private readonly ScriptedAllocator _allocator = new();
    private NodePeer? _peer;

    private NodePeer Peer => _peer!;

    private string KubeletSocket => Path.Combine(_directory, "kubelet.sock");

    public async ValueTask InitializeAsync() => _peer = await NodePeer.StartAsync("kubelet.js", _directory);

    public async ValueTask DisposeAsync()
    {
        await Peer.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task A_resource_is_registered_and_a_device_allocated()
    {
        await using var advertiser = await AdvertiseAsync(KubeletBench.Resource(Gpu, "a", "b"));

        var options = Peer.Events("registered").Single()["options"]!;
        var list = Peer.Events("list").Single();
        var reply = await Peer.CallAsync(
            Call(
                "Allocate",
                new JsonObject { ["container_requests"] = new JsonArray(new JsonObject { ["devices_ids"] = new JsonArray("b") }) }
            )
        );

        Assert.True((bool)options["pre_start_required"]! && (bool)options["get_preferred_allocation_available"]!);
        Assert.Equal("""{"ID":"a","health":"Healthy","topology":{"nodes":[{"ID":0}]}}""", list["first"]!.ToJsonString());
        Assert.Equal("b", (string)reply["response"]!["container_responses"]![0]!["envs"]!["PCI_RESOURCE_EXAMPLE_COM_GPU"]!);
        Assert.Equal(
            """{"container_path":"/dev/vfio/b","host_path":"/dev/vfio/b","permissions":"mrw"}""",
            reply["response"]!["container_responses"]![0]!["devices"]![1]!.ToJsonString()
        );
    }

    [Fact]
    public async Task A_refusal_is_on_the_stream_before_the_error_arrives()
    {
        await using var advertiser = await AdvertiseAsync(KubeletBench.Resource(Gpu, "a", "b"));
        _allocator.Bad["b"] = "b hängt fest";

        var reply = await Peer.CallAsync(
            Call(
                "Allocate",
                new JsonObject { ["container_requests"] = new JsonArray(new JsonObject { ["devices_ids"] = new JsonArray("b") }) }
            )
        );

        Assert.Equal((9, "b hängt fest"), ((int)reply["code"]!, (string)reply["message"]!));
        Assert.Equal(1, (int)Peer.Events("list")[^1]["healthy"]!); // one connection, one order: no waiting here
    }

    [Fact]
    public async Task Preferences_and_the_check_before_a_start_are_answered()
    {
        await using var advertiser = await AdvertiseAsync(KubeletBench.Resource(Gpu, "a", "b", "c"));
        _allocator.Changed["a"] = "a has another group now";

        var container = new JsonObject
        {
            ["available_deviceIDs"] = new JsonArray("a", "b", "c"),
            ["must_include_deviceIDs"] = new JsonArray("a"),
            ["allocation_size"] = 2,
        };
        var preferred = await Peer.CallAsync(
            Call("GetPreferredAllocation", new JsonObject { ["container_requests"] = new JsonArray(container) })
        );
        var good = await Peer.CallAsync(Call("PreStartContainer", new JsonObject { ["devices_ids"] = new JsonArray("b") }));
        var bad = await Peer.CallAsync(Call("PreStartContainer", new JsonObject { ["devices_ids"] = new JsonArray("a") }));

        Assert.Equal("""["a","c"]""", preferred["response"]!["container_responses"]![0]!["deviceIDs"]!.ToJsonString());
        Assert.Equal(0, (int)good["code"]!);
        Assert.Equal("a has another group now", (string)bad["message"]!);
    }

    [Fact]
    public async Task Of_more_devices_than_a_request_can_name_the_list_has_as_many_as_it_can()
    {
        var many = Enumerable.Range(0, 60_000).Select(i => new AdvertisedDevice($"{i:d6}-{new string('x', 56)}", true, 1));
        await using var advertiser = await AdvertiseAsync(new AdvertisedResource(ResourceName.Parse(Gpu), [.. many]));

        Assert.InRange((int)Peer.Events("list").Single()["devices"]!, 3_000, 60_000);
        Assert.Empty(Peer.Events("ended"));
    }

    [Fact]
    public async Task A_stop_ends_the_stream_well_and_takes_less_than_a_second()
    {
        var advertiser = await AdvertiseAsync(KubeletBench.Resource(Gpu, "a"));
        var start = TimeProvider.System.GetTimestamp();

        await advertiser.StopAsync();

        Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(1), $"{TimeProvider.System.GetElapsedTime(start)}");
        await Waiting.UntilAsync(() => !Peer.Events("ended").IsEmpty);
        Assert.Equal(0, (int)Peer.Events("ended").Single()["code"]!);
    }

    [Fact]
    public async Task An_error_of_the_kubelet_arrives_with_its_message()
    {
        var error = await Assert.ThrowsAsync<RpcException>(() =>
            RegisterAsync("test.error/x", TimeSpan.FromSeconds(10), CancellationToken.None)
        );

        Assert.Equal("InvalidArgument: „test.error/x“ wird nicht unterstützt: 100%", SocketChannel.Words(error));
    }

    [Fact]
    public async Task A_kubelet_that_does_not_answer_meets_the_deadline_and_hears_of_a_cancellation()
    {
        var error = await Assert.ThrowsAsync<RpcException>(() =>
            RegisterAsync("test.hang/a", TimeSpan.FromMilliseconds(200), CancellationToken.None)
        );
        using var giveUp = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        var given = await Assert.ThrowsAsync<RpcException>(() => RegisterAsync("test.hang/b", null, giveUp.Token));

        Assert.Equal(StatusCode.DeadlineExceeded, error.StatusCode);
        // the package's own has no words
        Assert.Contains(
            ": the deadline of the call has passed",
            SocketChannel.Words(new RpcException(new Status(StatusCode.DeadlineExceeded, ""))),
            StringComparison.Ordinal
        );
        Assert.Equal(StatusCode.Cancelled, given.StatusCode);
        await Waiting.UntilAsync(() => Peer.Events("cancelled").Any(e => (string?)e["resource"] == "test.hang/b"));
    }

    [Fact]
    public async Task Our_client_reads_five_hundred_lists_of_a_thousand_devices()
    {
        using var channel = SocketChannel.To(KubeletSocket);
        using var watch = new PluginApi.DevicePluginClient(channel).ListAndWatch(new Empty());
        var lists = 0;
        await foreach (var list in watch.ResponseStream.ReadAllAsync(CancellationToken.None))
        {
            Assert.Equal(1000, list.Devices.Count);
            lists++;
        }

        Assert.Equal(500, lists);
    }

    [Fact]
    public async Task A_full_node_of_pods_is_read_past_4_MiB_and_each_device_once()
    {
        await Peer.CallAsync(new JsonObject { ["podResources"] = 60_000 });
        using var client = new PodResourcesClient(KubeletSocket, TimeProvider.System);

        var reading = Assert.IsType<PodResourcesReading.Read>(await client.ListAsync(CancellationToken.None));

        Assert.Equal(60_000, reading.Devices.Length);
        Assert.Contains(new PodDevice(Gpu, "gpu-7", "vms", "vm-7", "compute"), reading.Devices);
    }

    private static JsonObject Call(string method, JsonObject request) =>
        new()
        {
            ["resource"] = Gpu,
            ["method"] = method,
            ["request"] = request,
        };

    private async Task<KubeletAdvertiser> AdvertiseAsync(AdvertisedResource resource)
    {
        var advertiser = new KubeletAdvertiser(
            _directory,
            _allocator,
            new Holdings(),
            TimeProvider.System,
            NullLogger<KubeletAdvertiser>.Instance
        );
        advertiser.Update([resource]);
        advertiser.Start();
        await Waiting.UntilAsync(() => !Peer.Events("list").IsEmpty, 30);
        return advertiser;
    }

    private async Task RegisterAsync(string resource, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        using var channel = SocketChannel.To(KubeletSocket);
        var request = new RegisterRequest { ResourceName = resource, Version = KubeletApi.Version };
        await new Registration.RegistrationClient(channel).RegisterAsync(request, SocketChannel.Within(timeout, cancellationToken));
    }
}
