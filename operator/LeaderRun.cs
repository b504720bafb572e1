using System.Collections.Immutable;
using System.Diagnostics;
using System.Threading.Channels;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Client;
using Hostdev.Kube.Control;
using Hostdev.Operator.Monitoring;
using Hostdev.Operator.Reconcilers;
using Hostdev.Projection;
using Microsoft.Extensions.Logging;

namespace Hostdev.Operator;

/// <summary>
/// What an operator does while it leads: one look at the whole cluster names what differs, and keyed reconcilers write it.
/// </summary>
/// <param name="client">Gated: no write is started once the lease may be another's.</param>
/// <param name="changed">Has something to read when the stores have changed.</param>
internal sealed partial class LeaderRun(
    KubeClient client,
    ClusterStores stores,
    ChannelReader<bool> changed,
    OperatorOptions options,
    OperatorMetrics? metrics,
    TimeProvider time,
    Random random,
    ILoggerFactory loggers
) : IDisposable
{
    public const string ActivitySourceName = "Hostdev.Operator";

    private const int NodeWriters = 8;
    private const int PolicyWriters = 2;
    private const int LabelWriters = 2;

    private static readonly ActivitySource Activities = new(ActivitySourceName);
    private static readonly Backoff Retry = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(60));

    /// <summary>After a question to the API server that was not answered.</summary>
    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(1);

    private readonly WorkQueue<string> _nodes = new(Retry, time, random);
    private readonly WorkQueue<PolicyKey> _policies = new(Retry, time, random);
    private readonly WorkQueue<string> _labels = new(Retry, time, random);
    private readonly ILogger<LeaderRun> _logger = loggers.CreateLogger<LeaderRun>();
    private readonly EventRecorder _events = new(
        client,
        new EventRecorderOptions { ReportingController = "hostdev.io/operator", ReportingInstance = options.Instance },
        time,
        random,
        loggers.CreateLogger<EventRecorder>()
    );

    private volatile Pass? _last;
    private long _passes;

    /// <summary>How often the cluster was looked at.</summary>
    public long Passes => Interlocked.Read(ref _passes);

    public OperatorReading Reading(OperatorReading before) =>
        before with
        {
            Queues =
            [
                ("node", _nodes.Depth, _nodes.Waiting),
                ("policy", _policies.Depth, _policies.Waiting),
                ("label", _labels.Depth, _labels.Waiting),
            ],
            View = _last?.View,
            Statuses = _last?.Statuses ?? ImmutableDictionary<PolicyKey, PolicyStatus>.Empty,
            EventsDropped = _events.Dropped,
        };

    /// <summary>Runs until it is cancelled, or until the look at the cluster fails.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var specs = new NodeSpecReconciler(client, stores, () => _last?.Projection, time, loggers.CreateLogger<NodeSpecReconciler>());
        var statuses = new PolicyStatusReconciler(
            client,
            stores,
            key => _last?.Statuses.GetValueOrDefault(key),
            _events,
            options.Timings,
            time
        );
        var labels = new NodeLabelReconciler(client, stores, name => _last?.View.Nodes.FirstOrDefault(n => n.Name == name));
        using var all = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task[] tasks =
        [
            LookAsync(labels, all.Token),
            Controller("node", _nodes, specs.ReconcileAsync, NodeWriters).RunAsync(all.Token),
            Controller("policy", _policies, statuses.ReconcileAsync, PolicyWriters).RunAsync(all.Token),
            Controller("label", _labels, labels.ReconcileAsync, LabelWriters).RunAsync(all.Token),
            _events.RunAsync(all.Token),
        ];
        await Task.WhenAny(tasks).ConfigureAwait(false);
        await all.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(tasks).ConfigureAwait(false);
    }

    public void Dispose()
    {
        _nodes.Dispose();
        _policies.Dispose();
        _labels.Dispose();
    }

    private Controller<TKey> Controller<TKey>(
        string name,
        WorkQueue<TKey> queue,
        Func<TKey, CancellationToken, Task<ReconcileResult>> reconcile,
        int workers
    )
        where TKey : notnull
    {
        async Task<ReconcileResult> TraceAsync(TKey key, CancellationToken cancellationToken)
        {
            using var activity = Activities.StartActivity($"reconcile {name}");
            activity?.SetTag("hostdev.key", key.ToString());
            return await reconcile(key, cancellationToken).ConfigureAwait(false);
        }

        return new Controller<TKey>(
            name,
            queue,
            TraceAsync,
            time,
            loggers.CreateLogger($"Hostdev.Operator.Controller.{name}"),
            workers,
            observe: metrics is null ? null : metrics.Reconciled
        );
    }

    /// <summary>Looks at the cluster whenever something changed, and names what has to be written.</summary>
    private async Task LookAsync(NodeLabelReconciler labels, CancellationToken cancellationToken)
    {
        try
        {
            await stores.Synced.WaitAsync(cancellationToken).ConfigureAwait(false);
            while (true)
            {
                var isAnswered = await LookOnceAsync(labels, cancellationToken).ConfigureAwait(false);
                if (isAnswered)
                    await changed.ReadAsync(cancellationToken).ConfigureAwait(false);
                await Task.Delay(isAnswered ? options.Timings.Settle : AskAgain, time, cancellationToken).ConfigureAwait(false);
                changed.TryRead(out _);
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

    /// <summary>False when the API server did not answer what had to be asked.</summary>
    private async Task<bool> LookOnceAsync(NodeLabelReconciler labels, CancellationToken cancellationToken)
    {
        using var activity = Activities.StartActivity("look at the cluster");
        var began = time.GetTimestamp();
        var view = stores.View();
        var projection = Projector.Project(view);
        var isAnswered = true;
        if (Projector.TakesDeletedAway(view, projection))
        {
            (view, isAnswered) = await ConfirmKindsAsync(view, cancellationToken).ConfigureAwait(false);
            projection = Projector.Project(view);
        }

        var pass = new Pass(view, projection, RollUp(projection, view.Nodes));
        _last = pass;
        Interlocked.Increment(ref _passes);
        // With what is wanted: what fails is found to differ at every look, and comes again by its backoff and not with each of them.
        foreach (var (node, spec) in projection.Specs)
            _nodes.Add(node, NodeSpecReconciler.Want(spec));
        foreach (var (key, status) in pass.Statuses)
        {
            if (stores.Policy(key) is { } policy && PolicyStatusReconciler.Differs(policy, status))
                _policies.Add(key, PolicyStatusReconciler.Want(status));
        }

        if (options.NodeLabels)
        {
            foreach (var node in view.Nodes.Where(labels.Differs))
                _labels.Add(node.Name, NodeLabelReconciler.Want(node));
        }

        metrics?.Passed(time.GetElapsedTime(began));
        return isAnswered;
    }

    /// <summary>Each policy alone: one that cannot be told keeps the status that it has, and takes no other with it.</summary>
    private ImmutableDictionary<PolicyKey, PolicyStatus> RollUp(ClusterProjection projection, ImmutableArray<NodeView> nodes)
    {
        var at = time.GetUtcNow();
        var statuses = ImmutableDictionary.CreateBuilder<PolicyKey, PolicyStatus>();
        foreach (var situation in projection.Policies)
        {
            try
            {
                statuses.Add(situation.Policy.Key, PolicyRollup.Status(situation, nodes, at));
            }
#pragma warning disable CA1031 // Of one policy: whatever its nodes say, the look at all others goes on.
            catch (Exception e)
#pragma warning restore CA1031
            {
                NotRolledUp(_logger, situation.Policy.Key, e);
            }
        }

        return statuses.ToImmutable();
    }

    private async Task<(ClusterView View, bool IsAnswered)> ConfirmKindsAsync(ClusterView view, CancellationToken cancellationToken)
    {
        try
        {
            return (
                view with
                {
                    Kinds = await ClusterStores.ConfirmAsync(client, view.Kinds, cancellationToken).ConfigureAwait(false),
                },
                true
            );
        }
        catch (Exception e) when (e is KubeApiException or KubeTransportException or KubeProtocolException)
        {
            // Nobody knows whether they are there: so nothing is taken away for now.
            NotConfirmed(_logger, e.Message);
            return (view with { Kinds = ImmutableDictionary<string, DateTimeOffset>.Empty }, false);
        }
    }

    /// <summary>What one look saw and decided.</summary>
    private sealed record Pass(ClusterView View, ClusterProjection Projection, ImmutableDictionary<PolicyKey, PolicyStatus> Statuses);

    [LoggerMessage(
        EventId = 4000,
        Level = LogLevel.Error,
        Message = "the look at the cluster failed; this process ends, and another one takes over"
    )]
    private static partial void LookFailed(ILogger logger, Exception exception);

    [LoggerMessage(
        EventId = 4003,
        Level = LogLevel.Error,
        Message = "the status of {Policy} cannot be told and stays as it is; this is a bug in Hostdev, please report it"
    )]
    private static partial void NotRolledUp(ILogger logger, PolicyKey policy, Exception exception);

    [LoggerMessage(
        EventId = 4002,
        Level = LogLevel.Debug,
        Message = "whether the CRDs are there is not known, so nothing is taken from nodes: {Error}"
    )]
    private static partial void NotConfirmed(ILogger logger, string error);
}
