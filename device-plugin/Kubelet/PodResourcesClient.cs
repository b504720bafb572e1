using System.Collections.Immutable;
using Grpc.Core;
using Grpc.Net.Client;
using Hostdev.DevicePlugin.Kubelet.Protos.Pods;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>One device that a container of a pod uses, of any plugin's resource.</summary>
public readonly record struct PodDevice(string Resource, string DeviceId, string Namespace, string Pod, string Container);

/// <summary>
/// One reading of pod-resources. It proves use, never release: what is missing may still be in use (contracts/kubelet.md, "Pod-resources
/// API").
/// </summary>
public abstract record PodResourcesReading
{
    private PodResourcesReading() { }

    /// <param name="Devices">Every device once per container, ordered by resource and ID.</param>
    /// <param name="Pods">Every pod the kubelet named, also those without devices: a kubelet that just started names only some.</param>
    /// <param name="AsOf">When the reading began.</param>
    public sealed record Read(ImmutableArray<PodDevice> Devices, ImmutableHashSet<(string Namespace, string Pod)> Pods, DateTimeOffset AsOf)
        : PodResourcesReading;

    /// <summary>The kubelet could not be asked, or refused. Nothing is known; in particular the list is not empty.</summary>
    public sealed record Unreadable(string Message) : PodResourcesReading;
}

/// <summary>
/// Reads which pod uses which device, from the kubelet. One List at a time is enough: it answers 100 queries a second, burst 10, for
/// everybody on the node.
/// </summary>
public sealed class PodResourcesClient(string socketPath, TimeProvider time) : IDisposable
{
    /// <summary>A full node's answer can pass gRPC's usual 4 MiB.</summary>
    private const int ReceiveLimitBytes = 64 << 20;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private readonly GrpcChannel _channel = SocketChannel.To(socketPath, ReceiveLimitBytes);

    /// <summary>Lists the devices of all pods. Only the caller's own cancellation throws.</summary>
    public async Task<PodResourcesReading> ListAsync(CancellationToken cancellationToken)
    {
        if (!File.Exists(socketPath))
            return new PodResourcesReading.Unreadable(
                $"{socketPath} does not exist, so nobody can say which pod uses which device: is the kubelet running?"
            );
        var asOf = time.GetUtcNow();
        try
        {
            var response = await ListOnNewConnectionIfNeededAsync(cancellationToken);
            return new PodResourcesReading.Read(Devices(response), [.. response.PodResources.Select(p => (p.Namespace, p.Name))], asOf);
        }
        catch (RpcException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return new PodResourcesReading.Unreadable($"{socketPath} did not list the pods' devices: {SocketChannel.Words(e)}");
        }
    }

    /// <summary>
    /// A kubelet that was restarted has closed the connection, which may show only when it is used: the next try makes a new one.
    /// </summary>
    private async Task<ListPodResourcesResponse> ListOnNewConnectionIfNeededAsync(CancellationToken cancellationToken)
    {
        var pods = new PodResourcesLister.PodResourcesListerClient(_channel);
        try
        {
            return await pods.ListAsync(new ListPodResourcesRequest(), SocketChannel.Within(Timeout, cancellationToken));
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unavailable)
        {
            return await pods.ListAsync(new ListPodResourcesRequest(), SocketChannel.Within(Timeout, cancellationToken));
        }
    }

    public void Dispose() => _channel.Dispose();

    private static ImmutableArray<PodDevice> Devices(ListPodResourcesResponse response)
    {
        var all =
            from pod in response.PodResources
            from container in pod.Containers
            from devices in container.Devices
            from id in devices.DeviceIds
            select new PodDevice(devices.ResourceName, id, pod.Namespace, pod.Name, container.Name);
        return [.. all.Distinct().OrderBy(d => d.Resource, StringComparer.Ordinal).ThenBy(d => d.DeviceId, StringComparer.Ordinal)];
    }
}
