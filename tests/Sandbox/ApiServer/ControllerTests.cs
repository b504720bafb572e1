using System.Text.Json.Nodes;
using Xunit;

namespace Hostdev.Tests.Sandbox.ApiServer;

/// <summary>What goes with what, and a cluster of some size.</summary>
public sealed class ControllerTests : WidgetTests
{
    [Fact]
    public async Task Objects_go_with_the_last_of_their_owners()
    {
        var (one, two) = (Node("one"), Node("two"));
        Owned("both", one, two);
        Owned("single", one);
        (await Client.DeleteAsync("/api/v1/nodes/one")).Is(200);
        await Server.SettleAsync();
        Assert.Null(Server.Objects.Get("widgets.example.io", "single"));
        Assert.Equal(
            "two",
            Assert.Single(Server.Objects.Get("widgets.example.io", "both")!["metadata"]!["ownerReferences"]!.AsArray())!["name"]!.ToString()
        );
        (await Client.DeleteAsync("/api/v1/nodes/two")).Is(200);
        await Server.SettleAsync();
        Assert.Null(Server.Objects.Get("widgets.example.io", "both"));
    }

    [Fact]
    public async Task An_owner_of_the_same_name_and_another_uid_is_another_owner()
    {
        var one = Node("one");
        one["metadata"]!["uid"] = "somebody-else";
        Owned("orphan", one);
        await Server.SettleAsync();
        Assert.Null(Server.Objects.Get("widgets.example.io", "orphan"));
    }

    [Theory]
    [InlineData("Foreground", false)]
    [InlineData("Orphan", true)]
    public async Task The_propagation_decides_what_becomes_of_dependents(string policy, bool stays)
    {
        Owned("w", Node("one"));
        (await Client.DeleteAsync("/api/v1/nodes/one", $$"""{"propagationPolicy":"{{policy}}"}""")).Is(200);
        await Server.SettleAsync();
        Assert.Null(Server.Objects.Get("nodes", "one"));
        Assert.Equal(stays, Server.Objects.Get("widgets.example.io", "w") is not null);
    }

    [Fact]
    public async Task A_namespace_takes_its_objects_along()
    {
        Server.Objects.Create(JsonNode.Parse("""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n"}}""")!.AsObject());
        Server.Objects.Create(
            JsonNode.Parse("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"n"}}""")!.AsObject()
        );
        Assert.Equal("Terminating", (await Client.DeleteAsync("/api/v1/namespaces/n")).Is(200).Text("status", "phase"));
        await Server.SettleAsync();
        (await Client.GetAsync("/api/v1/namespaces/n")).Is(404);
        Assert.Empty(Server.Objects.List("configmaps"));
        Assert.Equal(
            "namespaces \"n\" not found",
            (
                await Client.CreateAsync(
                    "/api/v1/namespaces/n/configmaps",
                    JsonNode.Parse("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}""")!
                )
            )
                .Is(404)
                .Message
        );
    }

    [Fact]
    public async Task A_deleted_definition_ends_watches_with_deletions_and_its_paths_are_gone()
    {
        Server.Objects.Create(Peer.Widget("w1"));
        using var watch = await Client.WatchAsync(Peer.Widgets);
        (await Client.DeleteAsync("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.io")).Is(200);
        Assert.Equal(["ADDED w1", "DELETED w1"], await watch.TakeAsync(2));
        await Server.SettleAsync();
        Assert.Equal("the server could not find the requested resource", (await Client.GetAsync(Peer.Widgets)).Is(404).Message);
    }

    [Fact]
    public async Task A_pod_on_a_node_is_ended_by_its_kubelet()
    {
        Server.Objects.Create(
            JsonNode
                .Parse(
                    """{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"default"},"spec":"""
                        + """{"nodeName":"n","containers":[{"name":"c","image":"i"}]}}"""
                )!
                .AsObject()
        );
        var ending = (await Client.DeleteAsync("/api/v1/namespaces/default/pods/p")).Is(200);
        Assert.Equal("30", ending.Text("metadata", "deletionGracePeriodSeconds"));
        (await Client.GetAsync("/api/v1/namespaces/default/pods/p")).Is(200);
        (await Client.DeleteAsync("/api/v1/namespaces/default/pods/p?gracePeriodSeconds=0")).Is(200);
        (await Client.GetAsync("/api/v1/namespaces/default/pods/p")).Is(404);
    }

    /// <summary>
    /// A thousand watches of one object each, and changes to all: each hears of its own alone. Quadratic work would take minutes.
    /// </summary>
    [Fact]
    public async Task A_thousand_objects_each_with_its_own_watch()
    {
        var note = new string('x', 16 * 1024);
        for (var i = 0; i < 1000; i++)
            Server.Objects.Create(Peer.Widget($"w{i:D4}", """{"size":1}"""));
        var watches = new List<WatchPeer>();
        for (var i = 0; i < 1000; i++)
            watches.Add(await Client.WatchAsync($"{Peer.Widgets}?fieldSelector=metadata.name%3Dw{i:D4}&resourceVersion={Server.Revision}"));
        for (var i = 0; i < 1000; i++)
            Server.Objects.Change(
                "widgets.example.io",
                $"w{i:D4}",
                w => w["status"] = new JsonObject { ["note"] = note },
                subresource: "status"
            );
        for (var i = 0; i < 1000; i++)
            Assert.Equal([$"MODIFIED w{i:D4}"], await watches[i].TakeAsync(1));
        foreach (var watch in watches)
            watch.Dispose();
    }

    private JsonObject Node(string name) =>
        Server.Objects.Create(JsonNode.Parse($$"""{"apiVersion":"v1","kind":"Node","metadata":{"name":"{{name}}" } }""")!.AsObject());

    private void Owned(string name, params JsonObject[] owners)
    {
        var json = Peer.Widget(name);
        json["metadata"]!["ownerReferences"] = new JsonArray([
            .. owners.Select(o => new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Node",
                ["name"] = o["metadata"]!["name"]!.ToString(),
                ["uid"] = o["metadata"]!["uid"]!.ToString(),
            }),
        ]);
        Server.Objects.Create(json);
    }
}
