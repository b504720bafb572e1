using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Kubelet.Grpc;
using Hostdev.DevicePlugin.Kubelet.Protos;

namespace Hostdev.Sandbox.Kubelet;

/// <summary>The kubelet's client of one plugin socket (kubelet <c>pkg/kubelet/cm/devicemanager/plugin/v1beta1/client.go</c>).</summary>
internal sealed class PluginConnection(string resource, string socketPath, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan OptionsLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PreStartLimit = TimeSpan.FromSeconds(30);

    private readonly GrpcClient _client = new(socketPath, time);
    private readonly CancellationTokenSource _closed = new();
    private int _disposed;

    public string Resource => resource;

    public DevicePluginOptions Options { get; private set; } = new();

    public Task Watching { get; set; } = Task.CompletedTask;

    /// <summary>The dial back inside Register.</summary>
    public async Task ConnectAsync(CancellationToken cancellationToken) =>
        Options = await _client.CallAsync(KubeletApi.GetDevicePluginOptions, new Empty(), OptionsLimit, cancellationToken);

    /// <summary>Hands over every list until the stream ends, for whatever reason; returns what ended it.</summary>
    public async Task<string> WatchAsync(Action<ListAndWatchResponse> received)
    {
        try
        {
            await foreach (var list in _client.StreamAsync(KubeletApi.ListAndWatch, new Empty(), timeout: null, _closed.Token)) received(list);
            return "the plugin ended the stream";
        }
        catch (GrpcStatusException e)
        {
            return e.ToString();
        }
        catch (OperationCanceledException)
        {
            return "the kubelet closed the connection";
        }
    }

    public async Task<IReadOnlyList<string>> PreferAsync(IEnumerable<string> available, IEnumerable<string> mustInclude, int size)
    {
        var request = new PreferredAllocationRequest { ContainerRequests = { new ContainerPreferredAllocationRequest { AvailableDeviceIDs = { available }, MustIncludeDeviceIDs = { mustInclude }, AllocationSize = size } } };
        var response = await _client.CallAsync(KubeletApi.GetPreferredAllocation, request, timeout: null, _closed.Token);
        return response.ContainerResponses.Count > 0 ? response.ContainerResponses[0].DeviceIDs : [];
    }

    /// <summary>No deadline, as in the kubelet.</summary>
    public async Task<ContainerAllocateResponse> AllocateAsync(IEnumerable<string> ids)
    {
        var request = new AllocateRequest { ContainerRequests = { new ContainerAllocateRequest { DevicesIds = { ids } } } };
        var response = await _client.CallAsync(KubeletApi.Allocate, request, timeout: null, _closed.Token);
        return response.ContainerResponses.Count > 0 ? response.ContainerResponses[0] : throw new GrpcStatusException(GrpcStatusCode.Unknown, "no containers return in allocation response");
    }

    public async Task PreStartAsync(IEnumerable<string> ids) =>
        await _client.CallAsync(KubeletApi.PreStartContainer, new PreStartContainerRequest { DevicesIds = { ids } }, PreStartLimit, _closed.Token);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        _closed.Cancel();
        _client.Dispose();
    }
}
