using System.Collections.Immutable;
using Grpc.Core;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Kubelet.Protos;
using Hostdev.DevicePlugin.Kubelet.Protos.Pods;
using Empty = Hostdev.DevicePlugin.Kubelet.Protos.Empty;

namespace Hostdev.Sandbox.Kubelet;

/// <summary>
/// The device half of a kubelet on real unix sockets, with the habits that break plugins (contracts/kubelet.md): it calls back inside
/// Register, keeps clients by name only, has one sync loop, caches answers, wipes sockets when it starts, and dies when an ID vanishes
/// under an Allocate.
/// </summary>
public sealed partial class SimulatedKubelet : IAsyncDisposable
{
    /// <summary>A kubelet has every plugin of its node for a peer.</summary>
    private static readonly GrpcSocketOptions Everybody = new() { Connections = int.MaxValue };

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _syncLoop = new(1, 1);
    private readonly Dictionary<string, PluginConnection> _clients = [];
    private readonly List<PluginConnection> _connections = [];
    private readonly HashSet<(string Namespace, string Name)> _unlearned = [];
    private readonly DeviceStore _store;
    private int _generation;
    private GrpcSocketServer? _registration;
    private GrpcSocketServer? _podResources;

    /// <param name="directory">Stands for <c>/var/lib/kubelet/device-plugins</c>.</param>
    /// <param name="podResourcesSocket">The pod-resources socket; <c>../pod-resources/kubelet.sock</c> beside the directory when
    /// null.</param>
    public SimulatedKubelet(string directory, TimeProvider time, string? podResourcesSocket = null)
    {
        Directory = System.IO.Path.TrimEndingDirectorySeparator(directory);
        PodResourcesSocket =
            podResourcesSocket
            ?? System.IO.Path.Combine(System.IO.Path.GetDirectoryName(Directory)!, "pod-resources", KubeletApi.KubeletSocketName);
        _store = new DeviceStore(Directory, time);
    }

    public string Directory { get; }

    public string PodResourcesSocket { get; }

    public string KubeletSocket => System.IO.Path.Combine(Directory, KubeletApi.KubeletSocketName);

    /// <summary>What killed this kubelet; null while it lives. A dead kubelet serves nothing until it is started again.</summary>
    public string? CauseOfDeath { get; private set; }

    /// <summary>How often Register was called and accepted, by resource, over all restarts.</summary>
    public ImmutableDictionary<string, int> Registrations { get; private set; } = ImmutableDictionary<string, int>.Empty;

    /// <summary>How long the dial back inside Register goes on while nobody listens on the plugin's socket.</summary>
    public TimeSpan DialLimit { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The first wait between two dials, as grpc-go has it.</summary>
    public TimeSpan DialBackoff { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Awaited between the deletion of all sockets and the making of kubelet.sock.</summary>
    public Func<Task>? BeforeListen { get; set; }

    /// <summary>Awaited inside Register before the plugin's socket is dialled.</summary>
    public Func<string, Task>? BeforeDial { get; set; }

    /// <summary>Awaited inside Register when the plugin's socket was dialled and has answered.</summary>
    public Func<string, Task>? AfterDial { get; set; }

    /// <summary>
    /// Awaited between the end of a stream and the kubelet's reaction to it: a test holds it to make the race of #121994 certain.
    /// </summary>
    public Func<string, Task>? OnStreamEnded { get; set; }

    /// <summary>Awaited between the choice of devices and the Allocate that names them.</summary>
    public Func<string, ImmutableArray<string>, Task>? BeforeAllocate { get; set; }

    /// <summary>
    /// Awaited between the answer of Allocate and its booking: until then neither pod-resources nor the checkpoint names the pod.
    /// </summary>
    public Func<string, ImmutableArray<string>, Task>? AfterAllocate { get; set; }

    public int CheckpointWrites
    {
        get
        {
            lock (_gate)
                return _store.CheckpointWrites;
        }
    }

    /// <summary>Devices the node has, healthy or not; null when the node does not have the resource.</summary>
    public int? Capacity(string resource)
    {
        lock (_gate)
            return _store.Capacity(resource);
    }

    /// <summary>Healthy devices, in use or not; null when the node does not have the resource.</summary>
    public int? Allocatable(string resource)
    {
        lock (_gate)
            return _store.Allocatable(resource);
    }

    /// <summary>The devices of the last list, by ID.</summary>
    public ImmutableArray<ListedDevice> Devices(string resource)
    {
        lock (_gate)
            return [.. _store.Devices(resource).Values];
    }

    /// <summary>Every list ever received for the resource, oldest first.</summary>
    public ImmutableArray<ImmutableArray<ListedDevice>> Lists(string resource)
    {
        lock (_gate)
            return _store.History(resource);
    }

    /// <summary>
    /// Deletes every socket in the directory, reads the checkpoint, then serves: kubelet.sock exists when the task is done.
    /// </summary>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        System.IO.Directory.CreateDirectory(Directory);
        System.IO.Directory.CreateDirectory(System.IO.Path.GetDirectoryName(PodResourcesSocket)!);
        Wipe(all: true);
        if (BeforeListen is { } hold)
            await hold();
        lock (_gate)
        {
            CauseOfDeath = null;
            _store.ReadCheckpoint();
            _unlearned.Clear();
            if (LearnsPodsSlowly)
                _unlearned.UnionWith(_store.Pods.Keys);
        }

        _podResources = await GrpcSocketServer.StartAsync(
            PodResourcesSocket,
            _ => PodResourcesLister.BindService(new PodResourcesService(this)),
            logger: null,
            cancellationToken,
            Everybody with
            {
                AnswerBytes = 64 << 20,
            }
        );
        _registration = await GrpcSocketServer.StartAsync(
            KubeletSocket,
            _ => Registration.BindService(new RegistrationService(this)),
            logger: null,
            cancellationToken,
            Everybody
        );
    }

    /// <summary>Deletes the sockets in the directory as a start does, <paramref name="all"/> of them or but the kubelet's own.</summary>
    public void Wipe(bool all = false)
    {
        var sockets = System.IO.Directory.EnumerateFiles(Directory, "*.sock").Where(s => all || s != KubeletSocket);
        foreach (var socket in sockets.ToList())
            File.Delete(socket);
    }

    /// <summary>Ends as by SIGKILL: every connection breaks, nothing is said, files stay. <paramref name="leaveSocket"/> leaves a dead
    /// kubelet.sock behind, as a killed process does.</summary>
    public async Task StopAsync(bool leaveSocket = false)
    {
        ImmutableArray<PluginConnection> connections;
        lock (_gate)
        {
            _generation++;
            connections = [.. _connections];
            _connections.Clear();
            _clients.Clear();
        }

        foreach (var connection in connections)
            connection.Dispose();
        if (_registration is not null)
            await _registration.DisposeAsync();
        if (_podResources is not null)
            await _podResources.DisposeAsync();
        (_registration, _podResources) = (null, null);
        await Task.WhenAll(connections.Select(c => c.Watching));
        if (leaveSocket)
            await File.WriteAllTextAsync(KubeletSocket, "");
    }

    public async Task RestartAsync(CancellationToken cancellationToken = default)
    {
        await StopAsync();
        await StartAsync(cancellationToken);
    }

    /// <summary>Drops the client of a resource, as another plugin of the same name makes the kubelet do.</summary>
    public void Disconnect(string resource)
    {
        PluginConnection? client;
        lock (_gate)
        {
            if (!_clients.Remove(resource, out client))
                return;
            _store.PluginDisconnected(resource);
        }

        client.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _syncLoop.Dispose();
    }

    private async Task<Empty> RegisterAsync(RegisterRequest request, CancellationToken cancellationToken)
    {
        if (request.Version != KubeletApi.Version)
            throw new RpcException(
                new Status(
                    StatusCode.Unknown,
                    $"requested API version \"{request.Version}\" is not supported by kubelet. Supported version is "
                        + $"[\"{KubeletApi.Version}\"]"
                )
            );
        if (!ResourceName.TryParse(request.ResourceName, out _, out _))
            throw new RpcException(new Status(StatusCode.Unknown, $"the ResourceName \"{request.ResourceName}\" is invalid"));
        var connection = new PluginConnection(request.ResourceName, System.IO.Path.Combine(Directory, request.Endpoint));
        int generation;
        lock (_gate)
        {
            generation = _generation;
            _clients[request.ResourceName] = connection;
            _connections.Add(connection);
        }

        try
        {
            if (BeforeDial is { } before)
                await before(request.ResourceName);
            await connection.ConnectAsync(DialLimit, DialBackoff, cancellationToken);
            if (AfterDial is { } after)
                await after(request.ResourceName);
        }
        catch
        {
            lock (_gate)
            {
                if (generation == _generation)
                    _clients.Remove(request.ResourceName);
            }

            connection.Dispose();
            throw;
        }

        lock (_gate)
        {
            if (generation != _generation)
                throw new RpcException(new Status(StatusCode.Unavailable, "this kubelet has ended"));
            _store.PluginConnected(request.ResourceName, connection);
            Registrations = Registrations.SetItem(request.ResourceName, Registrations.GetValueOrDefault(request.ResourceName) + 1);
            connection.Watching = Task.Run(() => WatchAsync(connection, generation), CancellationToken.None); // outlives the call
        }

        return new Empty();
    }

    /// <summary>The kubelet's <c>runClient</c>: when a stream ends, whoever is registered under the name by then is disconnected.</summary>
    private async Task WatchAsync(PluginConnection connection, int generation)
    {
        await connection.WatchAsync(list =>
        {
            lock (_gate)
            {
                if (generation == _generation)
                    _store.Received(connection.Resource, list);
            }
        });
        if (OnStreamEnded is { } hold)
            await hold(connection.Resource);
        connection.Dispose();
        lock (_gate)
        {
            if (generation != _generation)
                return;
        }

        Disconnect(connection.Resource);
    }

    private sealed class RegistrationService(SimulatedKubelet kubelet) : Registration.RegistrationBase
    {
        public override Task<Empty> Register(RegisterRequest request, ServerCallContext context) =>
            kubelet.RegisterAsync(request, context.CancellationToken);
    }

    private sealed class PodResourcesService(SimulatedKubelet kubelet) : PodResourcesLister.PodResourcesListerBase
    {
        public override Task<ListPodResourcesResponse> List(ListPodResourcesRequest request, ServerCallContext context) =>
            Task.FromResult(kubelet.ListPods());
    }
}
