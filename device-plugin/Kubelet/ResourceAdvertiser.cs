using System.Collections.Immutable;
using Grpc.Core;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Kubelet.Protos;
using Hostdev.DevicePlugin.Offering;
using Microsoft.Extensions.Logging;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>What all resources of one <see cref="KubeletAdvertiser"/> share.</summary>
/// <param name="Pods">The last look at who has what; null before the first.</param>
internal sealed record AdvertiserContext(
    KubeletDirectory Directory,
    KubeletCheckpointReader Checkpoint,
    IDeviceAllocator Allocator,
    Holdings Holdings,
    ListedDevices Listed,
    Func<PodUseReading?> Pods,
    KubeletTimings Timings,
    TimeProvider Time,
    ILogger Logger,
    SocketCallers Callers,
    Action StateChanged,
    Func<RegistrationMoment, Task> At
);

/// <summary>
/// Keeps one resource registered: its own loop, so that no resource waits for another. Serves first and registers then, from this loop and
/// never from a serving thread, because the kubelet calls back inside Register (contracts/kubelet.md, "Order of calls").
/// </summary>
internal sealed partial class ResourceAdvertiser
{
    private readonly ResourceName _resource;
    private readonly AdvertiserContext _context;
    private readonly string _socketPath;
    private readonly Signal _wake = new();
    private readonly Func<ResourceAdvertiser, bool> _tryRetire;
    private DevicePluginServer? _server;
    private SocketFile? _socket;
    private RegistrationFacts _facts = new();
    private readonly ForeignLists _foreign;
    private readonly NameSignsReader _signs;
    private NameOwner _owner = NameOwner.Nobody;
    private (SocketFile File, DateTimeOffset Since)? _kubelet;
    private NameContest _contest = NameContest.None;
    private ImmutableArray<string> _foreignIds = [];
    private SocketFile? _judged; // the kubelet that losses and failures are counted for
    private (long, RefusalLedger, int) _told;
    private int _failures;
    private int _unwatched;
    private string? _error;

    /// <param name="tryRetire">Asked when the resource is removed and nothing of it is left: true when it was let go, and then the loop
    /// ends.</param>
    public ResourceAdvertiser(ResourceName resource, AdvertiserContext context, Func<ResourceAdvertiser, bool> tryRetire)
    {
        (_resource, _context, _tryRetire) = (resource, context, tryRetire);
        _socketPath = Path.Combine(context.Directory.Path, SocketNames.For(resource, context.Directory.Path));
        Listing = new DeviceListing(resource, context.Holdings, context.Listed, context.Timings.ListPolicy, context.Time);
        _foreign = new ForeignLists(resource, context.Checkpoint, Listing, context.Timings.DisplacedAfter);
        _signs = new NameSignsReader(resource, context, Listing);
    }

    public DeviceListing Listing { get; }

    public bool Removed { get; set; }

    /// <summary>Whether a look at who has what is waited for.</summary>
    public bool WaitsForLook => Listing.WaitsForLook || Volatile.Read(ref _owner).WaitsForLook;

    public ResourceState State()
    {
        var (list, _, _) = Listing.Current;
        var facts = Volatile.Read(ref _facts);
        return new ResourceState(
            _resource,
            facts.Kubelet is not null && facts.Kubelet == facts.RegisteredWith && facts.SocketPresent,
            facts.StreamLive,
            Removed,
            Problem(facts, list),
            list.Devices,
            list.Leaving,
            [.. Listing.Refusals.Entries.Values.Where(e => e.Shown).OrderBy(e => e.Id, StringComparer.Ordinal)]
        );
    }

    public void Wake() => _wake.Fire();

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var rechecks = new RefusalRechecks(_resource, Listing, _context.Allocator, _context.Timings, _context.Time).RunAsync(stop.Token);
        try
        {
            while (!(Removed && Listing.IsEmpty && _tryRetire(this)))
                await TryStepAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Stopped.
        }
        finally
        {
            await stop.CancelAsync();
            if (_server is not null)
                await _server.DisposeAsync();
            await rechecks;
        }
    }

    /// <summary>
    /// A step that fails by surprise, as when the directory cannot be read, is told and tried again: a loop that died would leave its
    /// resource at 0.
    /// </summary>
    private async Task TryStepAsync(CancellationToken cancellationToken)
    {
        try
        {
            await StepAsync(cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Fail(_context.Time.GetUtcNow(), e);
            await Task.Delay(_context.Timings.StreamGrace, _context.Time, cancellationToken);
        }
    }

    /// <summary>Fetch, decide, act; then the next change or the time the decision named.</summary>
    private async Task StepAsync(CancellationToken cancellationToken)
    {
        var (woken, changed) = (_wake.Next, Listing.Changed.Next);
        var now = _context.Time.GetUtcNow();
        Observe(now);
        if (Removed && Listing.IsEmpty)
            return;
        await LookWhoseAsync(now, cancellationToken);
        var wait = RegistrationPolicy.Decide(_facts, now) as RegistrationStep.Wait;
        if (wait is null)
        {
            Listing.Claim();
        }
        else if (Listing.WaitsForClaim)
        {
            Listing.Claim();
            (_failures, _error) = (0, null);
            _context.StateChanged();
        }

        if (wait is null)
        {
            await RegisterAsync(now, cancellationToken);
            return;
        }

        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var due = wait.Until is { } until
            ? Task.Delay(until - now, _context.Time, timer.Token)
            : Task.Delay(Timeout.InfiniteTimeSpan, timer.Token);
        await Task.WhenAny(woken, changed, due);
        await timer.CancelAsync();
        cancellationToken.ThrowIfCancellationRequested();
    }

    private void Observe(DateTimeOffset now)
    {
        var before = _facts;
        var kubelet = _context.Directory.Kubelet;
        if (kubelet is not null && kubelet != _judged)
            (_contest, _failures, _error, _judged) = (NameContest.None with { Counted = _server?.StreamsLost ?? 0 }, 0, null, kubelet);
        _contest = _contest.Observe(_server?.StreamsLost ?? 0, OtherSockets, now, _context.Timings);
        var foreign = _foreign.Look(_server?.StreamLive == true, now);
        if (!foreign.IsEmpty && !before.Displaced && _contest.Until is null)
            (_contest, _foreignIds) = (_contest.Displaced(OtherSockets, now, _context.Timings), foreign);
        var facts = before with
        {
            Kubelet = kubelet,
            SocketPresent = IsSocketOurs(),
            StreamLive = _server?.StreamLive == true,
            StreamSeen = _server?.StreamsOpened > 0,
            Displaced = !foreign.IsEmpty,
            ContestedUntil = _contest.Until,
            NotBefore = _failures > 0 ? before.NotBefore : _contest.NotBefore,
        };
        Volatile.Write(ref _facts, facts);
        Listing.Silent = facts.ContestedUntil is not null || facts.Anothers is not null;
        if (facts.StreamLive)
            _unwatched = 0;
        var (list, version, _) = Listing.Current;
        var told = (version, Listing.Refusals, list.Leaving.Length);
        if (facts == before && told == _told)
            return;
        _told = told;
        _context.StateChanged();
    }

    /// <summary>
    /// Whose the name is, asked wherever it may be registered next. What has it before us is left it; what takes it from us later is fought
    /// for it (<see cref="NameContest"/>), unless its socket says that the name is its own.
    /// </summary>
    private async Task LookWhoseAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var before = _facts;
        if (before.Kubelet is not { } kubelet)
            return;
        var isRegistered = kubelet == before.RegisteredWith;
        if (isRegistered && before is { SocketPresent: true, StreamLive: true, Displaced: false, Anothers: null })
            return;
        if (_kubelet?.File != kubelet)
            _kubelet = (kubelet, _kubelet is null && kubelet.MadeAt <= now ? kubelet.MadeAt : now);
        var signs = await _signs.ReadAsync(isRegistered, cancellationToken);
        Volatile.Write(ref _owner, _owner.Look(signs, _kubelet.Value.Since, Listing.IsOurs, now, _context.Timings));
        var facts = before with
        {
            Anothers = _owner.IsAnothers ? _owner.Words(_resource, _context.Directory.Path, _context.Timings) : null,
            IsOwnerOpen = _owner.IsOpen,
            FreeAt = _owner.FreeAt,
        };
        if (facts == before)
            return;
        Volatile.Write(ref _facts, facts);
        Listing.Silent = facts.ContestedUntil is not null || facts.Anothers is not null;
        _context.StateChanged();
    }

    /// <summary>
    /// Connect, look or bind, register, in this order: what was seen of our socket before a kubelet could be connected to, its start may
    /// have deleted since,
    /// and then it would dial what is gone for 10 s.
    /// </summary>
    private async Task RegisterAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        try
        {
            await _context.At(RegistrationMoment.Connecting);
            using var kubelet = await KubeletConnection.OpenAsync(_context.Directory, cancellationToken);
            await _context.At(RegistrationMoment.Connected);
            _context.Callers.Expect(kubelet.Peer);
            await ServeAsync(cancellationToken);
            await _context.At(RegistrationMoment.Served);
            await RegisterWithAsync(kubelet, cancellationToken);
            (_failures, _error) = (0, null);
            _unwatched++;
            var due = _context.Time.GetUtcNow() + Doubled(_context.Timings.StreamGrace, _unwatched);
            Volatile.Write(ref _facts, _facts with { RegisteredWith = kubelet.Kubelet, StreamDue = due });
            LogRegistered(_context.Logger, _resource.Value, _socketPath);
            await _context.At(RegistrationMoment.Registered);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested(); // Grpc.Net.Client says Cancelled, by a status
            Fail(now, e);
        }
    }

    /// <summary>
    /// The kubelet dials our socket inside this call, again and again for 10 s: when the file vanishes before it came through, it is made
    /// again.
    /// </summary>
    private async Task RegisterWithAsync(KubeletConnection kubelet, CancellationToken cancellationToken)
    {
        var request = new RegisterRequest
        {
            Version = KubeletApi.Version,
            Endpoint = Path.GetFileName(_socketPath),
            ResourceName = _resource.Value,
            Options = new DevicePluginOptions { PreStartRequired = true, GetPreferredAllocationAvailable = true },
        };
        var cameThrough = _server!.OptionsAsked;
        var call = kubelet.RegisterAsync(request, _context.Timings.Register, cancellationToken);
        while (!call.IsCompleted)
        {
            var woken = _wake.Next;
            if (!IsSocketOurs() && _server.OptionsAsked == cameThrough)
            {
                await ServeAsync(cancellationToken);
                cameThrough = 0;
            }

            using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(call, woken, Task.Delay(_context.Timings.LookWhilePending, _context.Time, timer.Token));
            await timer.CancelAsync();
        }

        await call;
    }

    private bool IsSocketOurs() => _socket is not null && SocketFile.Read(_socketPath) == _socket;

    /// <summary>
    /// Makes sure that our socket is served and no stream of an older registration is left. A server that the kubelet never called is kept.
    /// </summary>
    private async Task ServeAsync(CancellationToken cancellationToken)
    {
        if (_server is { StreamsOpened: 0 } && IsSocketOurs())
            return;
        if (_server is { } old)
        {
            // Before the new registration: a kubelet that reads the end of the old stream after it disconnects the new client (kubernetes
            // #121994).
            await old.DisposeAsync();
            _server = null;
        }

        _server = await DevicePluginServer.StartAsync(
            _socketPath,
            _resource,
            Listing,
            _context.Allocator,
            _context.Timings,
            _context.Time,
            _wake,
            _context.Callers.Admits,
            _context.Logger,
            cancellationToken
        );
        _contest = _contest with { Counted = 0 };
        _socket = SocketFile.Read(_socketPath);
        Volatile.Write(ref _facts, _facts with { SocketPresent = true, StreamSeen = false, StreamLive = false, Displaced = false });
    }

    private void Fail(DateTimeOffset now, Exception e)
    {
        _failures++;
        var wait = Doubled(_context.Timings.FirstRetry, _failures);
        Volatile.Write(ref _facts, _facts with { NotBefore = now + wait });
        var error = e is RpcException status ? SocketChannel.Words(status) : e.Message;
        if (wait > TimeSpan.FromSeconds(1) || _error is null)
            _error = error;
        _context.StateChanged();
    }

    private TimeSpan Doubled(TimeSpan first, int attempt) =>
        TimeSpan.FromTicks(Math.Min(_context.Timings.LongestRetry.Ticks, first.Ticks << Math.Min(attempt - 1, 20)));

    private ResourceProblem? Problem(RegistrationFacts facts, AdvertisedList list)
    {
        if (facts.Anothers is { } words)
            return new ResourceProblem(Reasons.ResourceContested, words);
        if (facts.ContestedUntil is not null)
            return new ResourceProblem(Reasons.ResourceContested, ContestedMessage());
        if (facts.Kubelet is null)
            return new ResourceProblem(
                Reasons.KubeletAbsent,
                $"{_context.Directory.KubeletSocketPath} does not exist, so {_resource} is not offered: is the kubelet running?"
            );
        if (_error is { } error)
            return new ResourceProblem(
                Reasons.RegistrationFailed,
                $"{_resource} could not be registered with the kubelet at {_context.Directory.KubeletSocketPath}: {error}"
            );
        if (list.LeftOut.IsEmpty)
            return null;
        return new ResourceProblem(
            Reasons.ListTooLarge,
            $"{_resource} has {list.LeftOut.Length} devices more than one message of the kubelet can hold, from "
                + $"{list.LeftOut[0]} on: give some of them another resourceName"
        );
    }

    private string ContestedMessage()
    {
        var devices = _foreignIds.IsEmpty
            ? ""
            : $", and listed {string.Join(", ", _foreignIds.Take(3))}{(_foreignIds.Length > 3 ? " and others" : "")}";
        var sockets = _contest.Others.IsEmpty
            ? "no socket of another plugin is in the kubelet's directory"
            : $"other plugins' sockets in the kubelet's directory: {string.Join(", ", _contest.Others.Take(5))}";
        return $"another device plugin registers {_resource} too: it took the name from us {_contest.Losses.Length} times "
            + $"while the kubelet kept running{devices}. So we left it: "
            + $"remove the other plugin, or use another resourceName ({sockets}). It is tried again when one of these "
            + "comes or goes, and from time to time";
    }

    private ImmutableArray<string> OtherSockets() => PluginSockets.Others(_context.Directory.Path);

    [LoggerMessage(EventId = 3010, Level = LogLevel.Information, Message = "{Resource} is registered with the kubelet on {Socket}")]
    private static partial void LogRegistered(ILogger logger, string resource, string socket);
}
