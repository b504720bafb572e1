using System.Threading.Channels;
using Hostdev.Kube.Client;
using Hostdev.Kube.Control;
using Hostdev.Kube.Meta;
using Hostdev.Operator.Monitoring;
using Hostdev.Operator.Reconcilers;
using Microsoft.Extensions.Logging;

namespace Hostdev.Operator;

/// <summary>One operator with all its tasks. It follows the cluster always, and acts while it leads.</summary>
/// <remarks>
/// One look at the whole cluster decides (<see cref="Projection.Projector"/>), because a rollout counts over all nodes; single nodes and
/// policies are then written by keys, each with its own retry. In the steady state nothing happens at all: no look without a change, no
/// write without a difference.
/// </remarks>
public sealed class OperatorHost
{
    private static readonly KubeResource AccountResource = new("", "v1", "ServiceAccount", "serviceaccounts", Namespaced: true);

    private readonly KubeClient _client;
    private readonly OperatorOptions _options;
    private readonly OperatorMetrics? _metrics;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ILoggerFactory _loggers;
    private readonly ClusterStores _stores;
    private readonly LeaderElector? _elector;
    private readonly Channel<bool> _changed = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite }
    );
    private volatile LeaderRun? _leading;

    public OperatorHost(
        KubeClient client,
        OperatorOptions options,
        TimeProvider time,
        Random random,
        ILoggerFactory loggers,
        OperatorMetrics? metrics = null
    )
    {
        (_client, _options, _time, _random, _loggers, _metrics) = (client, options, time, random, loggers, metrics);
        _stores = new ClusterStores(client, options, time, random, loggers, () => _changed.Writer.TryWrite(true));
        metrics?.Ask(Read);
        if (options.Identity is not { } identity)
            return;
        _elector = new LeaderElector(
            client,
            new LeaderElectorOptions
            {
                Lease = new ObjectKey(options.LeaseName, options.Namespace),
                Identity = identity,
                LeaseDuration = options.Timings.LeaseDuration,
                RenewDeadline = options.Timings.RenewDeadline,
                RetryPeriod = options.Timings.RetryPeriod,
                Owner = AccountAsync,
            },
            time,
            random,
            loggers.CreateLogger<LeaderElector>()
        );
    }

    /// <summary>What it knows, for whoever asks why it does what it does.</summary>
    internal ClusterStores Stores => _stores;

    /// <summary>How often the cluster was looked at since it leads; 0 while it does not.</summary>
    public long Passes => _leading?.Passes ?? 0;

    /// <summary>Whether it acts, as far as it knows.</summary>
    public bool IsLeading => _leading is not null;

    /// <summary>What keeps it from being ready, a line for each; empty when it follows everything.</summary>
    public IEnumerable<string> Problems
    {
        get
        {
            var problems = _stores
                .Problems.DistinctBy(p => p.Resource)
                .ToDictionary(p => p.Resource, p => p.Problem, StringComparer.Ordinal);
            return problems
                .Select(p => $"{p.Key}: {p.Value}")
                .Concat(_stores.Unsynced.Where(u => !problems.ContainsKey(u)).Select(u => $"{u}: not listed yet"));
        }
    }

    /// <summary>Runs until it is cancelled.</summary>
    /// <exception cref="LeadershipLostException">The process must end.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var following = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var informers = _stores.RunAsync(following.Token);
        try
        {
            if (_elector is null)
                await LeadAsync(_client, cancellationToken).ConfigureAwait(false);
            else
                await _elector
                    .RunAsync(token => LeadAsync(_client.Gated(_elector.Fence.ThrowIfClosed), token), cancellationToken)
                    .ConfigureAwait(false);
        }
        finally
        {
            await following.CancelAsync().ConfigureAwait(false);
            await informers.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task LeadAsync(KubeClient client, CancellationToken cancellationToken)
    {
        using var run = new LeaderRun(client, _stores, _changed.Reader, _options, _metrics, _time, _random, _loggers);
        _leading = run;
        try
        {
            await run.RunAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _leading = null;
        }
    }

    /// <summary>
    /// Null where there is no such account, as for an operator outside the cluster, and where roles of an earlier version do not let it be
    /// read: then the Lease stays, which harms nobody.
    /// </summary>
    private async Task<OwnerReference?> AccountAsync(CancellationToken cancellationToken)
    {
        try
        {
            var key = new ObjectKey(_options.Account, _options.Namespace);
            var found = await _client.FindAsync(PartialObjectMetadata.Of(AccountResource), key, cancellationToken).ConfigureAwait(false);
            return found?.Metadata.Uid is { } uid
                ? new OwnerReference
                {
                    ApiVersion = AccountResource.ApiVersion,
                    Kind = AccountResource.Kind,
                    Name = key.Name,
                    Uid = uid,
                }
                : null;
        }
        catch (KubeApiException e) when (e.IsForbidden)
        {
            return null;
        }
    }

    private OperatorReading Read()
    {
        var leading = _leading;
        var reading = new OperatorReading { IsLeading = leading is not null, Followed = [.. _stores.Followed] };
        return leading?.Reading(reading) ?? reading;
    }
}
