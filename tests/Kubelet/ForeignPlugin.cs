using System.Threading.Channels;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Kubelet.Grpc;
using Hostdev.DevicePlugin.Kubelet.Protos;

namespace Hostdev.Tests.Kubelet;

/// <summary>Somebody else's device plugin, without any of our rules: it sends what a test says and grants everything.</summary>
internal sealed class ForeignPlugin(string directory, string resource, string socketName = "foreign.sock") : IAsyncDisposable
{
    private Channel<string[]> _lists = Channel.CreateUnbounded<string[]>();
    private GrpcServer? _server;

    /// <summary>Awaited inside Allocate.</summary>
    public Func<Task> OnAllocate { get; set; } = () => Task.CompletedTask;

    public void List(params string[] ids) => _lists.Writer.TryWrite(ids);

    public async Task StartAsync()
    {
        var services = new GrpcServices()
            .Unary(KubeletApi.GetDevicePluginOptions, (_, _) => Task.FromResult(new DevicePluginOptions()))
            .Unary(KubeletApi.Allocate, async (_, _) =>
            {
                await OnAllocate();
                return new AllocateResponse { ContainerResponses = { new ContainerAllocateResponse() } };
            })
            .ServerStreaming(KubeletApi.ListAndWatch, async (_, stream, call) =>
            {
                using var ended = CancellationTokenSource.CreateLinkedTokenSource(call.Cancellation, call.Stopping);
                await foreach (var ids in _lists.Reader.ReadAllAsync(ended.Token))
                    await stream.WriteAsync(new ListAndWatchResponse { Devices = { ids.Select(id => new Device { ID = id, Health = KubeletApi.Healthy }) } }, ended.Token);
            });
        _server = await GrpcServer.StartAsync(Path.Combine(directory, socketName), services, limits: null, TimeProvider.System, logger: null, CancellationToken.None);
    }

    public async Task RegisterAsync()
    {
        using var client = new GrpcClient(Path.Combine(directory, KubeletApi.KubeletSocketName), TimeProvider.System);
        var request = new RegisterRequest { Version = KubeletApi.Version, Endpoint = socketName, ResourceName = resource };
        await client.CallAsync(KubeletApi.Register, request, TimeSpan.FromSeconds(12), CancellationToken.None);
    }

    /// <summary>Ends the stream from the plugin's side; the next one begins with what is listed afterwards.</summary>
    public void EndStream()
    {
        var old = _lists;
        _lists = Channel.CreateUnbounded<string[]>();
        old.Writer.Complete();
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.StopAsync(TimeSpan.FromMilliseconds(100));
    }
}
