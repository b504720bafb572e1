using System.Text;
using System.Text.Json.Nodes;
using Hostdev.Kube.Client;
using Hostdev.Kube.Control;
using Hostdev.Kube.Meta;
using Xunit;

namespace Hostdev.Tests.Kube;

public sealed class EventRecorderTests : IAsyncLifetime
{
    private const string Collection = "/api/v1/namespaces/default/events";

    private static readonly ObjectReference _thing = ObjectReference.To(Thing.Kind.Resource, new ObjectMeta { Name = "gpu", Uid = "u1" });

    private readonly FakeTime _time = new();
    private readonly LogLines _log = new();
    private readonly CancellationTokenSource _stop = new();
    private FakeApiServer _server = null!;
    private KubeClient _client = null!;
    private EventRecorder _recorder = null!;
    private Task _run = Task.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        _server = await FakeApiServer.StartAsync();
        _client = Connection.To(_server, _time);
        _recorder = new EventRecorder(
            _client,
            new EventRecorderOptions
            {
                ReportingController = "hostdev.io/operator",
                ReportingInstance = "pod-1",
                QueueLength = 20,
            },
            _time,
            new Random(1),
            _log
        );
        _run = _recorder.RunAsync(_stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _client.Dispose();
        await _server.DisposeAsync();
        _stop.Dispose();
    }

    [Fact]
    public async Task An_event_says_what_happened_to_what()
    {
        _recorder.Record(_thing, EventType.Warning, "Blocked", "Plan", "device 0000:3b:00.0 is blocked");
        await Waiting.UntilAsync(() => Events.Count == 1);
        var it = Events[0];
        var name = it["metadata"]!["name"]!.GetValue<string>();
        Assert.StartsWith("gpu.", name, StringComparison.Ordinal);
        it.Remove("metadata");
        Assert.True(
            JsonNode.DeepEquals(
                JsonNode.Parse(
                    """
                    {
                      "apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "Blocked", "action": "Plan",
                      "message": "device 0000:3b:00.0 is blocked", "eventTime": "2026-01-02T12:00:00.000000Z",
                      "firstTimestamp": "2026-01-02T12:00:00.000000Z", "lastTimestamp": "2026-01-02T12:00:00.000000Z", "count": 1,
                      "involvedObject": {"apiVersion": "example.io/v1", "kind": "Thing", "name": "gpu", "uid": "u1"},
                      "source": {"component": "hostdev.io/operator"},
                      "reportingComponent": "hostdev.io/operator", "reportingInstance": "pod-1"
                    }
                    """
                ),
                it
            ),
            it.ToJsonString()
        );
    }

    [Fact]
    public async Task What_stands_in_a_namespace_has_its_events_there()
    {
        _recorder.Record(_thing with { Namespace = "vms" }, EventType.Normal, "Ready", "Offer", "ready");
        await Waiting.UntilAsync(() => _server.All("/api/v1/namespaces/vms/events").Count == 1);
    }

    [Fact]
    public async Task The_same_again_becomes_a_series_whose_count_is_written_rarely()
    {
        for (var i = 0; i < 10; i++)
            _recorder.Record(_thing, EventType.Warning, "Blocked", "Plan", "blocked");
        await Waiting.UntilAsync(() => Events is [{ } e] && e["series"]?["count"]?.GetValue<int>() == 2);
        _recorder.Record(_thing, EventType.Warning, "Blocked", "Plan", "another device"); // comes after the ten
        await Waiting.UntilAsync(() => Events.Count == 2);
        Assert.Equal(3, _server.Requests.Count);
        for (var i = 0; i < 6; i++)
            await MinuteAsync(); // and no further: the write that comes now has a deadline by the same clock
        await Waiting.UntilAsync(() => Series?["count"]?.GetValue<int>() == 10);
        Assert.Equal("2026-01-02T12:00:00.000000Z", Series!["lastObservedTime"]!.GetValue<string>());
        var sorted = Events.Single(e => e["series"] is not null);
        Assert.Equal(("2026-01-02T12:00:00.000000Z", 10), ((string?)sorted["lastTimestamp"], (int?)sorted["count"]));
        Assert.Equal(4, _server.Requests.Count);
        _recorder.Record(_thing, EventType.Warning, "Blocked", "Plan", "blocked");
        await Waiting.UntilAsync(() => Events.Count == 3);
    }

    [Fact]
    public async Task A_long_note_is_cut_between_characters()
    {
        _recorder.Record(_thing, EventType.Normal, "Ready", "Offer", new string('ü', 600));
        await Waiting.UntilAsync(() => Events.Count == 1);
        var note = Events[0]["message"]!.GetValue<string>();
        Assert.InRange(Encoding.UTF8.GetByteCount(note), 1020, 1024);
        Assert.Equal(new string('ü', 510) + "...", note);
    }

    [Fact]
    public async Task While_the_server_is_away_nobody_waits_and_what_is_too_much_is_counted()
    {
        _server.Away = true;
        for (var i = 0; i < 100; i++)
            _recorder.Record(_thing, EventType.Normal, "Ready", "Offer", $"number {i}");
        Assert.InRange(_recorder.Dropped, 79, 80);
        Assert.Single(_log.Warnings);
    }

    [Fact]
    public async Task A_write_that_fails_is_tried_again_a_few_times()
    {
        _server.Refuse(_ => true, 500, "InternalError", times: 2);
        _recorder.Record(_thing, EventType.Normal, "Ready", "Offer", "ready");
        var began = _time.GetTimestamp();
        await Waiting.UntilAsync(() =>
        {
            _time.Advance(TimeSpan.FromSeconds(0.1));
            return Events.Count == 1;
        });
        Assert.Equal((3, 0L), (_server.Requests.Count, _recorder.Dropped));
        Assert.InRange(_time.GetElapsedTime(began).TotalSeconds, 20, 60);
    }

    [Fact]
    public async Task An_event_that_is_refused_is_dropped_and_the_next_is_written()
    {
        _server.Refuse(_ => true, 403, "Forbidden", "namespace is being terminated");
        _server.Refuse(_ => true, 404, "NotFound");
        _recorder.Record(_thing, EventType.Normal, "A", "Offer", "a");
        _recorder.Record(_thing, EventType.Normal, "B", "Offer", "b");
        _recorder.Record(_thing, EventType.Normal, "C", "Offer", "c");
        await Waiting.UntilAsync(() => Events.Count == 1);
        Assert.Equal("C", Events[0]["reason"]!.GetValue<string>());
        Assert.Equal(2, _recorder.Dropped);
    }

    [Fact]
    public async Task A_stop_writes_what_waits()
    {
        for (var i = 0; i < 5; i++)
            _recorder.Record(_thing, EventType.Normal, "Ready", "Offer", $"number {i}");
        await StopAsync();
        Assert.Equal(5, Events.Count);
    }

    private IReadOnlyList<System.Text.Json.Nodes.JsonObject> Events => _server.All(Collection);

    private System.Text.Json.Nodes.JsonNode? Series => Events.First(e => e["message"]!.GetValue<string>() == "blocked")["series"];

    private async Task MinuteAsync()
    {
        await Waiting.UntilAsync(() => _time.Waiting > 0);
        _time.Advance(TimeSpan.FromMinutes(1));
        await Task.Delay(10);
    }

    private async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Waiting.UntilAsync(() =>
        {
            if (!_run.IsCompleted && _server.Away)
                _time.Advance(TimeSpan.FromSeconds(2));
            return _run.IsCompleted;
        });
        await _run;
    }
}
