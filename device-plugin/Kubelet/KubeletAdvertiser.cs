using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Offering;
using Microsoft.Extensions.Logging;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// Offers resources to the kubelet of this node and keeps them offered: over kubelet restarts, deleted sockets and lost streams. Every
/// resource has its own socket and its own loop. Thread-safe.
/// </summary>
public sealed class KubeletAdvertiser : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<ResourceName, (ResourceAdvertiser Advertiser, Task Loop)> _resources = [];
    private readonly Dictionary<ResourceName, Task> _ending = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly AdvertiserContext _context;
    private ImmutableArray<AdvertisedResource> _wanted = [];
    private volatile PodUseReading? _pods;
    private bool _started;
    private bool _stopped;

    /// <param name="directory">The kubelet's device plugin directory, <see cref="KubeletApi.DefaultDevicePluginDirectory"/> on a node. It
    /// may appear later.</param>
    /// <param name="holdings">Who has what: an ID that somebody has stays listed, and a resource that somebody has something of stays
    /// registered, whatever is offered.</param>
    /// <param name="stateChanged">Called, from any thread, when <see cref="Snapshot"/> may have changed. Must not block.</param>
    /// <param name="listed">What was listed before; nothing by default.</param>
    public KubeletAdvertiser(
        string directory,
        IDeviceAllocator allocator,
        Holdings holdings,
        TimeProvider time,
        ILogger<KubeletAdvertiser> logger,
        KubeletTimings? timings = null,
        Action? stateChanged = null,
        ListedDevices? listed = null
    )
    {
        timings ??= new KubeletTimings();
        var (kubelet, checkpoint) = (new KubeletDirectory(directory, timings.Poll, time), new KubeletCheckpointReader(directory));
        _context = new AdvertiserContext(
            kubelet,
            checkpoint,
            allocator,
            holdings,
            listed ?? new ListedDevices(ListedIds.None),
            () => _pods,
            timings,
            time,
            logger,
            new SocketCallers((kubelet, peer) => MayCall(kubelet, peer), logger),
            stateChanged ?? (() => { }),
            m => Moment?.Invoke(m) ?? Task.CompletedTask
        );
        _context.Directory.Changed = OnDirectoryChanged;
    }

    /// <summary>Awaited at each moment of every registration: a test holds it there.</summary>
    internal Func<RegistrationMoment, Task>? Moment { get; set; }

    /// <summary>
    /// Whether a peer, the second, may call the sockets of our resources while the first listens on kubelet.sock.
    /// </summary>
    public Func<SocketPeer, SocketPeer, bool> MayCall { get; init; } = SocketCallers.IsKubelet;

    /// <summary>
    /// True while some ID is held, or waits for a look at who has what: to leave the list, to show who holds what was answered, or to be
    /// registered when pods have nothing of another plugin's any more. The caller reads pod-resources every 10 s meanwhile, and need
    /// not otherwise.
    /// </summary>
    public bool WaitsForLook
    {
        get
        {
            lock (_gate)
                return _resources.Values.Any(r => r.Advertiser.WaitsForLook);
        }
    }

    /// <summary>Begins to register what <see cref="Update"/> gave or will give. The kubelet may be absent.</summary>
    public void Start()
    {
        _context.Directory.Start();
        OtherOffers = ReadOtherOffers();
        lock (_gate)
        {
            _started = true;
            Apply();
        }
    }

    /// <summary>
    /// Replaces what is offered. A resource that is missing now stays registered, its IDs Unhealthy, until the last of them may leave; then
    /// its server stops. The same content changes nothing.
    /// </summary>
    public void Update(ImmutableArray<AdvertisedResource> resources)
    {
        lock (_gate)
        {
            _context.Listed.Begin(Shown, resources);
            _wanted = resources;
            Apply();
        }
    }

    /// <summary>
    /// Who has what was looked at: what is proven free by it may leave now, and a name may be registered of which nobody has anything.
    /// </summary>
    public void HoldersLookedAt(PodUseReading reading)
    {
        _pods = reading;
        lock (_gate)
        {
            Apply();
            WakeAll();
        }
    }

    /// <summary>
    /// Sends the list of one resource again, unchanged: it makes the kubelet write its whole checkpoint. False when no kubelet watches.
    /// </summary>
    public bool SendAgain()
    {
        lock (_gate)
        {
            if (
                _resources
                    .OrderBy(r => r.Key)
                    .Select(r => r.Value.Advertiser)
                    .FirstOrDefault(a => a.State() is { Registered: true, StreamLive: true })
                is not { } advertiser
            )
                return false;
            advertiser.Listing.SendAgain();
            return true;
        }
    }

    /// <summary>What other device plugins offer on this node, as of the last change in the kubelet's directory.</summary>
    public ImmutableArray<OtherOffer> OtherOffers { get; private set; } = [];

    /// <summary>Which container has which device by the kubelet's own checkpoint.</summary>
    public CheckpointReading ReadCheckpoint() => _context.Checkpoint.Read();

    /// <summary>How every resource stands, ordered by name.</summary>
    public ImmutableArray<ResourceState> Snapshot()
    {
        lock (_gate)
            return [.. _resources.OrderBy(r => r.Key).Select(r => r.Value.Advertiser.State())];
    }

    /// <summary>
    /// Ends all streams, then the servers, then the loops, all resources at once: well under a second. The kubelet keeps their capacity for
    /// five minutes. Idempotent.
    /// </summary>
    public async Task StopAsync()
    {
        ImmutableArray<Task> loops;
        lock (_gate)
        {
            if (_stopped)
                return;
            _stopped = true;
            loops = [.. _resources.Values.Select(r => r.Loop), .. _ending.Values];
        }

        await _stop.CancelAsync();
        await Task.WhenAll(loops);
        await _context.Directory.DisposeAsync();
        _stop.Dispose();
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    private void Apply()
    {
        if (!_started || _stopped)
            return;
        var wanted = _wanted.ToDictionary(r => r.Name);
        foreach (var name in wanted.Keys.Concat(_context.Holdings.Resources).Concat(_resources.Keys).Distinct().ToList())
        {
            var advertiser = Find(name);
            advertiser.Removed = !wanted.TryGetValue(name, out var resource);
            advertiser.Listing.Want(resource?.Devices ?? []);
        }
    }

    private ResourceAdvertiser Find(ResourceName name)
    {
        if (_resources.TryGetValue(name, out var known))
            return known.Advertiser;
        var advertiser = new ResourceAdvertiser(name, _context, a => TryRetire(name, a));
        var before = _ending.GetValueOrDefault(name, Task.CompletedTask);
        _resources.Add(name, (advertiser, Task.Run(() => RunAfterAsync(before, advertiser))));
        return advertiser;
    }

    /// <summary>A resource that comes back while its last server still closes waits for it: closing deletes the socket's file.</summary>
    private async Task RunAfterAsync(Task before, ResourceAdvertiser advertiser)
    {
        await before;
        await advertiser.RunAsync(_stop.Token);
    }

    private bool TryRetire(ResourceName name, ResourceAdvertiser advertiser)
    {
        lock (_gate)
        {
            if (!advertiser.Removed || !advertiser.Listing.IsEmpty)
                return false;
            if (_resources.Remove(name, out var entry))
                _ending[name] = entry.Loop;
        }

        _context.StateChanged();
        return true;
    }

    private void OnDirectoryChanged()
    {
        var offers = ReadOtherOffers();
        if (!offers.SequenceEqual(OtherOffers))
        {
            OtherOffers = offers;
            _context.StateChanged();
        }

        lock (_gate)
            WakeAll();
    }

    /// <summary>Before it is known what is ours, nothing is another's.</summary>
    private ImmutableArray<OtherOffer> ReadOtherOffers() =>
        _context.Listed.IsKnown
            ? OtherOffer.Read(
                _context.Directory.Path,
                _context.Checkpoint,
                (resource, id) => ResourceName.TryParse(resource, out var name, out _) && _context.Listed.IsKept(name, id)
            )
            : [];

    private void WakeAll()
    {
        foreach (var (advertiser, _) in _resources.Values)
            advertiser.Wake();
    }

    /// <summary>What the kubelet's checkpoint names; null when it cannot be read.</summary>
    private ImmutableHashSet<(string Resource, string Id)>? Shown() =>
        _context.Checkpoint.Read() is CheckpointReading.Read read
            ? [.. read.Devices.Keys, .. _context.Checkpoint.ReadHealthy().SelectMany(r => r.Value.Select(id => (r.Key, id)))]
            : null;
}
