using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Hostdev.Kube.Control;

public sealed record EventRecorderOptions
{
    /// <summary>Of the form of a label's key: <c>hostdev.io/operator</c>.</summary>
    public required string ReportingController { get; init; }

    /// <summary>Which of its processes, for example the Pod's name.</summary>
    public required string ReportingInstance { get; init; }

    /// <summary>Events that wait for being written; more are dropped.</summary>
    public int QueueLength { get; init; } = 1000;

    /// <summary>The same again within this time belongs to the same series (client-go <c>tools/events</c>: 6 min).</summary>
    public TimeSpan SeriesEnds { get; init; } = TimeSpan.FromMinutes(6);

    /// <summary>How often the count of a series is written while it goes on.</summary>
    public TimeSpan SeriesWrite { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Attempts to write one event before it is dropped, and the pause between them.</summary>
    public int Attempts { get; init; } = 3;

    public TimeSpan Pause { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>
/// Writes Events without ever making its callers wait. The first of its kind is written at once, the second turns it into a series, further
/// ones are counted and written when the series ends, and every half hour. What cannot be written is dropped and counted: Events are for
/// people, and nothing may depend on them.
/// </summary>
/// <remarks>
/// They are written in the form of <c>v1</c>, with the times and the count that <c>events.k8s.io/v1</c> refuses (Kubernetes
/// <c>pkg/apis/core/validation/events.go</c>): people sort by <c>.lastTimestamp</c>, and what lacks it stands in no order.
/// </remarks>
public sealed partial class EventRecorder(KubeClient client, EventRecorderOptions options, TimeProvider time, Random random, ILogger logger)
{
    private const int LongestNote = 1024;
    private const int LongestWord = 128;
    private const int LongestName = 253;
    private const int MostSeries = 4096;
    private const string Strict = nameof(FieldValidation.Strict);

    private static readonly TimeSpan _look = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan _farewell = TimeSpan.FromSeconds(2);

    private readonly Channel<(Subject Subject, DateTimeOffset At)> _queue = Channel.CreateBounded<(Subject, DateTimeOffset)>(
        new BoundedChannelOptions(options.QueueLength) { FullMode = BoundedChannelFullMode.Wait, SingleReader = true }
    );

    private readonly Dictionary<Subject, Series> _series = [];
    private long _dropped;

    /// <summary>Events that were not written, since the start.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Says that something happened. Returns at once, and never fails.</summary>
    /// <param name="action">What was done or tried, CamelCase.</param>
    /// <param name="note">A sentence; what is beyond 1,024 bytes is cut off.</param>
    public void Record(ObjectReference regarding, EventType type, string reason, string action, string note)
    {
        var subject = new Subject(
            regarding,
            type,
            Cut(reason, LongestWord),
            Cut(action, LongestWord),
            Cut(PrintableText.Of(note), LongestNote)
        );
        if (!_queue.Writer.TryWrite((subject, time.GetUtcNow())))
            Drop("too many wait to be written");
    }

    /// <summary>Writes until the token is cancelled; what waits then is given two seconds.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var abandon = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        using var stopping = cancellationToken.Register(() =>
        {
            _queue.Writer.TryComplete();
            abandon.CancelAfter(_farewell);
        });
        var next = _queue.Reader.WaitToReadAsync(CancellationToken.None).AsTask();
        try
        {
            while (true)
            {
                using var look = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                await Task.WhenAny(next, Task.Delay(_look, time, look.Token)).ConfigureAwait(false);
                await look.CancelAsync().ConfigureAwait(false);
                if (next.IsCompleted)
                {
                    while (_queue.Reader.TryRead(out var said))
                        await WriteAsync(said.Subject, said.At, abandon.Token).ConfigureAwait(false);
                    if (!await next.ConfigureAwait(false))
                        break;
                    next = _queue.Reader.WaitToReadAsync(CancellationToken.None).AsTask();
                }

                await EndSeriesAsync(abandon.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (abandon.IsCancellationRequested)
        {
            while (_queue.Reader.TryRead(out _))
                Drop("the process ends");
        }
    }

    private async Task WriteAsync(Subject subject, DateTimeOffset at, CancellationToken cancellationToken)
    {
        if (_series.TryGetValue(subject, out var series) && at - series.Last < options.SeriesEnds)
        {
            series.Count++;
            series.Last = at;
            if (series.Count == 2)
                await WriteSeriesAsync(subject, series, cancellationToken).ConfigureAwait(false);
            return;
        }

        var name = await CreateAsync(subject, at, cancellationToken).ConfigureAwait(false);
        if (name is null || _series.Count >= MostSeries)
            return;
        _series[subject] = new Series(name.Value)
        {
            Count = 1,
            Written = 1,
            Last = at,
            WrittenAt = at,
        };
    }

    private async Task<ObjectKey?> CreateAsync(Subject subject, DateTimeOffset at, CancellationToken cancellationToken)
    {
        var suffix = string.Create(CultureInfo.InvariantCulture, $".{at.UtcTicks:x}{random.Next():x8}");
        var name =
            subject.Regarding.Name.Length + suffix.Length > LongestName
                ? subject.Regarding.Name[..(LongestName - suffix.Length)]
                : subject.Regarding.Name;
        // Events about what stands in no namespace stand in "default": that is where kubectl looks for them.
        var key = new ObjectKey(name + suffix, subject.Regarding.Namespace ?? "default");
        var about = subject.Regarding;
        var it = new Corev1Event
        {
            ApiVersion = Corev1Event.KubeApiVersion,
            Kind = Corev1Event.KubeKind,
            Metadata = new V1ObjectMeta { Name = key.Name, NamespaceProperty = key.Namespace },
            EventTime = at.UtcDateTime,
            FirstTimestamp = Seconds(at),
            LastTimestamp = Seconds(at),
            Count = 1,
            Source = new V1EventSource { Component = options.ReportingController },
            ReportingComponent = options.ReportingController,
            ReportingInstance = Cut(options.ReportingInstance, LongestWord),
            Action = subject.Action,
            Reason = subject.Reason,
            InvolvedObject = new V1ObjectReference
            {
                ApiVersion = about.ApiVersion,
                Kind = about.Kind,
                Name = about.Name,
                NamespaceProperty = about.Namespace,
                Uid = about.Uid,
            },
            Message = subject.Note,
            Type = subject.Type.ToString(),
        };
        var outcome = await AttemptAsync(
                token =>
                    client.Calls.CoreV1.CreateNamespacedEventAsync(it, key.Namespace, fieldValidation: Strict, cancellationToken: token),
                cancellationToken
            )
            .ConfigureAwait(false);
        if (outcome == Outcome.NotThere)
            Drop($"namespace {key.Namespace} is not there");
        return outcome == Outcome.Written ? key : null;
    }

    private async Task WriteSeriesAsync(Subject subject, Series series, CancellationToken cancellationToken)
    {
        (series.Written, series.WrittenAt) = (series.Count, time.GetUtcNow());
        var said = new JsonObject { ["count"] = series.Count, ["lastObservedTime"] = MicroTimeConverter.Format(series.Last.UtcDateTime) };
        var change = new JsonObject
        {
            ["series"] = said,
            ["count"] = series.Count,
            ["lastTimestamp"] = MicroTimeConverter.Format(Seconds(series.Last)),
        };
        var patch = new V1Patch(change.ToJsonString(), V1Patch.PatchType.MergePatch);
        var (name, ns) = (series.Key.Name, series.Key.Namespace);
        var outcome = await AttemptAsync(
                token => client.Calls.CoreV1.PatchNamespacedEventAsync(patch, name, ns, fieldValidation: Strict, cancellationToken: token),
                cancellationToken
            )
            .ConfigureAwait(false);
        if (outcome != Outcome.NotThere)
            return;
        // Events live for an hour; a longer series needs a new one.
        _series.Remove(subject);
        if (await CreateAsync(subject, series.Last, cancellationToken).ConfigureAwait(false) is { } key)
            _series[subject] = new Series(key)
            {
                Count = 1,
                Written = 1,
                Last = series.Last,
                WrittenAt = series.Last,
            };
    }

    /// <summary>Forgets what has not happened for a while, after its count was written; writes the counts of what goes on.</summary>
    private async Task EndSeriesAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        foreach (
            var (subject, series) in _series
                .Where(s => now - s.Value.Last >= options.SeriesEnds || now - s.Value.WrittenAt >= options.SeriesWrite)
                .ToList()
        )
        {
            if (series.Count != series.Written)
                await WriteSeriesAsync(subject, series, cancellationToken).ConfigureAwait(false);
            if (now - series.Last >= options.SeriesEnds)
                _series.Remove(subject);
        }
    }

    private async Task<Outcome> AttemptAsync(Func<CancellationToken, Task> write, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await write(cancellationToken).ConfigureAwait(false);
                return Outcome.Written;
            }
            catch (KubeApiException e) when (e.IsNotFound)
            {
                return Outcome.NotThere;
            }
            catch (KubeApiException e) when (!e.IsServerError && !e.IsTooManyRequests && !e.IsUnauthorized)
            {
                // For example a namespace that is being deleted: the same again is refused again.
                Drop(e.Message);
                return Outcome.Dropped;
            }
            catch (Exception e) when (DistinctFailure.IsExpected(e))
            {
                if (attempt >= options.Attempts)
                {
                    Drop(e.Message);
                    return Outcome.Dropped;
                }
            }

            await Task.Delay(options.Pause, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private void Drop(string why)
    {
        // The first says it; how many there are is in the metric.
        if (Interlocked.Increment(ref _dropped) == 1)
            LogDropped(why);
    }

    /// <summary><c>metav1.Time</c> has whole seconds.</summary>
    private static DateTime Seconds(DateTimeOffset at) => at.UtcDateTime.AddTicks(-(at.UtcTicks % TimeSpan.TicksPerSecond));

    private static string Cut(string text, int bytes)
    {
        if (Encoding.UTF8.GetByteCount(text) <= bytes)
            return text;
        var kept = new StringBuilder();
        var left = bytes - 3;
        foreach (var rune in text.EnumerateRunes())
        {
            if ((left -= rune.Utf8SequenceLength) < 0)
                break;
            kept.Append(rune);
        }

        return kept.Append("...").ToString();
    }

    [LoggerMessage(
        EventId = 5131,
        Level = LogLevel.Warning,
        Message = "an Event was not written: {Why} Further ones are counted and not said"
    )]
    private partial void LogDropped(string why);

    private enum Outcome
    {
        Written,

        /// <summary>The event that was to be changed, or the namespace of a new one.</summary>
        NotThere,
        Dropped,
    }

    /// <summary>What must be equal for two events to be one series.</summary>
    private sealed record Subject(ObjectReference Regarding, EventType Type, string Reason, string Action, string Note);

    private sealed class Series(ObjectKey key)
    {
        public ObjectKey Key => key;

        public int Count { get; set; }

        public int Written { get; set; }

        public DateTimeOffset Last { get; set; }

        public DateTimeOffset WrittenAt { get; set; }
    }
}
