using System.Collections.Immutable;
using Grpc.Core;
using Hostdev.DevicePlugin.Kubelet.Protos.Pods;

namespace Hostdev.Sandbox.Kubelet;

/// <summary>Pods: admission, starts and restarts of their container, and what pod-resources says of them.</summary>
public sealed partial class SimulatedKubelet
{
    /// <summary>
    /// The order of what the kubelet keeps in maps: of the calls for one container's resources, and of merging their answers
    /// (<c>allocateContainerResources</c>, <c>deviceRunContainerOptions</c>).
    /// </summary>
    public Random MapOrder { get; set; } = new(1);

    /// <summary>
    /// Every pod the kubelet remembers, ordered by namespace and name; failed ones hold what they were given before the refusal, until
    /// another pod is admitted or pod-resources is listed (<c>UpdateAllocatedDevices</c>).
    /// </summary>
    public ImmutableArray<SimulatedPod> Pods
    {
        get
        {
            lock (_gate)
                return [.. _store.Pods.OrderBy(p => p.Key).Select(p => p.Value)];
        }
    }

    /// <summary>
    /// Admits a pod that asks for so many devices of each resource, in the one sync loop: a pod whose Allocate takes long holds up all
    /// others.
    /// </summary>
    public Task<SimulatedPod> AdmitPodAsync(string ns, string name, IReadOnlyDictionary<string, int> resources) =>
        AdmitPodAsync(ns, name, [.. resources.Select(r => new DeviceRequest(r.Key, r.Value))]);

    public async Task<SimulatedPod> AdmitPodAsync(string ns, string name, params DeviceRequest[] requests)
    {
        await _syncLoop.WaitAsync();
        try
        {
            CleanUp();
            var pod = SimulatedPod.New(ns, name);
            Remember(pod);
            foreach (var request in Shuffled(requests))
            {
                pod = await AllocateAsync(pod, request);
                Remember(pod);
                if (pod.Phase == PodPhase.Failed)
                    return pod;
            }

            return await StartContainerAsync(pod);
        }
        finally
        {
            _syncLoop.Release();
        }
    }

    /// <summary>Starts the container again: PreStartContainer, then the cached answers; Allocate is not called.</summary>
    public async Task<SimulatedPod> RestartContainerAsync(string ns, string name)
    {
        SimulatedPod pod;
        lock (_gate)
            pod = _store.Pods[(ns, name)];
        return pod.Phase == PodPhase.Failed ? pod : await StartContainerAsync(pod);
    }

    /// <summary>
    /// The pod is gone, or deleted by force: its devices are free and pod-resources no longer names it, whatever its processes do. The
    /// checkpoint names it until it is written for another cause (kubelet <c>UpdateAllocatedDevices</c> does not write it).
    /// </summary>
    public void DeletePod(string ns, string name)
    {
        lock (_gate)
            _store.Forget((ns, name));
    }

    /// <summary>From the next start on, pod-resources names no pod until it is learned: a kubelet is told of its pods one by one.</summary>
    public bool LearnsPodsSlowly { get; set; }

    /// <summary>The kubelet is told of this pod.</summary>
    public void LearnPod(string ns, string name)
    {
        lock (_gate)
            _unlearned.Remove((ns, name));
    }

    /// <summary>What pods hold that were not admitted is free again.</summary>
    private void CleanUp()
    {
        lock (_gate)
        {
            foreach (var (key, pod) in _store.Pods.Where(p => p.Value.Phase == PodPhase.Failed).ToList())
                _store.Pods[key] = SimulatedPod.New(pod.Namespace, pod.Name) with
                {
                    Phase = pod.Phase,
                    Reason = pod.Reason,
                    Message = pod.Message,
                };
        }
    }

    private T[] Shuffled<T>(IEnumerable<T> all)
    {
        var items = all.ToArray();
        lock (_gate)
            MapOrder.Shuffle(items);
        return items;
    }

    private async Task<SimulatedPod> AllocateAsync(SimulatedPod pod, DeviceRequest request)
    {
        PluginConnection? connection;
        ImmutableArray<string> available;
        lock (_gate)
        {
            connection = _store.Connection(request.Resource);
            var inUse = _store.InUse(request.Resource);
            available = [.. _store.Devices(request.Resource).Values.Where(d => d.Healthy && !inUse.Contains(d.Id)).Select(d => d.Id)];
            if (_store.Capacity(request.Resource) is null)
                return Fail(pod, $"Allocate failed due to cannot allocate unregistered device {request.Resource}, which is unexpected");
            if (connection is null || _store.Allocatable(request.Resource) == 0)
                return Fail(
                    pod,
                    "Allocate failed due to no healthy devices present; cannot allocate unhealthy devices "
                        + $"{request.Resource}, which is unexpected"
                );
        }

        if (available.Length < request.Count)
            return Fail(
                pod,
                $"Allocate failed due to requested number of devices unavailable for {request.Resource}. Requested: "
                    + $"{request.Count}, Available: {available.Length}, which is unexpected"
            );
        try
        {
            var ids = request.Ids.IsDefaultOrEmpty ? await ChooseAsync(connection, available, request.Count) : request.Ids;
            lock (_gate)
                _store.Pods[(pod.Namespace, pod.Name)] = pod with { Devices = pod.Devices.SetItem(request.Resource, ids) };
            if (BeforeAllocate is { } hold)
                await hold(request.Resource, ids);
            var answer = await connection.AllocateAsync(ids);
            if (AfterAllocate is { } booking)
                await booking(request.Resource, ids);
            if (await DiesOfMissingAsync(request.Resource, ids))
                return Fail(pod, "the kubelet died");
            return pod with
            {
                Devices = pod.Devices.SetItem(request.Resource, ids),
                Answers = pod.Answers.SetItem(request.Resource, answer),
            };
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException)
        {
            var cause = e is RpcException { Status: var status }
                ? $"rpc error: code = {status.StatusCode} desc = {status.Detail}"
                : "the connection to the plugin was closed";
            return Fail(pod, $"Allocate failed due to {cause}, which is unexpected");
        }
    }

    private static async Task<ImmutableArray<string>> ChooseAsync(PluginConnection connection, ImmutableArray<string> available, int count)
    {
        if (!connection.Options.GetPreferredAllocationAvailable || available.Length == count)
            return available[..count];
        var preferred = await connection.PreferAsync(available, [], count);
        return [.. preferred.Intersect(available, StringComparer.Ordinal).Concat(available).Distinct(StringComparer.Ordinal).Take(count)];
    }

    /// <summary>The kubelet reads the topology of each ID after Allocate without looking whether it is still there.</summary>
    private async Task<bool> DiesOfMissingAsync(string resource, ImmutableArray<string> ids)
    {
        lock (_gate)
        {
            if (ids.FirstOrDefault(id => !_store.Devices(resource).ContainsKey(id)) is not { } missing)
                return false;
            CauseOfDeath =
                $"panic: invalid memory address or nil pointer dereference: {missing} of {resource} left the list "
                + "during an Allocate that names it";
        }

        await StopAsync(leaveSocket: true);
        return true;
    }

    private async Task<SimulatedPod> StartContainerAsync(SimulatedPod pod)
    {
        foreach (var (resource, ids) in Shuffled(pod.Devices))
        {
            PluginConnection? connection;
            lock (_gate)
                connection = _store.Connection(resource);
            try
            {
                if (connection is null)
                    return Remember(
                        pod with
                        {
                            Phase = PodPhase.Waiting,
                            Reason = "PreStartContainerError",
                            Message = $"endpoint not found in cache for a registered resource: {resource}",
                        }
                    );
                if (connection.Options.PreStartRequired)
                    await connection.PreStartAsync(ids);
            }
            catch (Exception e) when (e is RpcException or OperationCanceledException)
            {
                return Remember(
                    pod with
                    {
                        Phase = PodPhase.Waiting,
                        Reason = "PreStartContainerError",
                        Message = e is RpcException status ? status.Status.Detail : e.Message,
                    }
                );
            }
        }

        return Remember(pod with { Phase = PodPhase.Running, Reason = "", Message = "", MergeOrder = [.. Shuffled(pod.Answers.Keys)] });
    }

    private static SimulatedPod Fail(SimulatedPod pod, string message) =>
        pod with
        {
            Phase = PodPhase.Failed,
            Reason = "UnexpectedAdmissionError",
            Message = message,
        };

    private SimulatedPod Remember(SimulatedPod pod)
    {
        lock (_gate)
        {
            _store.Pods[(pod.Namespace, pod.Name)] = pod;
            _store.WriteCheckpoint();
        }

        return pod;
    }

    private ListPodResourcesResponse ListPods()
    {
        var response = new ListPodResourcesResponse();
        lock (_gate)
        {
            CleanUp();
            foreach (
                var pod in _store.Pods.Where(p => p.Value.Phase != PodPhase.Failed && !_unlearned.Contains(p.Key)).Select(p => p.Value)
            )
            {
                var container = new ContainerResources { Name = SimulatedPod.Container };
                foreach (var (resource, _) in pod.Answers)
                {
                    // One entry per device and NUMA node, as the kubelet makes them.
                    foreach (var id in pod.Devices[resource])
                        container.Devices.Add(new ContainerDevices { ResourceName = resource, DeviceIds = { id } });
                }

                response.PodResources.Add(
                    new PodResources
                    {
                        Namespace = pod.Namespace,
                        Name = pod.Name,
                        Containers = { container },
                    }
                );
            }
        }

        return response;
    }
}
