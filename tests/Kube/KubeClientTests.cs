using System.Text.Json.Nodes;
using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using Xunit;

namespace Hostdev.Tests.Kube;

public sealed class KubeClientTests : IAsyncLifetime
{
    private readonly LogLines _log = new();
    private FakeApiServer _server = null!;
    private KubeClient _client = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await FakeApiServer.StartAsync();
        _client = Connection.To(_server, log: _log, options: new KubeClientOptions { PageSize = 3 });
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Gets_an_object_and_says_who_asks()
    {
        _server.Put($"{Thing.Path}/a", Thing.Json("a", 7));
        var it = await _client.GetAsync(Thing.Kind, new ObjectKey("a"), Token);
        Assert.Equal(("a", 7), (it.Metadata.Name, it.Spec!.Size));
        Assert.Equal("hostdev-tests/1.2.3", Assert.Single(_server.Requests).UserAgent);
    }

    [Fact]
    public async Task An_absent_object_is_null_and_an_absent_kind_is_not()
    {
        Assert.Null(await _client.FindAsync(Thing.Kind, new ObjectKey("a"), Token));
        _server.NotServed = true;
        var e = await Assert.ThrowsAsync<KubeApiException>(() => _client.FindAsync(Thing.Kind, new ObjectKey("a"), Token));
        Assert.True(e.IsNotServed);
        Assert.Equal("GET /apis/example.io/v1/things/a: 404: 404 page not found", e.Message);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(3, 1)]
    [InlineData(4, 2)]
    [InlineData(10, 4)]
    public async Task Lists_in_pages(int count, int pages)
    {
        for (var i = 0; i < count; i++)
            _server.Put($"{Thing.Path}/t{i:00}", Thing.Json("", i));
        var list = await _client.ListAsync(Thing.Kind, Selection.Everything, Token);
        Assert.Equal(Enumerable.Range(0, count), list.Items.Select(t => t.Spec!.Size));
        Assert.Equal($"{100 + count}", list.ResourceVersion);
        Assert.Equal(pages, _server.Requests.Count);
    }

    [Fact]
    public async Task A_list_that_outlives_the_servers_memory_begins_again_and_has_each_object_once()
    {
        for (var i = 0; i < 7; i++)
            _server.Put($"{Thing.Path}/t{i}", Thing.Json("", i));
        _server.Refuse(r => r.Query.Contains("continue=", StringComparison.Ordinal), 410, "Expired", times: 2);
        var list = await _client.ListAsync(Thing.Kind, Selection.Everything, Token);
        Assert.Equal([0, 1, 2, 3, 4, 5, 6], list.Items.Select(t => t.Spec!.Size));
    }

    [Fact]
    public async Task A_list_that_expires_each_time_is_asked_for_whole()
    {
        for (var i = 0; i < 7; i++)
            _server.Put($"{Thing.Path}/t{i}", Thing.Json("", i));
        _server.Refuse(r => r.Query.Contains("continue=", StringComparison.Ordinal), 410, "Expired", times: 100);
        Assert.Equal(7, (await _client.ListAsync(Thing.Kind, Selection.Everything, Token)).Items.Length);
        Assert.DoesNotContain("limit=", _server.Requests[^1].Query, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(1000)]
    public async Task A_page_is_read_however_it_is_cut_into_pieces(int piece)
    {
        var page = new JsonObject
        {
            ["kind"] = "ThingList",
            ["items"] = new JsonArray([.. Enumerable.Range(0, 5).Select(i => Thing.Json($"t{i}", i))]),
            ["metadata"] = new JsonObject { ["resourceVersion"] = "5", ["remainingItemCount"] = 0 },
        };
        var bytes = System.Text.Encoding.UTF8.GetBytes(page.ToJsonString());
        _server.Answer(
            _ => true,
            async c =>
            {
                for (var i = 0; i < bytes.Length; i += piece)
                {
                    await c.Response.Body.WriteAsync(bytes.AsMemory(i, Math.Min(piece, bytes.Length - i)));
                    if (i % 50 == 0)
                        await c.Response.Body.FlushAsync();
                }
            }
        );
        var list = await _client.ListAsync(Thing.Kind, Selection.Everything, Token);
        Assert.Equal(["t0", "t1", "t2", "t3", "t4"], list.Items.Select(t => t.Metadata.Name));
        Assert.Equal("5", list.ResourceVersion);
    }

    [Fact]
    public async Task One_object_that_cannot_be_read_is_named_and_the_others_are_there()
    {
        _server.Put($"{Thing.Path}/a", Thing.Json("a", 1));
        _server.Put($"{Thing.Path}/b", new JsonObject { ["spec"] = new JsonObject { ["size"] = "large" } });
        var list = await _client.ListAsync(Thing.Kind, Selection.Everything, Token);
        Assert.Equal("a", Assert.Single(list.Items).Metadata.Name);
        var bad = Assert.Single(list.Unreadable);
        Assert.Equal("b", bad.Key.Name);
        Assert.Contains("$.spec.size", bad.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"kind":"ThingList","items":[{"metadata":{"name":"a"}}""")]
    [InlineData("""{"kind":"ThingList","items":[{"metadata":{"na""")]
    [InlineData("")]
    public async Task A_list_that_is_cut_is_no_list(string text)
    {
        _server.Answer(_ => true, c => FakeApiServer.TextAsync(c, 200, text));
        await Assert.ThrowsAsync<KubeTransportException>(() => _client.ListAsync(Thing.Kind, Selection.Everything, Token));
    }

    [Fact]
    public async Task Something_else_that_answers_is_not_taken_for_an_empty_list()
    {
        _server.Answer(_ => true, c => FakeApiServer.TextAsync(c, 200, "<html>Sign in</html>"));
        await Assert.ThrowsAsync<KubeProtocolException>(() => _client.ListAsync(Thing.Kind, Selection.Everything, Token));
        _server.Answer(_ => true, c => FakeApiServer.TextAsync(c, 200, """{"ok":true}"""));
        var e = await Assert.ThrowsAsync<KubeProtocolException>(() => _client.ListAsync(Thing.Kind, Selection.Everything, Token));
        Assert.Contains("it is no list", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metadata_alone_is_asked_for_as_such()
    {
        _server.Put($"{Thing.Path}/a", Thing.Json("a", 1));
        var kind = PartialObjectMetadata.Of(Thing.Kind.Resource);
        Assert.Equal("a", Assert.Single((await _client.ListAsync(kind, Selection.Everything, Token)).Items).Metadata.Name);
        Assert.StartsWith(
            "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
            _server.Requests[0].Accept,
            StringComparison.Ordinal
        );
        await _client.GetAsync(kind, new ObjectKey("a"), Token);
        Assert.StartsWith(
            "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
            _server.Requests[1].Accept,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_watch_tells_what_happens_and_ends_when_the_server_ends_it()
    {
        var events = WatchAsync("100");
        _server.Put($"{Thing.Path}/a", Thing.Json("a", 1));
        await Waiting.UntilAsync(() => _server.OpenWatches == 1);
        _server.Put($"{Thing.Path}/a", Thing.Json("a", 2));
        _server.Remove($"{Thing.Path}/a");
        _server.Bookmark();
        _server.EndWatches();
        Assert.Equal(["Added a 1", "Modified a 2", "Deleted a 2", "Bookmark 104"], await events);
        var request = Assert.Single(_server.Requests);
        Assert.Equal("?watch=true&allowWatchBookmarks=true&resourceVersion=100&timeoutSeconds=60", request.Query);
    }

    [Fact]
    public async Task A_watch_from_before_the_servers_memory_says_so()
    {
        _server.Put($"{Thing.Path}/a", Thing.Json("a", 1));
        _server.Forget();
        Assert.Equal(["Expired too old resource version: 100 (101)"], await WatchAsync("100"));
    }

    [Fact]
    public async Task An_error_in_a_watch_is_an_expiry_or_an_exception()
    {
        var events = WatchAsync("100");
        await Waiting.UntilAsync(() => _server.OpenWatches == 1);
        _server.EndWatches("""{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}""" + "\n");
        Assert.Equal(["Expired too old"], await events);
        var failed = WatchAsync("100");
        await Waiting.UntilAsync(() => _server.OpenWatches == 1);
        _server.EndWatches("""{"type":"ERROR","object":{"kind":"Status","code":500,"reason":"InternalError","message":"etcd"}}""" + "\n");
        Assert.True((await Assert.ThrowsAsync<KubeApiException>(() => failed)).IsServerError);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_watch_that_is_cut_in_the_middle_of_a_line_is_broken(bool abort)
    {
        var events = WatchAsync("100");
        await Waiting.UntilAsync(() => _server.OpenWatches == 1);
        _server.EndWatches("""{"type":"ADDED","object":{"metadata":{"na""", abort);
        await Assert.ThrowsAsync<KubeTransportException>(() => events);
    }

    [Fact]
    public async Task Writes_say_what_they_are()
    {
        await _client.ApplyAsync(
            Thing.Kind,
            new ObjectKey("a"),
            Thing.Json("a", 1),
            new WriteOptions { FieldManager = "hostdev-operator", Force = true },
            Token
        );
        await _client.MergePatchAsync(
            Thing.Kind,
            new ObjectKey("a"),
            new JsonObject { ["spec"] = new JsonObject { ["size"] = 2 } },
            new WriteOptions { Subresource = "status" },
            Token
        );
        await _client.JsonPatchAsync(
            Thing.Kind,
            new ObjectKey("a"),
            new JsonArray(),
            new WriteOptions { DryRun = true, FieldValidation = FieldValidation.Warn },
            Token
        );
        var created = await _client.CreateAsync(Thing.Kind, null, Thing.Json("b", 3), new WriteOptions(), Token);
        var replaced = await _client.ReplaceAsync(
            Thing.Kind,
            new ObjectKey("b"),
            Thing.Json("b", 4),
            new WriteOptions { Force = true },
            Token
        );
        await _client.DeleteAsync(
            Thing.Kind.Resource,
            new ObjectKey("b"),
            new DeleteOptions { Uid = created.Metadata.Uid, PropagationPolicy = PropagationPolicy.Foreground },
            Token
        );
        Assert.Equal(
            [
                "PATCH /apis/example.io/v1/things/a?fieldManager=hostdev-operator&force=true&fieldValidation=Strict "
                    + "application/apply-patch+yaml",
                "PATCH /apis/example.io/v1/things/a/status?fieldValidation=Strict application/merge-patch+json",
                "PATCH /apis/example.io/v1/things/a?fieldValidation=Warn&dryRun=All application/json-patch+json",
                "POST /apis/example.io/v1/things?fieldValidation=Strict application/json",
                "PUT /apis/example.io/v1/things/b?fieldValidation=Strict application/json",
                "DELETE /apis/example.io/v1/things/b application/json",
            ],
            _server.Requests.Select(r => $"{r} {r.ContentType}")
        );
        Assert.Equal(
            $$$"""{"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"Foreground","preconditions":"""
                + $$$"""{"uid":"{{{created.Metadata.Uid}}}"}}""",
            _server.Requests[^1].Body
        );
        Assert.Equal(4, replaced.Spec!.Size);
        Assert.Equal(2, _server.Find($"{Thing.Path}/a")!["spec"]!["size"]!.GetValue<int>());
        Assert.Null(_server.Find($"{Thing.Path}/b"));
    }

    [Fact]
    public async Task Refusals_have_names()
    {
        _server.Put($"{Thing.Path}/a", Thing.Json("a", 1));
        Assert.True(
            (
                await Assert.ThrowsAsync<KubeApiException>(() =>
                    _client.CreateAsync(Thing.Kind, null, Thing.Json("a", 1), new WriteOptions(), Token)
                )
            ).IsAlreadyExists
        );
        var old = Thing.Json("a", 1);
        old["metadata"]!["resourceVersion"] = "1";
        Assert.True(
            (
                await Assert.ThrowsAsync<KubeApiException>(() =>
                    _client.ReplaceAsync(Thing.Kind, new ObjectKey("a"), old, new WriteOptions(), Token)
                )
            ).IsConflict
        );
        Assert.True(
            (
                await Assert.ThrowsAsync<KubeApiException>(() =>
                    _client.DeleteAsync(Thing.Kind.Resource, new ObjectKey("a"), new DeleteOptions { Uid = "other" }, Token)
                )
            ).IsConflict
        );
        Assert.True(
            (
                await Assert.ThrowsAsync<KubeApiException>(() =>
                    _client.DeleteAsync(Thing.Kind.Resource, new ObjectKey("none"), new DeleteOptions(), Token)
                )
            ).IsNotFound
        );
        _server.Answer(
            _ => true,
            c =>
                FakeApiServer.JsonAsync(
                    c,
                    422,
                    JsonNode.Parse(
                        """{"kind":"Status","code":422,"reason":"Invalid","message":"spec.size: Invalid value: -1","details":"""
                            + """{"name":"a","causes":[{"reason":"FieldValueInvalid","message":"must be """
                            + """positive","field":"spec.size"}]}}"""
                    )!
                )
        );
        var invalid = await Assert.ThrowsAsync<KubeApiException>(() =>
            _client.CreateAsync(Thing.Kind, null, Thing.Json("a", -1), new WriteOptions(), Token)
        );
        Assert.True(invalid.IsInvalid);
        Assert.Equal(new StatusCause("FieldValueInvalid", "must be positive", "spec.size"), Assert.Single(invalid.Status.Details.Causes));
        _server.Refuse(_ => true, 403, "Forbidden", "things is forbidden: User \"x\" cannot list");
        Assert.True(
            (await Assert.ThrowsAsync<KubeApiException>(() => _client.ListAsync(Thing.Kind, Selection.Everything, Token))).IsForbidden
        );
    }

    [Fact]
    public async Task The_gate_refuses_a_write_before_it_is_sent_and_lets_reads_pass()
    {
        var gated = _client.Gated(_ => throw new InvalidOperationException("closed"));
        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            gated.CreateAsync(Thing.Kind, null, Thing.Json("a", 1), new WriteOptions(), Token)
        );
        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            gated.ApplyAsync(Thing.Kind, new ObjectKey("a"), Thing.Json("a", 1), new WriteOptions { FieldManager = "m" }, Token)
        );
        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            gated.DeleteAsync(Thing.Kind.Resource, new ObjectKey("a"), new DeleteOptions(), Token)
        );
        Assert.Empty(_server.Requests);
        await gated.ListAsync(Thing.Kind, Selection.Everything, Token);
        Assert.Single(_server.Requests);
    }

    [Fact]
    public async Task Warnings_of_the_server_are_said_once()
    {
        for (var i = 0; i < 3; i++)
        {
            _server.Answer(
                _ => true,
                c =>
                {
                    c.Response.Headers.Warning = "299 - \"example.io/v1 \\\"Thing\\\" is deprecated\"";
                    return FakeApiServer.JsonAsync(c, 200, Thing.Json("a", 1));
                }
            );
            await _client.GetAsync(Thing.Kind, new ObjectKey("a"), Token);
        }

        Assert.Equal(
            "Warning the API server warns about get things.example.io: example.io/v1 \"Thing\" is deprecated",
            Assert.Single(_log.Lines)
        );
    }

    [Fact]
    public async Task Every_answer_is_observed_and_a_missing_one_too()
    {
        var seen = new List<(string, string, int)>();
        using var client = Connection.To(_server, options: new KubeClientOptions { Observe = o => seen.Add((o.Verb, o.Resource, o.Code)) });
        await client.ApplyAsync(
            Thing.Kind,
            new ObjectKey("a"),
            Thing.Json("a", 1),
            new WriteOptions { FieldManager = "m", Subresource = "status" },
            Token
        );
        _server.Away = true;
        await Assert.ThrowsAsync<KubeTransportException>(() => client.GetAsync(Thing.Kind, new ObjectKey("a"), Token));
        Assert.Equal([("patch", "things.example.io/status", 200), ("get", "things.example.io", 0)], seen);
    }

    private async Task<List<string>> WatchAsync(string from)
    {
        var result = new List<string>();
        await foreach (var said in _client.WatchAsync(Thing.Kind, Selection.Everything, from, TimeSpan.FromSeconds(60), null, Token))
        {
            result.Add(
                said switch
                {
                    WatchEvent<Thing>.Added(var it) => $"Added {it.Metadata.Name} {it.Spec!.Size}",
                    WatchEvent<Thing>.Modified(var it) => $"Modified {it.Metadata.Name} {it.Spec!.Size}",
                    WatchEvent<Thing>.Deleted(var it) => $"Deleted {it.Metadata.Name} {it.Spec!.Size}",
                    WatchEvent<Thing>.Bookmark(var version) => $"Bookmark {version}",
                    WatchEvent<Thing>.Expired(var message) => $"Expired {message}",
                    var other => other.ToString(),
                }
            );
        }

        return result;
    }
}
