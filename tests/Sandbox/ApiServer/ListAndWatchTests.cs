using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Tests.Kube;
using Xunit;

namespace Hostdev.Tests.Sandbox.ApiServer;

/// <summary>Lists in pages, and watches that lose nothing.</summary>
public sealed class ListAndWatchTests() : WidgetTests(new ApiServerOptions { HistoryWindow = 200 })
{
    private const string AsMetadata = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";

    [Fact]
    public async Task The_pages_of_a_list_show_one_moment()
    {
        Make(5);
        var first = (await Client.GetAsync(Peer.Widgets + "?limit=2")).Is(200);
        Assert.Equal("3", first.Text("metadata", "remainingItemCount"));
        Server.Objects.Delete("widgets.example.io", "w4");
        Server.Objects.Create(Peer.Widget("w9"));
        var second = (await Client.GetAsync($"{Peer.Widgets}?limit=10&continue={first.Text("metadata", "continue")}")).Is(200);
        Assert.Equal(["w2", "w3", "w4"], Names(second));
        Assert.Equal(first.Text("metadata", "resourceVersion"), second.Text("metadata", "resourceVersion"));
        Assert.Equal("", second.Text("metadata", "continue"));
    }

    [Fact]
    public async Task A_page_of_a_forgotten_moment_is_expired_and_offers_to_go_on_anyway()
    {
        Make(5);
        var first = (await Client.GetAsync(Peer.Widgets + "?limit=2")).Is(200);
        Server.Objects.Create(Peer.Widget("w9"));
        Server.CompactHistory();
        var expired = (await Client.GetAsync($"{Peer.Widgets}?limit=2&continue={first.Text("metadata", "continue")}")).Is(410);
        Assert.Equal("Expired", expired.Reason);
        Assert.Equal(
            ["w2", "w3", "w4", "w9"],
            Names((await Client.GetAsync($"{Peer.Widgets}?continue={expired.Text("metadata", "continue")}")).Is(200))
        );
    }

    [Fact]
    public async Task Versions_that_are_asked_for_are_kept_to()
    {
        Make(2);
        var then = Server.Revision;
        Server.Objects.Delete("widgets.example.io", "w0");
        Assert.Equal(
            ["w0", "w1"],
            Names((await Client.GetAsync($"{Peer.Widgets}?resourceVersion={then}&resourceVersionMatch=Exact")).Is(200))
        );
        Assert.Equal(
            ["w1"],
            Names((await Client.GetAsync($"{Peer.Widgets}?resourceVersion={then}&resourceVersionMatch=NotOlderThan")).Is(200))
        );
        Assert.Equal(["w1"], Names((await Client.GetAsync($"{Peer.Widgets}?resourceVersion=0")).Is(200)));
        var ahead = (await Client.GetAsync($"{Peer.Widgets}?resourceVersion=99999")).Is(504);
        Assert.Equal($"Timeout: Too large resource version: 99999, current: {Server.Revision}", ahead.Message);
    }

    [Theory]
    [InlineData("zone=a", "w0")]
    [InlineData("zone!=a", "w1 w2")]
    [InlineData("zone in (a,b)", "w0 w1")]
    [InlineData("zone notin (a)", "w1 w2")]
    [InlineData("zone", "w0 w1")]
    [InlineData("!zone", "w2")]
    [InlineData("zone,zone!=b", "w0")]
    public async Task Label_selectors_have_all_their_operators(string selector, string expected)
    {
        Make(3);
        Label("w0", "a");
        Label("w1", "b");
        Assert.Equal(
            expected,
            string.Join(' ', Names((await Client.GetAsync($"{Peer.Widgets}?labelSelector={Uri.EscapeDataString(selector)}")).Is(200)))
        );
    }

    [Fact]
    public async Task An_unknown_field_label_is_refused()
    {
        Assert.Equal(
            "field label not supported: spec.size",
            (await Client.GetAsync(Peer.Widgets + "?fieldSelector=spec.size%3D1")).Is(400).Message
        );
    }

    [Fact]
    public async Task A_watch_goes_on_where_a_list_ended_and_tells_selector_changes_as_coming_and_going()
    {
        Make(2);
        var listed = (await Client.GetAsync(Peer.Widgets)).Text("metadata", "resourceVersion");
        Label("w0", "a");
        using var all = await Client.WatchAsync($"{Peer.Widgets}?resourceVersion={listed}");
        using var some = await Client.WatchAsync($"{Peer.Widgets}?resourceVersion={listed}&labelSelector=zone%3Da");
        using var one = await Client.WatchAsync($"{Peer.Widgets}?resourceVersion={listed}&fieldSelector=metadata.name%3Dw1");
        Label("w0", "b");
        Label("w1", "a");
        Server.Objects.Delete("widgets.example.io", "w1");
        Assert.Equal(["MODIFIED w0", "MODIFIED w0", "MODIFIED w1", "DELETED w1"], await all.TakeAsync(4));
        Assert.Equal(["ADDED w0", "DELETED w0", "ADDED w1", "DELETED w1"], await some.TakeAsync(4));
        Assert.Equal(["MODIFIED w1", "DELETED w1"], await one.TakeAsync(2));
    }

    [Fact]
    public async Task A_watch_from_a_forgotten_version_says_that_it_is_too_old()
    {
        Make(1);
        var then = Server.Revision;
        Label("w0", "a");
        Server.CompactHistory();
        using var watch = await Client.WatchAsync($"{Peer.Widgets}?resourceVersion={then}");
        var error = (await watch.NextAsync())!;
        Assert.Equal(
            ("ERROR", "410", "Expired"),
            (error["type"]!.ToString(), error["object"]!["code"]!.ToString(), error["object"]!["reason"]!.ToString())
        );
        Assert.Null(await watch.NextAsync());
    }

    [Fact]
    public async Task A_watch_can_begin_with_what_there_is_and_marks_where_that_ends()
    {
        Make(2);
        using var watch = await Client.WatchAsync(
            $"{Peer.Widgets}?sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
        );
        Assert.Equal(["ADDED w0", "ADDED w1"], await watch.TakeAsync(2));
        var mark = (await watch.NextAsync())!;
        Assert.Equal(
            ("BOOKMARK", "true"),
            (mark["type"]!.ToString(), mark["object"]!["metadata"]!["annotations"]!["k8s.io/initial-events-end"]!.ToString())
        );
        Assert.Equal(Server.Revision.ToString(), mark["object"]!["metadata"]!["resourceVersion"]!.ToString());
        Label("w1", "a");
        Assert.Equal(["MODIFIED w1"], await watch.TakeAsync(1));
        Assert.Contains(
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            (await Client.GetAsync(Peer.Widgets + "?watch=true&sendInitialEvents=true")).Is(422).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Metadata_alone_is_told_in_lists_gets_and_watches()
    {
        Make(1);
        var list = (await Client.GetAsync(Peer.Widgets, AsMetadata)).Is(200);
        Assert.Equal(
            ("PartialObjectMetadataList", "PartialObjectMetadata", "w0"),
            (list.Text("kind"), list.Text("items", "0", "kind"), list.Text("items", "0", "metadata", "name"))
        );
        Assert.Null(list.Body["items"]![0]!["spec"]);
        Assert.Equal(
            "PartialObjectMetadata",
            (await Client.GetAsync(Peer.Widgets + "/w0", AsMetadata.Replace("List", "", StringComparison.Ordinal))).Is(200).Text("kind")
        );
        using var watch = await Client.WatchAsync(Peer.Widgets, AsMetadata.Replace("List", "", StringComparison.Ordinal));
        var added = (await watch.NextAsync())!["object"]!;
        Assert.Equal("meta.k8s.io/v1", added["apiVersion"]!.ToString());
        Assert.Null(added["spec"]);
    }

    [Fact]
    public async Task Lists_of_built_in_kinds_say_the_kind_once()
    {
        Server.Objects.Create(JsonNode.Parse("""{"apiVersion":"v1","kind":"Node","metadata":{"name":"n"}}""")!.AsObject());
        var nodes = (await Client.GetAsync("/api/v1/nodes")).Is(200);
        Assert.Equal(
            ("NodeList", "n", ""),
            (nodes.Text("kind"), nodes.Text("items", "0", "metadata", "name"), nodes.Text("items", "0", "kind"))
        );
    }

    [Fact]
    public async Task A_watch_ends_after_its_time()
    {
        using var watch = await Client.WatchAsync(Peer.Widgets + "?timeoutSeconds=1");
        Assert.Null(await watch.NextAsync());
    }

    [Fact]
    public async Task A_simulated_minute_brings_a_bookmark_and_the_end_of_a_watch()
    {
        var time = new FakeTime();
        await using var server = new SimulatedApiServer(new ApiServerOptions { Time = time, Https = false });
        await server.StartAsync();
        using var peer = new Peer(server);
        using var watch = await peer.WatchAsync(
            $"/api/v1/nodes?resourceVersion={server.Revision}&allowWatchBookmarks=true&timeoutSeconds=90"
        );
        server.Objects.Create(
            JsonNode.Parse("""{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":"default"}}""")!.AsObject()
        );
        while (time.Waiting < 2)
            await Task.Yield(); // the watch's end, and its bookmarks
        time.Advance(TimeSpan.FromSeconds(61));
        var mark = (await watch.NextAsync())!;
        Assert.Equal(
            ("BOOKMARK", server.Revision.ToString()),
            (mark["type"]!.ToString(), mark["object"]!["metadata"]!["resourceVersion"]!.ToString())
        );
        time.Advance(TimeSpan.FromSeconds(30));
        Assert.Null(await watch.NextAsync());
    }

    private void Make(int count)
    {
        for (var i = 0; i < count; i++)
            Server.Objects.Create(Peer.Widget($"w{i}"));
    }

    private void Label(string name, string zone) =>
        Server.Objects.Change("widgets.example.io", name, w => w["metadata"]!["labels"] = new JsonObject { ["zone"] = zone });

    private static string[] Names(Answer list) => [.. list.Body["items"]!.AsArray().Select(i => i!["metadata"]!["name"]!.ToString())];
}
