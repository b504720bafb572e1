using System.Collections.Immutable;
using Grpc.Core;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Kubelet.Protos;
using Hostdev.DevicePlugin.Offering;
using Microsoft.Extensions.Logging;
using PluginApi = Hostdev.DevicePlugin.Kubelet.Protos.DevicePlugin;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// The device plugin service of one resource on one socket, for one session with a kubelet: it is made anew for each registration that
/// follows a lost stream. At most one ListAndWatch is live: a second one of the kubelet's ends the first before its own first message.
/// </summary>
internal sealed class DevicePluginServer : IAsyncDisposable
{
    /// <summary>In one request: more than fit into a list.</summary>
    private const int MostDevices = 20_000;

    private readonly DeviceListing _listing;
    private readonly KubeletTimings _timings;
    private readonly TimeProvider _time;
    private readonly Signal _changed;
    private GrpcSocketServer? _server;
    private LiveStream? _live;
    private int _optionsAsked;

    private DevicePluginServer(DeviceListing listing, KubeletTimings timings, TimeProvider time, Signal changed) =>
        (_listing, _timings, _time, _changed) = (listing, timings, time, changed);

    /// <summary>True while a kubelet watches.</summary>
    public bool StreamLive => Volatile.Read(ref _live) is not null;

    /// <summary>How often the kubelet asked for our options: the first thing that it does when it has dialled our socket.</summary>
    public int OptionsAsked => Volatile.Read(ref _optionsAsked);

    /// <summary>How many streams were opened in this session.</summary>
    public int StreamsOpened { get; private set; }

    /// <summary>How many streams ended without our doing: by the peer or its connection.</summary>
    public int StreamsLost { get; private set; }

    /// <summary>Serves on <paramref name="socketPath"/> when the task is done. <paramref name="changed"/> fires when a stream begins or
    /// ends.</summary>
    public static async Task<DevicePluginServer> StartAsync(
        string socketPath,
        ResourceName resource,
        DeviceListing listing,
        IDeviceAllocator allocator,
        KubeletTimings timings,
        TimeProvider time,
        Signal changed,
        Func<SocketPeer, bool> admits,
        ILogger logger,
        CancellationToken cancellationToken
    )
    {
        var server = new DevicePluginServer(listing, timings, time, changed);
        var allocation = new AllocationCalls(resource, listing, allocator, timings, time, () => server.StreamLive);
        listing.BeginSession();
        server._server = await GrpcSocketServer.StartAsync(
            socketPath,
            stopping => Bind(new Service(server, allocation, stopping)),
            logger,
            cancellationToken,
            new GrpcSocketOptions { Admits = admits }
        );
        return server;
    }

    private static ServerServiceDefinition Bind(Service service) =>
        BoundedRequests.Bind(
            binder => PluginApi.BindService(binder, service),
            RequestBound.Of(Empty.Parser, AllocationCalls.MostContainers, "fields"),
            RequestBound.Of(PreferredAllocationRequest.Parser, AllocationCalls.MostContainers, "containers"),
            RequestBound.Of(AllocateRequest.Parser, AllocationCalls.MostContainers, "containers"),
            RequestBound.Of(PreStartContainerRequest.Parser, MostDevices, "devices")
        );

    /// <summary>Ends the stream, lets running calls finish for a moment, removes the socket. Idempotent.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_server is { } server)
            await server.StopAsync(_timings.StopGrace);
    }

    private async Task ListAndWatchAsync(
        IServerStreamWriter<ListAndWatchResponse> stream,
        Action giveUp,
        CancellationToken cancellation,
        CancellationToken stopping
    )
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation, stopping);
        var mine = new LiveStream(ended);
        var before = Interlocked.Exchange(ref _live, mine);
        try
        {
            if (before is not null)
                await before.EndAsync(_timings.StopGrace, _time);
            StreamsOpened++;
            _changed.Fire();
            await SendAsync(stream, giveUp, ended.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            // Ended by us: a stop, or a newer stream. The peer reads a clean end.
        }
        finally
        {
            if (Interlocked.CompareExchange(ref _live, null, mine) == mine && !stopping.IsCancellationRequested)
                StreamsLost++;
            mine.Ended.TrySetResult();
            _changed.Fire();
        }
    }

    /// <summary>
    /// Sends the list, then every change: the first at once, those that follow within the coalescing time together, refusals without
    /// waiting. A write returns when the message is handed to the connection: what is answered on another call of it afterwards arrives
    /// after the list. It waits for a peer that does not read; when the token ends that wait, the stream is reset.
    /// </summary>
    private async Task SendAsync(IServerStreamWriter<ListAndWatchResponse> stream, Action giveUp, CancellationToken cancellationToken)
    {
        var (sent, notBefore) = (0L, 0L);
        while (true)
        {
            var changed = _listing.Changed.Next;
            var (list, version, urgent) = _listing.Current;
            var wait = TimeSpan.FromTicks(Math.Max(0, notBefore - _time.GetUtcNow().Ticks));
            if (version == sent || _listing.Silent)
            {
                await changed.WaitAsync(cancellationToken);
            }
            else if (wait > TimeSpan.Zero && urgent <= sent)
            {
                await Task.WhenAny(changed, Task.Delay(wait, _time, cancellationToken));
                cancellationToken.ThrowIfCancellationRequested();
            }
            else
            {
                _listing.MarkSending(list);
                await WriteAsync(stream, ToMessage(list.Devices), giveUp, cancellationToken);
                (sent, notBefore) = (version, _time.GetUtcNow().Ticks + _timings.Coalesce.Ticks);
                _listing.MarkSent(list, version);
            }
        }
    }

    /// <summary>
    /// The package resets the stream of a write that is cancelled, but not always: the end of the write may take that callback back
    /// before it was called (HttpContextStreamWriter.WriteCoreAsync). Then what the peer does not read stands before the stream's end,
    /// and holds up a stop.
    /// </summary>
    private static async Task WriteAsync(
        IServerStreamWriter<ListAndWatchResponse> stream,
        ListAndWatchResponse message,
        Action giveUp,
        CancellationToken cancellationToken
    )
    {
        try
        {
            await stream.WriteAsync(message, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            giveUp();
            throw;
        }
    }

    private static ListAndWatchResponse ToMessage(ImmutableArray<AdvertisedDevice> devices)
    {
        var message = new ListAndWatchResponse();
        foreach (var device in devices)
        {
            var entry = new Device { ID = device.Id, Health = device.Healthy ? KubeletApi.Healthy : KubeletApi.Unhealthy };
            if (device.NumaNode is { } node)
                entry.Topology = new TopologyInfo { Nodes = { new NUMANode { ID = node } } };
            message.Devices.Add(entry);
        }

        return message;
    }

    private sealed class Service(DevicePluginServer server, AllocationCalls allocation, CancellationToken stopping)
        : PluginApi.DevicePluginBase
    {
        public override Task<DevicePluginOptions> GetDevicePluginOptions(Empty request, ServerCallContext context)
        {
            Interlocked.Increment(ref server._optionsAsked);
            return Task.FromResult(new DevicePluginOptions { PreStartRequired = true, GetPreferredAllocationAvailable = true });
        }

        public override Task ListAndWatch(
            Empty request,
            IServerStreamWriter<ListAndWatchResponse> responseStream,
            ServerCallContext context
        ) => server.ListAndWatchAsync(responseStream, context.GetHttpContext().Abort, context.CancellationToken, stopping);

        public override Task<PreferredAllocationResponse> GetPreferredAllocation(
            PreferredAllocationRequest request,
            ServerCallContext context
        ) => Task.FromResult(allocation.Prefer(request));

        public override Task<AllocateResponse> Allocate(AllocateRequest request, ServerCallContext context) =>
            allocation.AllocateAsync(request, context.CancellationToken);

        public override Task<PreStartContainerResponse> PreStartContainer(PreStartContainerRequest request, ServerCallContext context) =>
            allocation.PreStartAsync(request, context.CancellationToken);
    }

    private sealed record LiveStream(CancellationTokenSource Cancellation)
    {
        public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>
        /// Ends the stream and waits until it has ended, but not for ever: a new kubelet must not starve behind an old connection.
        /// </summary>
        public async Task EndAsync(TimeSpan patience, TimeProvider time)
        {
            try
            {
                await Cancellation.CancelAsync();
            }
            catch (ObjectDisposedException)
            {
                // It ended by itself meanwhile.
            }

            await Task.WhenAny(Ended.Task, Task.Delay(patience, time));
        }
    }
}
