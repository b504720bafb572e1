using System.Threading.Channels;
using Grpc.Core;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Kubelet.Protos;
using PluginApi = Hostdev.DevicePlugin.Kubelet.Protos.DevicePlugin;

namespace Hostdev.Tests.Kubelet;

/// <summary>Somebody else's device plugin, without any of our rules: it sends what a test says and grants everything.</summary>
internal sealed class ForeignPlugin(string directory, string resource, string socketName = "foreign.sock") : IAsyncDisposable
{
    private Channel<string[]> _lists = Channel.CreateUnbounded<string[]>();
    private GrpcSocketServer? _server;

    /// <summary>Awaited inside Allocate.</summary>
    public Func<Task> OnAllocate { get; set; } = () => Task.CompletedTask;

    public void List(params string[] ids) => _lists.Writer.TryWrite(ids);

    public async Task StartAsync() =>
        _server = await GrpcSocketServer.StartAsync(
            Path.Combine(directory, socketName),
            stopping => PluginApi.BindService(new Service(this, stopping)),
            logger: null,
            CancellationToken.None
        );

    public async Task RegisterAsync()
    {
        using var channel = SocketChannel.To(Path.Combine(directory, KubeletApi.KubeletSocketName));
        var request = new RegisterRequest
        {
            Version = KubeletApi.Version,
            Endpoint = socketName,
            ResourceName = resource,
        };
        await new Registration.RegistrationClient(channel).RegisterAsync(
            request,
            SocketChannel.Within(TimeSpan.FromSeconds(12), CancellationToken.None)
        );
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
        if (_server is not null)
            await _server.StopAsync(TimeSpan.FromMilliseconds(100));
    }

    private sealed class Service(ForeignPlugin plugin, CancellationToken stopping) : PluginApi.DevicePluginBase
    {
        public override Task<DevicePluginOptions> GetDevicePluginOptions(Empty request, ServerCallContext context) =>
            Task.FromResult(new DevicePluginOptions());

        public override async Task<AllocateResponse> Allocate(AllocateRequest request, ServerCallContext context)
        {
            await plugin.OnAllocate();
            return new AllocateResponse { ContainerResponses = { new ContainerAllocateResponse() } };
        }

        public override async Task ListAndWatch(
            Empty request,
            IServerStreamWriter<ListAndWatchResponse> responseStream,
            ServerCallContext context
        )
        {
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, stopping);
            await foreach (var ids in plugin._lists.Reader.ReadAllAsync(ended.Token))
            {
                var devices = ids.Select(id => new Device { ID = id, Health = KubeletApi.Healthy });
                await responseStream.WriteAsync(new ListAndWatchResponse { Devices = { devices } }, ended.Token);
            }
        }
    }
}
