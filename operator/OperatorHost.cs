using System.Threading.Channels;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Client;
using Hostdev.Kube.Control;
using Hostdev.Kube.Meta;
using Hostdev.Operator.Projection;
using Hostdev.Operator.Reconcilers;
using Microsoft.Extensions.Logging;

namespace Hostdev.Operator;

/// <summary>One operator with all its tasks. It follows the cluster always, and acts while it leads.</summary>
/// <remarks>
/// One look at the whole cluster decides (<see cref="Projector"/>), because a rollout counts over all nodes; single nodes and policies are then written by keys, each with its own retry.
/// In the steady state nothing happens at all: no look without a change, no write without a difference.
/// </remarks>
public sealed partial class OperatorHost
{
    private const int NodeWriters = 8;
    private const int PolicyWriters = 2;

    private static readonly Backoff Retry = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(60));

    private readonly KubeClient _client;
    private readonly OperatorOptions _options;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger<OperatorHost> _logger;
    private readonly ClusterStores _stores;
    private readonly LeaderElector? _elector;
    private readonly Channel<bool> _changed = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private volatile Pass? _last;

    public OperatorHost(KubeClient client, OperatorOptions options, TimeProvider time, Random random, ILoggerFactory loggers)
    {
        (_client, _options, _time, _random, _loggers) = (client, options, time, random, loggers);
        _logger = loggers.CreateLogger<OperatorHost>();
        _stores = new ClusterStores(client, options, time, random, loggers, () => _changed.Writer.TryWrite(true));
        if (options.Identity is not { } identity) return;
        _elector = new LeaderElector(
            client,
            new LeaderElectorOptions
            {
                Lease = new ObjectKey(options.LeaseName, options.Namespace),
                Identity = identity,
                LeaseDuration = options.Timings.LeaseDuration,
                RenewDeadline = options.Timings.RenewDeadline,
                RetryPeriod = options.Timings.RetryPeriod,
            },
            time,
            random,
            loggers.CreateLogger<LeaderElector>());
    }

    /// <summary>How often the cluster was looked at.</summary>
    public long Passes { get; private set; }

    /// <summary>Whether it acts, as far as it knows.</summary>
    public bool IsLeading { get; private set; }

    /// <summary>What keeps it from being ready; empty when it follows everything.</summary>
    public IEnumerable<string> Problems => _stores.Problems.Select(p => $"{p.Resource}: {p.Problem}").Concat(_stores.Unsynced.Select(u => $"{u}: not listed yet"));

    /// <summary>Runs until it is cancelled.</summary>
    /// <exception cref="LeadershipLostException">The process must end.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var following = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var informers = _stores.RunAsync(following.Token);
        try
        {
            if (_elector is null) await LeadAsync(_client, cancellationToken).ConfigureAwait(false);
            else await _elector.RunAsync(token => LeadAsync(_client.Gated(_elector.Fence.ThrowIfClosed), token), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await following.CancelAsync().ConfigureAwait(false);
            await informers.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task LeadAsync(KubeClient client, CancellationToken cancellationToken)
    {
        using var nodes = new WorkQueue<string>(Retry, _time, _random);
        using var policies = new WorkQueue<PolicyKey>(Retry, _time, _random);
        var specs = new NodeSpecReconciler(client, _stores, () => _last?.Projection, _time, _loggers.CreateLogger<NodeSpecReconciler>());
        var statuses = new PolicyStatusReconciler(client, _stores, key => _last?.StatusOf(key), _options.Timings, _time);
        (_last, IsLeading) = (null, true);
        try
        {
            using var all = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            Task[] tasks =
            [
                LookAsync(nodes, policies, all.Token),
                new Controller<string>("node", nodes, specs.ReconcileAsync, _time, _loggers.CreateLogger("Hostdev.Operator.Nodes"), NodeWriters).RunAsync(all.Token),
                new Controller<PolicyKey>("policy", policies, statuses.ReconcileAsync, _time, _loggers.CreateLogger("Hostdev.Operator.Policies"), PolicyWriters).RunAsync(all.Token),
            ];
            await Task.WhenAny(tasks).ConfigureAwait(false);
            await all.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(tasks).ConfigureAwait(false);
        }
        finally
        {
            IsLeading = false;
        }
    }

    /// <summary>Looks at the cluster whenever something changed, and names what has to be written.</summary>
    private async Task LookAsync(WorkQueue<string> nodes, WorkQueue<PolicyKey> policies, CancellationToken cancellationToken)
    {
        try
        {
            await _stores.Synced.WaitAsync(cancellationToken).ConfigureAwait(false);
            while (true)
            {
                var view = _stores.View();
                var pass = new Pass(view, Projector.Project(view), _time.GetUtcNow());
                (_last, Passes) = (pass, Passes + 1);
                foreach (var node in pass.Projection.Specs.Keys) nodes.Add(node);
                foreach (var situation in pass.Projection.Policies)
                {
                    if (_stores.Policy(situation.Policy.Key) is { } policy && PolicyStatusReconciler.Differs(policy, pass.StatusOf(situation.Policy.Key)!)) policies.Add(situation.Policy.Key);
                }

                await _changed.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                await Task.Delay(_options.Timings.Settle, _time, cancellationToken).ConfigureAwait(false);
                _changed.Reader.TryRead(out _);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Stopped.
        }
#pragma warning disable CA1031 // The controller loop: one of the two places where everything is caught (style.md 5).
        catch (Exception e)
#pragma warning restore CA1031
        {
            LookFailed(_logger, e);
            throw;
        }
    }

    /// <summary>What one look saw and decided.</summary>
    private sealed class Pass(ClusterView view, ClusterProjection projection, DateTimeOffset at)
    {
        private readonly Dictionary<PolicyKey, PolicyStatus> _statuses = projection.Policies.ToDictionary(p => p.Policy.Key, p => PolicyRollup.Status(p, view.Nodes, at));

        public ClusterProjection Projection => projection;

        public PolicyStatus? StatusOf(PolicyKey key) => _statuses.GetValueOrDefault(key);
    }

    [LoggerMessage(EventId = 4000, Level = LogLevel.Error, Message = "the look at the cluster failed; this process ends, and another one takes over")]
    private static partial void LookFailed(ILogger logger, Exception exception);
}
