using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Hostdev.Kube.Control;

/// <summary>Defaults are those of client-go and of Kubernetes' own controllers.</summary>
public sealed record LeaderElectorOptions
{
    /// <summary>The lease, in a namespace.</summary>
    public required ObjectKey Lease { get; init; }

    /// <summary>Another one for each process, also for a restarted one: the Pod's name and something random.</summary>
    public required string Identity { get; init; }

    /// <summary>How long the others wait after the last renewal that they saw.</summary>
    public TimeSpan LeaseDuration { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>When we give up after our last renewal. Shorter than <see cref="LeaseDuration"/>.</summary>
    public TimeSpan RenewDeadline { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan RetryPeriod { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Asked until it has answered, and again before the lease is made anew: with what the lease goes when that goes, an object of the
    /// lease's namespace or of none. Null where it is to stay.
    /// </summary>
    public Func<CancellationToken, Task<OwnerReference?>>? Owner { get; init; }
}

/// <summary>
/// At most one process leads (client-go <c>tools/leaderelection</c>). Clocks of different machines are never compared: a lease is free when
/// it has not changed for its duration by our own clock. <see cref="Fence"/> tells whoever writes whether we still lead.
/// </summary>
/// <param name="client">Not gated by the fence: renewing is how it opens.</param>
public sealed partial class LeaderElector(KubeClient client, LeaderElectorOptions options, TimeProvider time, Random random, ILogger logger)
{
    private const double RetryJitter = 1.2;

    private V1Lease? _observed;
    private long _observedAt;
    private bool _current;
    private string _leader = "";
    private string? _said;
    private V1OwnerReference? _owner;
    private bool _ownerAsked;

    public LeaderFence Fence { get; } = new(time);

    /// <summary>Who leads as far as we know; empty when nobody does.</summary>
    public string Leader => Volatile.Read(ref _leader);

    /// <summary> Waits until we lead, then runs <paramref name="lead"/>, renewing all the while, and at its end gives the lease back. A
    /// stop cancels its token and waits for it, still leading. </summary>
    /// <exception cref="LeadershipLostException">The lease could not be renewed in time, or somebody else has it. The token was cancelled;
    /// end the process.</exception>
    public async Task RunAsync(Func<CancellationToken, Task> lead, CancellationToken cancellationToken)
    {
        if (!await AcquireAsync(cancellationToken).ConfigureAwait(false))
            return;
        LogLeading(options.Identity, options.Lease);
        using var leading = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var renewing = new CancellationTokenSource();
        var work = Task.Run(() => lead(leading.Token), CancellationToken.None);
        var renewal = RenewAsync(renewing.Token);
        if (await Task.WhenAny(work, renewal).ConfigureAwait(false) == renewal)
        {
            Fence.Close();
            await leading.CancelAsync().ConfigureAwait(false);
            // It may not write any more; a moment to close what it has open, and no longer.
            await work.WaitAsync(options.RetryPeriod, time, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw new LeadershipLostException(
                $"lease {options.Lease}: not renewed within {options.RenewDeadline.TotalSeconds:0} s, or taken by "
                    + $"{(Leader.Length == 0 ? "nobody" : Leader)}: this process must end"
            );
        }

        await renewing.CancelAsync().ConfigureAwait(false);
        await renewal.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Fence.Close();
        await ReleaseAsync().ConfigureAwait(false);
        await work.ConfigureAwait(
            cancellationToken.IsCancellationRequested && work.IsCanceled
                ? ConfigureAwaitOptions.SuppressThrowing
                : ConfigureAwaitOptions.None
        );
    }

    /// <summary>False when the stop came first.</summary>
    private async Task<bool> AcquireAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            if (await TryAsync(cancellationToken).ConfigureAwait(false))
                return true;
            var pause = options.RetryPeriod * (1 + (RetryJitter * random.NextDouble()));
            await Task.Delay(pause, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return false;
    }

    /// <summary>
    /// Ends when the lease is lost: somebody else has it, or one last attempt after the deadline failed too. That one is for a wall clock
    /// that was set ahead, which closes the fence though nobody took the lease; the lease's resourceVersion tells whether that is so.
    /// </summary>
    private async Task RenewAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await Task.Delay(options.RetryPeriod, time, cancellationToken).ConfigureAwait(false);
            var left = Fence.Remaining;
            using var deadline = new CancellationTokenSource(left > options.RetryPeriod ? left : options.RetryPeriod, time);
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, deadline.Token);
            if (await TryAsync(ended.Token).ConfigureAwait(false))
                continue;
            if (Leader != options.Identity || left == TimeSpan.Zero)
                return;
        }
    }

    /// <summary>One attempt to get or keep the lease. False for every failure.</summary>
    private async Task<bool> TryAsync(CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(options.RenewDeadline, time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            // Our own last write is known as it was stored, and needs no reading: a conflict tells when that is no longer so.
            var found = _current ? _observed : await FindAsync(ended.Token).ConfigureAwait(false);
            return await TryOnceAsync(found, ended.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            _current = false;
            return false;
        }
        catch (Exception e) when (DistinctFailure.IsExpected(e))
        {
            // Whether a write that was not answered took effect is not known.
            _current = false;
            Say(e);
            return false;
        }
    }

    /// <summary>The same failure is said once.</summary>
    private void Say(Exception error)
    {
        if (error is KubeApiException { IsConflict: true } or KubeApiException { IsAlreadyExists: true })
        {
            LogContest(options.Lease, error.Message);
            return;
        }

        if (DistinctFailure.Of(error) == _said)
            return;
        _said = DistinctFailure.Of(error);
        if (Leader == options.Identity)
            LogNotRenewed(options.Lease, error.Message, Fence.Remaining.TotalSeconds);
        else
            LogNotAcquired(options.Lease, error.Message);
    }

    private async Task<bool> TryOnceAsync(V1Lease? found, CancellationToken cancellationToken)
    {
        Observe(found);
        var spec = found?.Spec ?? new V1LeaseSpec();
        var mine = spec.HolderIdentity == options.Identity;
        if (
            !mine
            && !string.IsNullOrEmpty(spec.HolderIdentity)
            && time.GetElapsedTime(_observedAt) < TimeSpan.FromSeconds(spec.LeaseDurationSeconds ?? options.LeaseDuration.TotalSeconds)
        )
            return false;
        var now = time.GetUtcNow().UtcDateTime;
        var held = spec with
        {
            HolderIdentity = options.Identity,
            LeaseDurationSeconds = (int)options.LeaseDuration.TotalSeconds,
            AcquireTime = mine ? spec.AcquireTime : now,
            RenewTime = now,
            LeaseTransitions = mine || found is null ? spec.LeaseTransitions ?? 0 : (spec.LeaseTransitions ?? 0) + 1,
        };
        if (found is null)
            _ownerAsked = false; // it may have gone with an owner that is another one now
        await AskOwnerAsync(cancellationToken).ConfigureAwait(false);
        var began = Fence.Now;
        Observe(await WriteOwnedAsync(found, held, cancellationToken).ConfigureAwait(false));
        (_current, _said) = (true, null);
        Fence.Open(began, options.RenewDeadline);
        return true;
    }

    private async Task<V1Lease?> FindAsync(CancellationToken cancellationToken)
    {
        var (name, ns) = options.Lease;
        try
        {
            var calls = client.Calls.CoordinationV1;
            return await calls.ReadNamespacedLeaseAsync(name, ns, cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        catch (KubeApiException e) when (e.IsNotFound)
        {
            return null;
        }
    }

    /// <summary>
    /// With an owner where that is allowed: some clusters ask for the right to delete of whoever sets one (the admission plugin
    /// OwnerReferencesPermissionEnforcement). A Lease that stays behind harms nobody, an operator that never leads does.
    /// </summary>
    private async Task<V1Lease> WriteOwnedAsync(V1Lease? found, V1LeaseSpec spec, CancellationToken cancellationToken)
    {
        try
        {
            return await WriteAsync(found, spec, cancellationToken).ConfigureAwait(false);
        }
        catch (KubeApiException e)
            when (e.IsForbidden && _owner is not null && Owners(found?.Metadata.OwnerReferences) != found?.Metadata.OwnerReferences)
        {
            LogUnowned(options.Lease, e.Message);
            _owner = null;
            return await WriteAsync(found, spec, cancellationToken).ConfigureAwait(false);
        }
    }

    private Task<V1Lease> WriteAsync(V1Lease? found, V1LeaseSpec spec, CancellationToken cancellationToken)
    {
        var calls = client.Calls.CoordinationV1;
        var (name, ns) = options.Lease;
        const string Strict = nameof(FieldValidation.Strict);
        if (found is null)
        {
            var created = new V1Lease
            {
                ApiVersion = $"{V1Lease.KubeGroup}/{V1Lease.KubeApiVersion}",
                Kind = V1Lease.KubeKind,
                Metadata = new V1ObjectMeta
                {
                    Name = name,
                    NamespaceProperty = ns,
                    OwnerReferences = Owners(null),
                },
                Spec = spec,
            };
            return calls.CreateNamespacedLeaseAsync(created, ns, fieldValidation: Strict, cancellationToken: cancellationToken);
        }

        // The server keeps whose each field is; to say it again would only make the write larger.
        var metadata = found.Metadata with
        {
            ManagedFields = null,
            OwnerReferences = Owners(found.Metadata.OwnerReferences),
        };
        var renewed = found with { Metadata = metadata, Spec = spec };
        return calls.ReplaceNamespacedLeaseAsync(renewed, name, ns, fieldValidation: Strict, cancellationToken: cancellationToken);
    }

    private async Task AskOwnerAsync(CancellationToken cancellationToken)
    {
        if (_ownerAsked || options.Owner is not { } ask)
            return;
        var owner = await ask(cancellationToken).ConfigureAwait(false);
        _ownerAsked = true;
        if (owner is null)
            return;
        _owner = new V1OwnerReference
        {
            ApiVersion = owner.ApiVersion,
            Kind = owner.Kind,
            Name = owner.Name,
            Uid = owner.Uid,
        };
    }

    /// <summary>Ours beside those of others: the garbage collector takes away what is there no more.</summary>
    private IList<V1OwnerReference>? Owners(IList<V1OwnerReference>? found) =>
        _owner is null || found?.Any(o => o.Uid == _owner.Uid) == true ? found : [.. found ?? [], _owner];

    /// <summary>Another state of the lease counts from now on, by our clock.</summary>
    private void Observe(V1Lease? lease)
    {
        if (lease is null || lease.Metadata.ResourceVersion != _observed?.Metadata.ResourceVersion)
            _observedAt = time.GetTimestamp();
        _observed = lease;
        var leader = lease?.Spec?.HolderIdentity ?? "";
        if (leader == _leader)
            return;
        Volatile.Write(ref _leader, leader);
        if (leader.Length > 0 && leader != options.Identity)
            LogLeader(leader, options.Lease);
    }

    /// <summary>Says that nobody leads, so that the next one need not wait.</summary>
    private async Task ReleaseAsync()
    {
        if (_observed is not { Spec: { } spec } lease || spec.HolderIdentity != options.Identity)
            return;
        var now = time.GetUtcNow().UtcDateTime;
        // Not null but empty, and one second: what client-go writes, and its peers understand.
        var free = spec with
        {
            HolderIdentity = "",
            LeaseDurationSeconds = 1,
            AcquireTime = now,
            RenewTime = now,
        };
        using var timeout = new CancellationTokenSource(options.RenewDeadline, time);
        try
        {
            Observe(await WriteAsync(lease, free, timeout.Token).ConfigureAwait(false));
            LogReleased(options.Lease);
        }
        catch (Exception e) when (DistinctFailure.IsExpected(e) || e is OperationCanceledException)
        {
            LogNotReleased(options.Lease, e.Message, options.LeaseDuration.TotalSeconds);
        }
    }

    [LoggerMessage(EventId = 5121, Level = LogLevel.Information, Message = "{Identity} leads: it holds lease {Lease}")]
    private partial void LogLeading(string identity, ObjectKey lease);

    [LoggerMessage(EventId = 5122, Level = LogLevel.Information, Message = "{Leader} leads: it holds lease {Lease}")]
    private partial void LogLeader(string leader, ObjectKey lease);

    [LoggerMessage(EventId = 5123, Level = LogLevel.Debug, Message = "lease {Lease}: somebody else was faster: {Error}")]
    private partial void LogContest(ObjectKey lease, string error);

    [LoggerMessage(
        EventId = 5124,
        Level = LogLevel.Warning,
        Message = "lease {Lease} was not renewed: {Error} This process ends in {Seconds} s unless it is"
    )]
    private partial void LogNotRenewed(ObjectKey lease, string error, double seconds);

    [LoggerMessage(EventId = 5125, Level = LogLevel.Warning, Message = "lease {Lease} cannot be had: {Error}")]
    private partial void LogNotAcquired(ObjectKey lease, string error);

    [LoggerMessage(
        EventId = 5128,
        Level = LogLevel.Information,
        Message = "lease {Lease} gets no owner and stays behind after an uninstall: {Error}"
    )]
    private partial void LogUnowned(ObjectKey lease, string error);

    [LoggerMessage(EventId = 5126, Level = LogLevel.Information, Message = "lease {Lease} is given back")]
    private partial void LogReleased(ObjectKey lease);

    [LoggerMessage(
        EventId = 5127,
        Level = LogLevel.Warning,
        Message = "lease {Lease} was not given back: {Error} The next one waits for {Seconds} s"
    )]
    private partial void LogNotReleased(ObjectKey lease, string error, double seconds);
}
