using System.Collections.Frozen;
using System.Collections.Immutable;
using Grpc.Core;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Kubelet.Protos;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning;

namespace Hostdev.Tests.Scenarios.Sequences;

/// <param name="Answer">Cached: a restarted container gets it again.</param>
internal sealed record SteppedPod(string Name, string Resource, ImmutableArray<string> Ids, ContainerAllocateResponse Answer)
{
    /// <summary>The groups that its answer names.</summary>
    public ImmutableArray<int> Groups =>
        [
            .. Answer
                .Devices.Where(d => IsVfio(d.HostPath))
                .Select(d => int.TryParse(d.HostPath.AsSpan(Vfio.Length), out var group) ? group : -1)
                .Where(g => g >= 0),
        ];

    /// <summary>The nodes of what it is lent: of USB and SCSI devices.</summary>
    public ImmutableArray<string> Nodes => [.. Answer.Devices.Select(d => d.HostPath).Where(p => !IsVfio(p))];

    private const string Vfio = "/dev/vfio/";

    private static bool IsVfio(string path) => path.StartsWith(Vfio, StringComparison.Ordinal);
}

/// <summary>
/// A kubelet and the agent's device plugin servers, joined without sockets: lists, questions and answers are production's own, carried over
/// by hand. What the agent's tasks would do by themselves (send a list, read pod-resources) is done when it is told to.
/// </summary>
internal sealed class SteppedKubelet(SteppedAgent agent, StillClock clock)
{
    private readonly Dictionary<ResourceName, Session> _sessions = [];
    private readonly SortedDictionary<string, ImmutableSortedDictionary<string, bool>> _lists = new(StringComparer.Ordinal);
    private readonly List<SteppedPod> _pods = [];
    private (string Resource, ImmutableArray<string> Ids)? _asked; // by an Allocate that is not answered yet

    /// <summary>Null while the kubelet is well.</summary>
    public string? CauseOfDeath { get; private set; }

    public IReadOnlyList<SteppedPod> Pods => _pods;

    /// <summary>Resources that have a device to give.</summary>
    public ImmutableArray<string> Offering => [.. _lists.Keys.Where(r => Available(r).Length > 0)];

    /// <summary>Every ID that is offered, with its resource.</summary>
    public IEnumerable<(string Resource, string Id)> Offered =>
        _lists.SelectMany(l => l.Value.Where(d => d.Value).Select(d => (l.Key, d.Key)));

    /// <summary>
    /// What happens while the agent thinks about an answer, before (false) and after it looked at the device and noted the answer down.
    /// </summary>
    public Action<bool> WhileAnswering { get; set; } = _ => { };

    /// <summary>At the moment of an answer: what its IDs named when it was asked for, and what it says.</summary>
    public Action<ImmutableArray<Unit>, AllocateOutcome.Granted> Answered { get; set; } = (_, _) => { };

    /// <summary>
    /// The catalog as it is now reaches the lists, the lists reach the kubelet, and resources that are through with are let go
    /// (KubeletAdvertiser).
    /// </summary>
    public void SendLists()
    {
        if (!agent.IsRunning)
            return;
        var wanted = agent.Host.Allocator.Catalog.Resources.ToDictionary(r => r.Name);
        foreach (var name in wanted.Keys.Concat(_sessions.Keys).Concat(agent.Host.Holdings.Resources).Distinct().ToList())
        {
            if (!_sessions.TryGetValue(name, out var session))
                _sessions[name] = session = new Session(this, agent.Host, name, clock);
            session.Recheck();
            session.Listing.Want(wanted.GetValueOrDefault(name)?.Devices ?? []);
            session.Send();
            if (wanted.ContainsKey(name) || !session.Listing.IsEmpty)
                continue;
            _sessions.Remove(name);
            _lists.Remove(name.Value);
            if (_pods.Find(p => p.Resource == name.Value) is { } pod)
                throw new BrokenPromiseException($"{name} is let go while {pod.Name} has {string.Join(", ", pod.Ids)} of it");
        }
    }

    /// <summary>The agent reads pod-resources.</summary>
    public void ReportPods()
    {
        if (!agent.IsRunning)
            return;
        ImmutableArray<PodUse> devices = [.. _pods.SelectMany(p => p.Ids.Select(id => new PodUse(p.Resource, id, "vms/" + p.Name)))];
        var checkpoint = new CheckpointReading.Read("checkpoint", devices.ToFrozenDictionary(d => (d.Resource, d.Id), d => d.Pod));
        agent.Host.Allocator.Observe(
            new PodUseReading.Listed
            {
                Devices = devices,
                Doubt = null,
                Checkpoint = checkpoint,
            },
            clock.GetUtcNow()
        );
    }

    /// <summary>The agent's process is gone, and with it its servers: what it offered cannot be had.</summary>
    public void AgentGone()
    {
        _sessions.Clear();
        foreach (var name in _lists.Keys.ToList())
            _lists[name] = _lists[name].ToImmutableSortedDictionary(d => d.Key, _ => false, StringComparer.Ordinal);
    }

    /// <summary>A new kubelet: it knows its pods and their answers from the checkpoint, and no device.</summary>
    public void Restart()
    {
        foreach (var name in _lists.Keys.ToList())
            _lists[name] = ImmutableSortedDictionary<string, bool>.Empty;
        foreach (var session in _sessions.Values)
            session.Listing.BeginSession();
    }

    /// <summary>Admits a pod; null with the cause when it fails for good.</summary>
    public (SteppedPod? Pod, string Cause) Admit(string name, string resource, int count)
    {
        var available = Available(resource);
        if (available.Length < count || !_sessions.TryGetValue(ResourceName.Parse(resource), out var session))
            return (null, "nothing to have");
        var preferred = agent.Host.Allocator.Prefer(session.Resource, available, [], count);
        ContainerAllocateResponse? answer = null;
        _asked = (resource, preferred);
        try
        {
            var request = new AllocateRequest { ContainerRequests = { new ContainerAllocateRequest { DevicesIds = { preferred } } } };
            if (
                !agent.Alive(async () =>
                    answer = (await session.Calls.AllocateAsync(request, CancellationToken.None)).ContainerResponses[0]
                )
            )
                return (null, Died());
        }
        catch (RpcException e)
        {
            return (null, e.Status.Detail);
        }
        finally
        {
            _asked = null;
        }

        var pod = new SteppedPod(name, resource, preferred, answer!);
        _pods.Add(pod);
        return (pod, "");
    }

    /// <summary>PreStartContainer, with the cached answer: null when the container may start.</summary>
    public string? CheckStart(SteppedPod pod)
    {
        if (!_sessions.TryGetValue(ResourceName.Parse(pod.Resource), out var session))
            return $"no endpoint for {pod.Resource}";
        try
        {
            return agent.Alive(() =>
                session.Calls.PreStartAsync(new PreStartContainerRequest { DevicesIds = { pod.Ids } }, CancellationToken.None)
            )
                ? null
                : Died();
        }
        catch (RpcException e)
        {
            return e.Status.Detail;
        }
    }

    public void Delete(SteppedPod pod) => _pods.Remove(pod);

    /// <summary>What must hold at any time.</summary>
    public void Check()
    {
        if (CauseOfDeath is { } cause)
            throw new BrokenPromiseException($"the kubelet died: {cause}");
        if (Offered.GroupBy(o => o.Id, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new BrokenPromiseException($"{twice.Key} is offered twice, by {string.Join(" and ", twice.Select(o => o.Resource))}");
        if (_pods.SelectMany(p => p.Ids).GroupBy(id => id, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } shared)
            throw new BrokenPromiseException($"{shared.Key} was given to two pods");
        if (_sessions.Count > 0 && _pods.Find(p => !_lists.ContainsKey(p.Resource)) is { } orphan)
            throw new BrokenPromiseException(
                $"{orphan.Resource}, of which {orphan.Name} has {string.Join(", ", orphan.Ids)}, is not registered"
            );
    }

    private string Died()
    {
        AgentGone();
        return "the agent died";
    }

    private void Receive(string resource, ImmutableSortedDictionary<string, bool> list)
    {
        _lists[resource] = list;
        // After Allocate it reads the topology of each ID without looking whether it is still there.
        if (_asked is { } asked && asked.Resource == resource && asked.Ids.FirstOrDefault(id => !list.ContainsKey(id)) is { } missing)
            CauseOfDeath = $"{missing} of {resource} left the list during an Allocate that names it";
    }

    /// <summary>What the catalog has under these IDs now.</summary>
    private ImmutableArray<Unit> Named(ImmutableArray<string> ids) =>
        [.. ids.Select(id => agent.Host.Allocator.Catalog.Units.GetValueOrDefault(id)?.Unit).OfType<Unit>()];

    private ImmutableArray<string> Available(string resource)
    {
        var inUse = _pods.Where(p => p.Resource == resource).SelectMany(p => p.Ids).ToHashSet(StringComparer.Ordinal);
        return agent.IsRunning && _lists.TryGetValue(resource, out var list)
            ? [.. list.Where(d => d.Value && !inUse.Contains(d.Key)).Select(d => d.Key)]
            : [];
    }

    /// <summary>One resource's device plugin server, without the server.</summary>
    private sealed class Session : IDeviceAllocator
    {
        private readonly SteppedKubelet _kubelet;
        private readonly IDeviceAllocator _allocator;
        private readonly StillClock _clock;

        public Session(SteppedKubelet kubelet, AgentHost host, ResourceName resource, StillClock clock)
        {
            var timings = new KubeletTimings();
            (_kubelet, _allocator, _clock, Resource) = (kubelet, host.Allocator, clock, resource);
            Listing = new DeviceListing(resource, host.Holdings, new ListedDevices(ListedIds.None), timings.ListPolicy, clock);
            Calls = new AllocationCalls(resource, Listing, this, timings, clock, StreamLive);
        }

        public ResourceName Resource { get; }

        public DeviceListing Listing { get; }

        public AllocationCalls Calls { get; }

        public void Send()
        {
            for (var (list, version, _) = Listing.Current; version != Listing.SentVersion; (list, version, _) = Listing.Current)
            {
                Listing.MarkSending(list);
                _kubelet.Receive(
                    Resource.Value,
                    list.Devices.ToImmutableSortedDictionary(d => d.Id, d => d.Healthy, StringComparer.Ordinal)
                );
                Listing.MarkSent(list, version);
            }
        }

        /// <summary>Refused IDs whose time has come are looked at again (RefusalRechecks).</summary>
        public void Recheck()
        {
            foreach (var due in Listing.Refusals.Due(_clock.GetUtcNow()))
            {
                if (_allocator.CheckOfferAsync(Resource, due.Id, CancellationToken.None).AsTask().GetAwaiter().GetResult() is { } refusal)
                    Listing.Refuse([due.Id], refusal.Reason, refusal.Message);
                else
                    Listing.Pass(due.Id);
            }
        }

        public async ValueTask<AllocateOutcome> AllocateAsync(
            ResourceName resource,
            ImmutableArray<string> deviceIds,
            CancellationToken cancellationToken
        )
        {
            _kubelet.WhileAnswering(false);
            var offered = _kubelet.Named(deviceIds);
            var outcome = await _allocator.AllocateAsync(resource, deviceIds, cancellationToken);
            if (outcome is AllocateOutcome.Granted granted)
                _kubelet.Answered(offered, granted);
            _kubelet.WhileAnswering(true);
            return outcome;
        }

        public ValueTask<Refusal?> CheckBeforeStartAsync(
            ResourceName resource,
            ImmutableArray<string> deviceIds,
            CancellationToken cancellationToken
        ) => _allocator.CheckBeforeStartAsync(resource, deviceIds, cancellationToken);

        public ImmutableArray<string> Prefer(
            ResourceName resource,
            ImmutableArray<string> available,
            ImmutableArray<string> mustInclude,
            int size
        ) => _allocator.Prefer(resource, available, mustInclude, size);

        /// <summary>A refusal waits until the list is out that shows it.</summary>
        private bool StreamLive()
        {
            Send();
            return true;
        }
    }
}
