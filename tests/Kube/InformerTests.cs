using Hostdev.Kube.Client;
using Hostdev.Kube.Control;
using Hostdev.Kube.Meta;
using Xunit;

namespace Hostdev.Tests.Kube;

public sealed class InformerTests : IAsyncLifetime
{
    private readonly LogLines _log = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<string> _events = [];
    private FakeApiServer _server = null!;
    private KubeClient _client = null!;
    private Informer<Thing> _informer = null!;
    private Task _run = Task.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        _server = await FakeApiServer.StartAsync();
        _client = Connection.To(_server);
        _informer = NewInformer(Selection.Everything);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run.WaitAsync(TimeSpan.FromSeconds(10));
        _client.Dispose();
        await _server.DisposeAsync();
        _stop.Dispose();
    }

    [Fact]
    public async Task Lists_then_watches_and_tells_each_change()
    {
        _server.Put($"{Thing.Path}/a", Thing.Json("a", 1));
        await StartAsync();
        Assert.Equal(["+a1"], Events);
        _server.Put($"{Thing.Path}/b", Thing.Json("b", 1));
        _server.Put($"{Thing.Path}/a", Thing.Json("a", 2));
        _server.Remove($"{Thing.Path}/b");
        await EventsAre("+a1", "+b1", "a1>a2", "-b1");
        Assert.Equal(2, Assert.Single(_informer.Store.Objects).Value.Spec!.Size);
        Assert.Null(_informer.Problem);
        Assert.Empty(_log.Warnings);
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData(null, true)]
    [InlineData("""{"type":"ADDED","object":{"metadata":{"name":"zz""", false)]
    [InlineData("""{"type":"ADDED","object":{"metadata":{"name":"zz""", true)]
    [InlineData("no json\n", false)]
    [InlineData("""{"type":"ERROR","object":{"kind":"Status","code":500,"reason":"InternalError","message":"etcd"}}""" + "\n", false)]
    public async Task A_watch_that_breaks_is_resumed_from_where_it_was(string? line, bool abort)
    {
        await StartAsync();
        _server.Put($"{Thing.Path}/a", Thing.Json("a", 1));
        await EventsAre("+a1");
        _server.EndWatches(line, abort);
        _server.Put($"{Thing.Path}/a", Thing.Json("a", 2));
        await EventsAre("+a1", "a1>a2");
        Assert.Single(Lists);
        Assert.Contains("resourceVersion=101&", Watches.Last().Query, StringComparison.Ordinal);
        Assert.Empty(_log.Warnings);
    }

    [Fact]
    public async Task A_bookmark_is_where_the_next_watch_begins()
    {
        await StartAsync();
        _server.Bookmark();
        _server.EndWatches();
        await Waiting.UntilAsync(() => Watches.Count() == 2 && _server.OpenWatches == 1);
        Assert.Contains("resourceVersion=101&", Watches.Last().Query, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_happened_while_the_server_forgot_is_found_by_comparison(bool inTheStream)
    {
        foreach (var name in new[] { "gone", "kept", "changed", "replaced" })
            _server.Put($"{Thing.Path}/{name}", Thing.Json("", 1));
        await StartAsync();
        _events.Clear();
        var unseen = true;
        // Everything below happens unseen.
        _server.Refuse(r => r.IsWatch && Volatile.Read(ref unseen), 500, "InternalError", times: int.MaxValue);
        _server.EndWatches();
        await Waiting.UntilAsync(() => _server.OpenWatches == 0);
        _server.Remove($"{Thing.Path}/gone");
        _server.Remove($"{Thing.Path}/replaced");
        _server.Put($"{Thing.Path}/replaced", Thing.Json("", 1));
        _server.Put($"{Thing.Path}/changed", Thing.Json("", 2));
        _server.Put($"{Thing.Path}/new", Thing.Json("", 1));
        _server.Forget();
        if (inTheStream)
        {
            _server.Answer(
                r => r.IsWatch,
                c =>
                    FakeApiServer.TextAsync(
                        c,
                        200,
                        """{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}""" + "\n"
                    )
            );
        }

        Volatile.Write(ref unseen, false);
        await EventsAre("+new1", "+replaced1", "-gone1", "-replaced1", "changed1>changed2");
        Assert.Equal(["changed", "kept", "new", "replaced"], _informer.Store.Objects.Keys.Select(k => k.Name).Order());
        Assert.Equal(2, Lists.Count());
    }

    [Fact]
    public async Task While_the_server_is_away_the_store_keeps_what_it_has_and_it_is_said_once()
    {
        _server.Put($"{Thing.Path}/a", Thing.Json("a", 1));
        await StartAsync();
        _server.Away = true;
        _server.EndWatches(abort: true);
        var before = _server.Requests.Count;
        await Waiting.UntilAsync(() => _server.Requests.Count >= before + 4);
        Assert.NotNull(_informer.Problem);
        Assert.Single(_informer.Store.Objects);
        _server.Away = false;
        _server.Put($"{Thing.Path}/b", Thing.Json("b", 1));
        await EventsAre("+a1", "+b1");
        Assert.Null(_informer.Problem);
        Assert.Single(Lists);
        Assert.Single(_log.Warnings);
        Assert.Contains("Information things.example.io is followed again", _log.Lines);
    }

    [Fact]
    public async Task A_server_that_takes_long_to_fail_is_a_problem_all_the_same()
    {
        _informer = NewInformer(Selection.Everything, shortWatch: TimeSpan.FromMilliseconds(20));
        await StartAsync();
        _server.Answer(
            r => r.IsWatch,
            async c =>
            {
                await Task.Delay(60);
                c.Abort();
            },
            times: 1000
        );
        _server.EndWatches();
        await Waiting.UntilAsync(() => _informer.Problem is not null);
        Assert.Single(_log.Warnings);
    }

    [Fact]
    public async Task A_kind_that_is_not_served_yet_is_waited_for_and_said_once()
    {
        _server.NotServed = true;
        _run = _informer.RunAsync(_stop.Token);
        await Waiting.UntilAsync(() => _server.Requests.Count >= 4);
        Assert.False(_informer.Synced.IsCompleted);
        Assert.Equal("things.example.io is not served: is its CRD installed?", _informer.Problem);
        _server.NotServed = false;
        _server.Put($"{Thing.Path}/a", Thing.Json("a", 1));
        await _informer.Synced.WaitAsync(TimeSpan.FromSeconds(10));
        await EventsAre("+a1");
        Assert.Single(_log.Warnings);
    }

    [Fact]
    public async Task A_kind_that_is_served_no_more_loses_nothing_from_the_store()
    {
        _server.Put($"{Thing.Path}/a", Thing.Json("a", 1));
        await StartAsync();
        _server.NotServed = true;
        _server.EndWatches();
        await Waiting.UntilAsync(() => _informer.Problem is not null);
        Assert.Single(_informer.Store.Objects);
        Assert.Equal(["+a1"], Events);
    }

    [Theory]
    [InlineData(429, "TooManyRequests")]
    [InlineData(500, "InternalError")]
    [InlineData(410, "Expired")]
    public async Task A_list_that_is_refused_is_asked_for_again(int code, string reason)
    {
        _server.Put($"{Thing.Path}/a", Thing.Json("a", 1));
        _server.Refuse(r => !r.IsWatch, code, reason, times: 5);
        await StartAsync();
        Assert.Equal(["+a1"], Events);
    }

    [Fact]
    public async Task Watches_that_end_at_once_are_asked_for_less_and_less_often()
    {
        var time = new FakeTime();
        var informer = new Informer<Thing>(
            _client,
            Thing.Kind,
            Selection.Everything,
            time,
            new Random(1),
            _log,
            new InformerTimings { Backoff = new Backoff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30), 0) }
        );
        _server.Answer(r => r.IsWatch, c => FakeApiServer.TextAsync(c, 200, ""), times: 1000);
        _run = informer.RunAsync(_stop.Token);
        var seconds = 0;
        var asked = new List<int>();
        while (seconds < 130)
        {
            // The informer waits for the clock, or it has asked and not seen the answer yet.
            await Waiting.UntilAsync(() => time.Waiting > 0);
            if (Watches.Count() > asked.Count)
                asked.Add(seconds);
            else
                time.Advance(TimeSpan.FromSeconds(1));
            if (Watches.Count() == asked.Count)
                seconds++;
        }

        Assert.InRange(asked.Count, 5, 12);
    }

    [Fact]
    public async Task An_object_that_becomes_unreadable_stays_as_it_was_and_is_named_once()
    {
        _server.Put($"{Thing.Path}/a", Thing.Json("a", 1));
        await StartAsync();
        _server.Put($"{Thing.Path}/a", Large());
        _server.Put($"{Thing.Path}/b", Thing.Json("b", 1));
        await EventsAre("+a1", "+b1");
        Assert.Equal(1, _informer.Store.Find(new ObjectKey("a"))!.Spec!.Size);
        Assert.Contains("things.example.io a cannot be read:", Assert.Single(_log.Warnings), StringComparison.Ordinal);
        _server.Remove($"{Thing.Path}/a");
        await EventsAre("+a1", "+b1", "-a1");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_object_that_was_unreadable_from_the_beginning_is_named_as_such_until_it_can_be_read_or_is_gone(bool isMended)
    {
        var recovered = 0;
        _informer.Recovered += () => Interlocked.Increment(ref recovered);
        _server.Put($"{Thing.Path}/a", Large());
        _server.Put($"{Thing.Path}/b", Thing.Json("b", 1));
        await StartAsync();
        Assert.Equal(["b"], _informer.Store.Objects.Keys.Select(k => k.Name));
        Assert.Equal(["a"], _informer.Unreadable.Select(k => k.Name));
        _server.Put($"{Thing.Path}/a", Large()); // changed, and unreadable as before
        _server.Put($"{Thing.Path}/b", Thing.Json("b", 2));
        await EventsAre("+b1", "b1>b2");
        Assert.Equal(["a"], _informer.Unreadable.Select(k => k.Name));
        Assert.Equal(0, recovered);

        if (isMended)
            _server.Put($"{Thing.Path}/a", Thing.Json("a", 1));
        else
            _server.Remove($"{Thing.Path}/a");
        await Waiting.UntilAsync(() => _informer.Unreadable.IsEmpty && recovered == 1);
        Assert.Equal(isMended ? ["a", "b"] : ["b"], _informer.Store.Objects.Keys.Select(k => k.Name).Order());
    }

    [Fact]
    public async Task An_unreadable_object_that_was_deleted_unseen_is_not_named_any_more_after_the_next_list()
    {
        _server.Put($"{Thing.Path}/a", Large());
        _server.Put($"{Thing.Path}/b", Thing.Json("b", 1));
        await StartAsync();
        Assert.Equal(["a"], _informer.Unreadable.Select(k => k.Name));
        var unseen = true;
        _server.Refuse(r => r.IsWatch && Volatile.Read(ref unseen), 500, "InternalError", times: int.MaxValue);
        _server.EndWatches();
        await Waiting.UntilAsync(() => _server.OpenWatches == 0);
        _server.Remove($"{Thing.Path}/a");
        _server.Put($"{Thing.Path}/b", Large());
        _server.Forget();
        Volatile.Write(ref unseen, false);
        await Waiting.UntilAsync(() => _informer.Unreadable.Select(k => k.Name).SequenceEqual(["b"]));
        Assert.Equal(1, _informer.Store.Find(new ObjectKey("b"))!.Spec!.Size); // what was known stays
    }

    [Fact]
    public async Task A_selection_goes_along_with_list_and_watch()
    {
        _server.Put($"{Thing.Path}/a", Thing.Json("a", 1));
        _server.Put($"{Thing.Path}/b", Thing.Json("b", 1));
        _informer = NewInformer(new Selection { Fields = "metadata.name=b", Labels = "x in (y,z)" });
        await StartAsync();
        Assert.Equal(["+b1"], Events);
        Assert.All(
            _server.Requests,
            r => Assert.EndsWith("&labelSelector=x in (y,z)&fieldSelector=metadata.name=b", r.Query, StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task A_handler_that_throws_stops_nothing()
    {
        _informer.Added += _ => throw new InvalidOperationException("handler");
        await StartAsync();
        _server.Put($"{Thing.Path}/a", Thing.Json("a", 1));
        _server.Put($"{Thing.Path}/b", Thing.Json("b", 1));
        await EventsAre("+a1", "+b1");
        Assert.Contains(_log.Lines, l => l.Contains("a handler of things.example.io failed", StringComparison.Ordinal));
    }

    private IReadOnlyList<string> Events
    {
        get
        {
            lock (_events)
                return [.. _events];
        }
    }

    private IEnumerable<SeenRequest> Lists => _server.Requests.Where(r => r.Method == "GET" && !r.IsWatch);

    private IEnumerable<SeenRequest> Watches => _server.Requests.Where(r => r.IsWatch);

    private Informer<Thing> NewInformer(Selection selection, TimeSpan? shortWatch = null)
    {
        var timings = new InformerTimings
        {
            Backoff = new Backoff(TimeSpan.FromMilliseconds(5), TimeSpan.FromMilliseconds(40)),
            ShortWatch = shortWatch ?? TimeSpan.FromSeconds(5),
        };
        var informer = new Informer<Thing>(_client, Thing.Kind, selection, TimeProvider.System, new Random(1), _log, timings);
        informer.Added += it => Say($"+{Text(it)}");
        informer.Changed += (before, now) => Say($"{Text(before)}>{Text(now)}");
        informer.Deleted += it => Say($"-{Text(it)}");
        return informer;
    }

    private static System.Text.Json.Nodes.JsonObject Large() =>
        new() { ["spec"] = new System.Text.Json.Nodes.JsonObject { ["size"] = "large" } };

    private static string Text(Thing it) => $"{it.Metadata.Name}{it.Spec!.Size}";

    private void Say(string text)
    {
        lock (_events)
            _events.Add(text);
    }

    private async Task StartAsync()
    {
        _run = _informer.RunAsync(_stop.Token);
        await _informer.Synced.WaitAsync(TimeSpan.FromSeconds(10));
        await Waiting.UntilAsync(() => _server.OpenWatches == 1 && _informer.LastSuccess is not null);
    }

    /// <summary>In any order: a comparison has none.</summary>
    private async Task EventsAre(params string[] wanted)
    {
        await Waiting.UntilAsync(
            () => Events.Order().SequenceEqual(wanted.Order()),
            state: () => string.Join(" ", Events) + "\n" + string.Join("\n", _log.Lines)
        );
    }
}
