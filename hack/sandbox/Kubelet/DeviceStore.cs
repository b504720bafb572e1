using System.Collections.Immutable;
using Google.Protobuf;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Kubelet.Protos;

namespace Hostdev.Sandbox.Kubelet;

/// <summary>One device as the kubelet last heard of it.</summary>
public sealed record ListedDevice(string Id, bool Healthy, long? NumaNode);

/// <summary>
/// What the kubelet's device manager remembers: devices by resource, endpoints, and who holds what
/// (<c>pkg/kubelet/cm/devicemanager/manager.go</c>). Not thread-safe: its owner locks.
/// </summary>
internal sealed class DeviceStore(string directory, TimeProvider time)
{
    private static readonly TimeSpan EndpointGrace = TimeSpan.FromMinutes(5);

    private readonly Dictionary<string, ImmutableSortedDictionary<string, ListedDevice>> _devices = [];
    private readonly Dictionary<string, Endpoint> _endpoints = [];
    private readonly Dictionary<string, ImmutableArray<ImmutableArray<ListedDevice>>> _history = [];

    private readonly HashSet<string> _forgotten = [];

    public Dictionary<(string Namespace, string Name), SimulatedPod> Pods { get; } = [];

    /// <summary>The API server knows the pod no more, so a checkpoint that still names it is not believed at the next start.</summary>
    public void Forget((string Namespace, string Name) pod)
    {
        if (Pods.Remove(pod))
            _forgotten.Add($"{pod.Namespace}/{pod.Name}");
    }

    /// <summary>How often the checkpoint was written: once for each list and each allocation.</summary>
    public int CheckpointWrites { get; private set; }

    public ImmutableSortedDictionary<string, ListedDevice> Devices(string resource) =>
        _devices.GetValueOrDefault(resource, ImmutableSortedDictionary<string, ListedDevice>.Empty);

    public ImmutableArray<ImmutableArray<ListedDevice>> History(string resource) => _history.GetValueOrDefault(resource, []);

    public PluginConnection? Connection(string resource) =>
        _endpoints.TryGetValue(resource, out var e) && e.StoppedAt is null ? e.Connection : null;

    /// <summary>Null for a resource the node does not have; it is deleted five minutes after its plugin went away.</summary>
    public int? Capacity(string resource)
    {
        Expire();
        return _endpoints.ContainsKey(resource) ? Devices(resource).Count : null;
    }

    public int? Allocatable(string resource) => Capacity(resource) is null ? null : Devices(resource).Values.Count(d => d.Healthy);

    public void PluginConnected(string resource, PluginConnection connection) =>
        _endpoints[resource] = new Endpoint(connection, StoppedAt: null);

    /// <summary>By name only: whichever endpoint the resource has now is the one that is stopped (kubernetes #121994).</summary>
    public void PluginDisconnected(string resource)
    {
        if (!_endpoints.TryGetValue(resource, out var endpoint))
            return;
        _devices[resource] = Devices(resource).ToImmutableSortedDictionary(d => d.Key, d => d.Value with { Healthy = false });
        _endpoints[resource] = endpoint with { StoppedAt = time.GetUtcNow() };
    }

    public void Received(string resource, ListAndWatchResponse list)
    {
        var devices = list
            .Devices.Select(d => new ListedDevice(d.ID, d.Health == KubeletApi.Healthy, d.Topology?.Nodes.FirstOrDefault()?.ID))
            .ToImmutableArray();
        _devices[resource] = devices.ToImmutableSortedDictionary(d => d.Id, d => d, StringComparer.Ordinal);
        _history[resource] = History(resource).Add(devices);
        WriteCheckpoint();
    }

    public ImmutableHashSet<string> InUse(string resource) => [.. Pods.Values.SelectMany(p => p.Devices.GetValueOrDefault(resource, []))];

    public void WriteCheckpoint()
    {
        CheckpointWrites++;
        var entries =
            from pod in Pods.Values
            from answer in pod.Answers
            select new PodDeviceEntry(
                $"{pod.Namespace}/{pod.Name}",
                SimulatedPod.Container,
                answer.Key,
                pod.Devices[answer.Key]
                    .GroupBy(id => (Devices(answer.Key).GetValueOrDefault(id)?.NumaNode ?? -1).ToString())
                    .ToDictionary(g => g.Key, g => g.ToList()),
                Convert.ToBase64String(answer.Value.ToByteArray())
            );
        var registered = _devices.ToDictionary(d => d.Key, d => d.Value.Values.Where(v => v.Healthy).Select(v => v.Id).ToList());
        new KubeletCheckpoint(new KubeletCheckpointData([.. entries], registered), 0).Write(directory);
    }

    /// <summary>
    /// A new kubelet knows the names of its resources and who holds what, and no device: known resources come back with 0 of each, and
    /// their endpoints as stopped.
    /// </summary>
    public void ReadCheckpoint()
    {
        var checkpoint = KubeletCheckpoint.Read(directory);
        _devices.Clear();
        _endpoints.Clear();
        foreach (var resource in checkpoint.Data.RegisteredDevices.Keys)
        {
            _devices[resource] = ImmutableSortedDictionary<string, ListedDevice>.Empty;
            _endpoints[resource] = new Endpoint(Connection: null, time.GetUtcNow());
        }

        foreach (var pod in checkpoint.Data.PodDeviceEntries.GroupBy(e => e.PodUID).Where(p => !_forgotten.Contains(p.Key)))
        {
            var slash = pod.Key.IndexOf('/', StringComparison.Ordinal);
            var key = (pod.Key[..slash], pod.Key[(slash + 1)..]);
            Pods[key] = Pods.GetValueOrDefault(key, SimulatedPod.New(key.Item1, key.Item2) with { Phase = PodPhase.Running }) with
            {
                Devices = pod.ToImmutableSortedDictionary(
                    e => e.ResourceName,
                    e => e.DeviceIDs.Values.SelectMany(v => v).Order(StringComparer.Ordinal).ToImmutableArray()
                ),
                Answers = pod.ToImmutableSortedDictionary(
                    e => e.ResourceName,
                    e => ContainerAllocateResponse.Parser.ParseFrom(Convert.FromBase64String(e.AllocResp))
                ),
            };
        }
    }

    private void Expire()
    {
        var now = time.GetUtcNow();
        var expired = _endpoints.Where(e => now - e.Value.StoppedAt >= EndpointGrace).Select(e => e.Key).ToList();
        foreach (var resource in expired)
        {
            _endpoints.Remove(resource);
            _devices.Remove(resource);
        }

        if (expired.Count > 0)
            WriteCheckpoint(); // manager.go, GetCapacity
    }

    private sealed record Endpoint(PluginConnection? Connection, DateTimeOffset? StoppedAt);
}
