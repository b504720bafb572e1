using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Kubelet.Protos;
using PluginClient = Hostdev.DevicePlugin.Kubelet.Protos.DevicePlugin.DevicePluginClient;

namespace Hostdev.Sandbox.Kubelet;

/// <summary>
/// The kubelet's client of one plugin socket (kubelet <c>pkg/kubelet/cm/devicemanager/plugin/v1beta1/client.go</c>). A call that the plugin
/// or the transport ends throws
/// <see cref="RpcException"/>; one that <see cref="Dispose"/> ends, <see cref="OperationCanceledException"/>.
/// </summary>
internal sealed class PluginConnection(string resource, string socketPath) : IDisposable
{
    private static readonly TimeSpan OptionsLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PreStartLimit = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _closed = new();
    private GrpcChannel? _channel;
    private int _disposed;

    public string Resource => resource;

    public DevicePluginOptions Options { get; private set; } = new();

    public Task Watching { get; set; } = Task.CompletedTask;

    /// <summary>
    /// The dial back inside Register: blocking, so that a socket on which nobody listens is dialled again and again, with grpc-go's growing
    /// waits, until the
    /// limit (<c>client.go: dial</c>, WithBlock and a timeout of 10 s).
    /// </summary>
    public async Task ConnectAsync(TimeSpan limit, TimeSpan backoff, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(limit);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token, _closed.Token);
        try
        {
            _channel = SocketChannel.Over(await DialAsync(backoff, ended.Token));
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested)
        {
            var words = $"failed to dial device plugin with socketPath {socketPath}: context deadline exceeded";
            throw new RpcException(new Status(StatusCode.Unknown, words));
        }

        Options = await CallAsync(plugin =>
            plugin.GetDevicePluginOptionsAsync(new Empty(), SocketChannel.Within(OptionsLimit, cancellationToken))
        );
    }

    private async Task<Socket> DialAsync(TimeSpan backoff, CancellationToken cancellationToken)
    {
        for (var wait = backoff; ; wait *= 1.6)
        {
            try
            {
                return await SocketChannel.ConnectAsync(socketPath, cancellationToken);
            }
            catch (SocketException)
            {
                await Task.Delay(wait, cancellationToken);
            }
        }
    }

    /// <summary>Hands over every list until the stream ends, for whatever reason; returns what ended it.</summary>
    public async Task<string> WatchAsync(Action<ListAndWatchResponse> received)
    {
        try
        {
            using var watch = new PluginClient(_channel!).ListAndWatch(new Empty(), SocketChannel.Within(null, _closed.Token));
            while (await watch.ResponseStream.MoveNext(_closed.Token))
                received(watch.ResponseStream.Current);
            return "the plugin ended the stream";
        }
        catch (Exception e)
            when (_closed.IsCancellationRequested && e is RpcException or ObjectDisposedException or OperationCanceledException)
        {
            return "the kubelet closed the connection";
        }
        catch (RpcException e)
        {
            return SocketChannel.Words(e);
        }
    }

    public async Task<IReadOnlyList<string>> PreferAsync(IEnumerable<string> available, IEnumerable<string> mustInclude, int size)
    {
        var container = new ContainerPreferredAllocationRequest
        {
            AvailableDeviceIDs = { available },
            MustIncludeDeviceIDs = { mustInclude },
            AllocationSize = size,
        };
        var request = new PreferredAllocationRequest { ContainerRequests = { container } };
        var response = await CallAsync(plugin => plugin.GetPreferredAllocationAsync(request, SocketChannel.Within(null, _closed.Token)));
        return response.ContainerResponses.Count > 0 ? response.ContainerResponses[0].DeviceIDs : [];
    }

    /// <summary>No deadline, as in the kubelet.</summary>
    public async Task<ContainerAllocateResponse> AllocateAsync(IEnumerable<string> ids)
    {
        var request = new AllocateRequest { ContainerRequests = { new ContainerAllocateRequest { DevicesIds = { ids } } } };
        var response = await CallAsync(plugin => plugin.AllocateAsync(request, SocketChannel.Within(null, _closed.Token)));
        return response.ContainerResponses.Count > 0
            ? response.ContainerResponses[0]
            : throw new RpcException(new Status(StatusCode.Unknown, "no containers return in allocation response"));
    }

    public async Task PreStartAsync(IEnumerable<string> ids)
    {
        var request = new PreStartContainerRequest { DevicesIds = { ids } };
        await CallAsync(plugin => plugin.PreStartContainerAsync(request, SocketChannel.Within(PreStartLimit, _closed.Token)));
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _closed.Cancel();
        _channel?.Dispose();
    }

    private async Task<T> CallAsync<T>(Func<PluginClient, AsyncUnaryCall<T>> call)
    {
        try
        {
            return await call(new PluginClient(_channel!));
        }
        catch (Exception e) when (_closed.IsCancellationRequested && e is RpcException or ObjectDisposedException)
        {
            throw new OperationCanceledException("the kubelet closed the connection", e, _closed.Token);
        }
    }
}
