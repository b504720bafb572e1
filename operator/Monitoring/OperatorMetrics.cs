using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using Hostdev.Crds.Words;
using Hostdev.Kube.Client;
using Hostdev.Kube.Control;
using Hostdev.Projection;

namespace Hostdev.Operator.Monitoring;

/// <summary>What an operator counts. Values of nodes and policies are the leader's alone: the others would say the same again.</summary>
public sealed class OperatorMetrics : IDisposable
{
    public const string MeterName = "Hostdev.Operator";

    private static readonly InstrumentAdvice<double> Seconds = new()
    {
        HistogramBucketBoundaries = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    };

    private readonly Meter _meter = new(MeterName);
    private readonly Counter<long> _reconciles;
    private readonly Histogram<double> _reconcileDuration;
    private readonly Counter<long> _requests;
    private readonly Histogram<double> _requestDuration;
    private readonly Histogram<double> _passDuration;
    private volatile Func<OperatorReading>? _read;

    public OperatorMetrics()
    {
        _reconciles = _meter.CreateCounter<long>(
            "hostdev.reconciles",
            description: "Reconciles by controller and outcome: done, requeue_after or error."
        );
        _reconcileDuration = _meter.CreateHistogram("hostdev.reconcile.duration", "s", "How long a reconcile took.", advice: Seconds);
        _requests = _meter.CreateCounter<long>(
            "hostdev.api.requests",
            description: "Requests to the API server by verb, resource and HTTP status; code 0: no answer came."
        );
        _requestDuration = _meter.CreateHistogram(
            "hostdev.api.request.duration",
            "s",
            "From sending a request to the answer's headers.",
            advice: Seconds
        );
        _passDuration = _meter.CreateHistogram(
            "hostdev.pass.duration",
            "s",
            "How long one look at the whole cluster took; its count is how many there were.",
            advice: Seconds
        );
        Gauge("hostdev.is.leader", "1 while this process leads.", r => [new(r.IsLeading ? 1 : 0)]);
        Gauge(
            "hostdev.resource.followed",
            "1 while a resource is followed; 0 while it cannot be listed or watched.",
            r => r.Followed.Select(f => Value(f.IsFollowed ? 1 : 0, ("resource", f.Resource)))
        );
        Gauge(
            "hostdev.workqueue.depth",
            "Keys that could be worked on now, and are not.",
            r => r.Queues.Select(q => Value(q.Depth, ("controller", q.Controller)))
        );
        Gauge(
            "hostdev.workqueue.waiting",
            "Keys that wait for their time, after a failure or by plan.",
            r => r.Queues.Select(q => Value(q.Waiting, ("controller", q.Controller)))
        );
        Gauge(
            "hostdev.nodes",
            "Nodes that run an agent or have a NodeDeviceState, by their agent.",
            r => r.View is { } view ? Agents(view) : []
        );
        Gauge(
            "hostdev.nodes.degraded",
            "Nodes on which at least one policy is blocked or not understood.",
            r => r.View is { } view ? [new(view.Nodes.Count(IsDegraded))] : []
        );
        Gauge("hostdev.policies", "Policies by kind, condition and its status.", r => Conditions(r));
        Gauge(
            "hostdev.policy.devices",
            "Devices of a policy on all its nodes: matched, and of them ready, allocated and blocked.",
            r => Devices(r)
        );
        Gauge("hostdev.policy.nodes", "Nodes of a policy by how far it has come on them.", r => Nodes(r));
        _meter.CreateObservableCounter(
            "hostdev.events.dropped",
            () => Read() is { } r ? [new Measurement<long>(r.EventsDropped)] : Array.Empty<Measurement<long>>(),
            description: "Events that could not be written."
        );
    }

    /// <summary>For <see cref="KubeClientOptions.Observe"/>.</summary>
    public void Requested(RequestObservation request)
    {
        _requests.Add(
            1,
            new("verb", request.Verb),
            new("resource", request.Resource),
            new("code", request.Code.ToString(CultureInfo.InvariantCulture))
        );
        _requestDuration.Record(request.Duration.TotalSeconds, new KeyValuePair<string, object?>("verb", request.Verb));
    }

    /// <summary>For <see cref="Controller{TKey}"/>.</summary>
    public void Reconciled(ReconcileObservation reconcile)
    {
        _reconciles.Add(1, new("controller", reconcile.Controller), new("outcome", reconcile.Outcome));
        _reconcileDuration.Record(reconcile.Duration.TotalSeconds, new KeyValuePair<string, object?>("controller", reconcile.Controller));
    }

    public void Dispose() => _meter.Dispose();

    internal void Passed(TimeSpan duration) => _passDuration.Record(duration.TotalSeconds);

    /// <summary>Whom to ask from now on.</summary>
    internal void Ask(Func<OperatorReading> read) => _read = read;

    private OperatorReading? Read() => _read?.Invoke();

    private void Gauge(string name, string description, Func<OperatorReading, IEnumerable<Measurement<long>>> read) =>
        _meter.CreateObservableGauge(name, () => Read() is { } reading ? read(reading) : [], description: description);

    private static Measurement<long> Value(long value, params ReadOnlySpan<(string Key, string Value)> labels)
    {
        var tags = new TagList();
        foreach (var (key, label) in labels)
            tags.Add(key, label);
        return new Measurement<long>(value, tags);
    }

    // Also what nobody is at: an alert on a value that is not there never fires.
    private static IEnumerable<Measurement<long>> Agents(ClusterView view) =>
        Enum.GetValues<AgentPresence>()
            .Select(a =>
                Value(
                    view.Nodes.Count(n => n.Agent == a),
                    (
                        "agent",
                        a switch
                        {
                            AgentPresence.Ready => "ready",
                            AgentPresence.NotReady => "not_ready",
                            _ => "none",
                        }
                    )
                )
            );

    private static bool IsDegraded(NodeView node) => node.Agent == AgentPresence.Ready && node.Results.Values.Any(r => r.Reason.IsTrouble);

    private static IEnumerable<Measurement<long>> Conditions(OperatorReading reading) =>
        from kind in PolicyKinds.All
        from type in ConditionTypes.OfPolicies
        from status in (string[])["True", "False"]
        select Value(
            reading.Statuses.Count(s =>
                s.Key.Kind == kind.Resource.Kind && s.Value.Conditions.Any(c => c.Type == type && c.Status.ToString() == status)
            ),
            ("kind", kind.Resource.Kind),
            ("condition", type),
            ("status", status)
        );

    private static IEnumerable<Measurement<long>> Devices(OperatorReading reading) =>
        from one in reading.Statuses
        let devices = one.Value.Devices!
        from value in new[]
        {
            ("matched", devices.Matched),
            ("ready", devices.Ready),
            ("allocated", devices.Allocated),
            ("blocked", devices.Blocked),
        }
        select Value(value.Item2, ("kind", one.Key.Kind), ("policy", one.Key.Name), ("state", value.Item1));

    private static IEnumerable<Measurement<long>> Nodes(OperatorReading reading) =>
        from one in reading.Statuses
        let nodes = one.Value.Nodes!
        let isHalted = one.Value.Conditions.Any(c => c.Type == ConditionTypes.Progressing && c.Reason == Reasons.Halted.Name)
        from value in new[]
        {
            ("matched", nodes.Matched),
            ("ready", nodes.Ready),
            ("progressing", nodes.Progressing),
            ("blocked", nodes.Blocked),
            ("unknown", nodes.Unknown),
            ("halted", isHalted ? nodes.Progressing : 0),
        }
        select Value(value.Item2, ("kind", one.Key.Kind), ("policy", one.Key.Name), ("state", value.Item1));
}
