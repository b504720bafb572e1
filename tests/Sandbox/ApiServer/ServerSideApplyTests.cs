using System.Text.Json.Nodes;
using Xunit;

namespace Hostdev.Tests.Sandbox.ApiServer;

/// <summary>Server-side apply: who owns what, and what happens to it.</summary>
public sealed class ServerSideApplyTests : WidgetTests
{
    private const string W1 = Peer.Widgets + "/w1";

    [Fact]
    public async Task Another_appliers_value_is_a_conflict_and_force_takes_it()
    {
        (await ApplyAsync("""{"size":1}""", "one")).Is(201);
        var refused = (await ApplyAsync("""{"size":2,"color":"blue"}""", "two")).Is(409);
        Assert.Equal("Apply failed with 1 conflict: conflict with \"one\": .spec.size", refused.Message);
        Assert.Equal(
            ("FieldManagerConflict", ".spec.size", "conflict with \"one\""),
            (
                refused.Text("details", "causes", "0", "reason"),
                refused.Text("details", "causes", "0", "field"),
                refused.Text("details", "causes", "0", "message")
            )
        );
        Assert.Equal("2", (await ApplyAsync("""{"size":2}""", "two", force: true)).Is(200).Text("spec", "size"));
        Assert.Equal("""{"f:spec":{"f:size":{}}}""", Fields("two"));
        Assert.Null(Fields("one"));
    }

    [Fact]
    public async Task An_updaters_value_is_a_conflict_too_with_its_version_and_time()
    {
        (await Client.CreateAsync(Peer.Widgets + "?fieldManager=maker", Peer.Widget("w1", """{"size":1,"tags":["a"]}"""))).Is(201);
        Assert.Matches(
            "^Apply failed with 1 conflict: conflict with \"maker\" using example.io/v1 at [0-9T:-]+Z: .spec.size$",
            (await ApplyAsync("""{"size":2}""", "one")).Is(409).Message
        );
        (await ApplyAsync("""{"size":1}""", "one")).Is(200); // the same value is shared
        var two = (await ApplyAsync("""{"size":3,"color":"blue"}""", "two")).Is(409);
        Assert.StartsWith(
            "Apply failed with 3 conflicts: conflicts with \"maker\" using example.io/v1 at ",
            two.Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "\n- .spec.color\n- .spec.size\nconflicts with \"one\":\n- .spec.size",
            "\n" + string.Join('\n', two.Message.Split('\n')[1..]) is var text && text.StartsWith("\n- ", StringComparison.Ordinal)
                ? text
                : two.Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task What_is_applied_no_longer_goes_unless_somebody_else_owns_it()
    {
        (await ApplyAsync("""{"size":1,"color":"blue","limits":{"a":"1","b":"2"}}""", "one")).Is(201);
        (await ApplyAsync("""{"size":1,"limits":{"b":"2"}}""", "two")).Is(200);
        var rest = (await ApplyAsync("""{"limits":{"a":"1"}}""", "one")).Is(200);
        Assert.True(
            JsonNode.DeepEquals(JsonNode.Parse("""{"size":1,"color":"red","limits":{"a":"1","b":"2"}}"""), rest.Body["spec"]),
            rest.Body.ToJsonString()
        );
        Assert.Equal("""{"f:spec":{"f:limits":{"f:a":{}}}}""", Fields("one"));
    }

    [Fact]
    public async Task Lists_are_merged_by_their_type()
    {
        (await ApplyAsync("""{"parts":[{"name":"a","count":1},{"name":"b"}],"tags":["x","y"],"words":["p"]}""", "one")).Is(201);
        var merged = (await ApplyAsync("""{"parts":[{"name":"c"},{"name":"a"}],"tags":["z","y"]}""", "two")).Is(200);
        Assert.Equal("""[{"name":"c"},{"name":"a","count":1},{"name":"b"}]""", merged.Body["spec"]!["parts"]!.ToJsonString());
        Assert.Equal("""["x","z","y"]""", merged.Body["spec"]!["tags"]!.ToJsonString());
        Assert.Equal(
            """{"f:spec":{"f:parts":{"k:{\"name\":\"a\"}":{".":{},"f:name":{}},"k:{\"name\":\"c\"}":{".":{},"f:name":{"""
                + """}}},"f:tags":{"v:\"y\"":{},"v:\"z\"":{}}}}""",
            Fields("two")
        );
        Assert.Equal(
            "Apply failed with 1 conflict: conflict with \"one\": .spec.words",
            (await ApplyAsync("""{"words":["p","q"]}""", "two")).Is(409).Message
        );
        Assert.Equal(
            "Apply failed with 1 conflict: conflict with \"one\": .spec.parts[name=\"a\"].count",
            (await ApplyAsync("""{"parts":[{"name":"a","count":2}]}""", "two")).Is(409).Message
        );
        var less = (await ApplyAsync("""{"parts":[{"name":"b"}],"words":["p"]}""", "one")).Is(200);
        Assert.Equal("""[{"name":"c"},{"name":"a"},{"name":"b"}]""", less.Body["spec"]!["parts"]!.ToJsonString());
        Assert.Equal("""["z","y"]""", less.Body["spec"]!["tags"]!.ToJsonString());
    }

    [Fact]
    public async Task An_update_takes_what_it_changes_and_status_has_its_own_owner()
    {
        (await ApplyAsync("""{"size":1,"words":["p"]}""", "one")).Is(201);
        (await Client.MergeAsync(W1 + "?fieldManager=editor", """{"spec":{"size":2}}""")).Is(200);
        Assert.Equal("""{"f:spec":{"f:words":{}}}""", Fields("one"));
        Assert.Equal("""{"f:spec":{"f:size":{}}}""", Fields("editor"));
        (await Client.MergeAsync(W1 + "/status?fieldManager=editor", """{"status":{"note":"n"}}""")).Is(200);
        Assert.Equal("""{"f:status":{".":{},"f:note":{}}}""", Fields("editor", "status"));
        var applied = Peer.Widget("w1");
        applied.Remove("spec");
        applied["status"] = new JsonObject { ["conditions"] = JsonNode.Parse("""[{"type":"Ready","status":"True"}]""") };
        (await Client.ApplyAsync(W1 + "/status", applied, "agent")).Is(200);
        Assert.Equal(
            """{"f:status":{"f:conditions":{"k:{\"type\":\"Ready\"}":{".":{},"f:status":{},"f:type":{}}}}}""",
            Fields("agent", "status")
        );
    }

    [Fact]
    public async Task The_same_configuration_again_changes_nothing()
    {
        (await ApplyAsync("""{"size":1,"parts":[{"name":"a"}]}""", "one")).Is(201);
        var before = Server.Revision;
        (await ApplyAsync("""{"size":1,"parts":[{"name":"a"}]}""", "one")).Is(200);
        Assert.Equal(before, Server.Revision);
    }

    [Fact]
    public async Task Owners_follow_a_definition_that_makes_one_value_of_a_list_and_one_that_divides_it_again()
    {
        (await ApplyAsync("""{"parts":[{"name":"a","count":1}],"color":"blue"}""", "one")).Is(201);
        (await ApplyAsync("""{"parts":[{"name":"b"}]}""", "two")).Is(200);
        await ChangeAsync(spec =>
        {
            spec["parts"]!["x-kubernetes-list-type"] = "atomic";
            spec["parts"]!.AsObject().Remove("x-kubernetes-list-map-keys");
            spec.Remove("color");
        });
        (await Client.MergeAsync(W1 + "?fieldManager=editor", """{"spec":{"size":2}}""")).Is(200);
        Assert.Equal("""{"f:spec":{"f:parts":{}}}""", Fields("two"));
        var refused = (await ApplyAsync("""{"parts":[]}""", "three")).Is(409);
        Assert.Equal(
            "Apply failed with 2 conflicts: conflicts with \"one\":\n- .spec.parts\nconflicts with \"two\":\n- .spec.parts",
            refused.Message
        );
        Assert.Null((await Client.GetAsync(W1)).Is(200).Body["spec"]!["color"]); // its place is gone, and with it what is read
        (await ApplyAsync("""{"parts":[{"name":"a","count":1},{"name":"b"}]}""", "one")).Is(200);

        await ChangeAsync(spec =>
        {
            spec["parts"]!["x-kubernetes-list-type"] = "map";
            spec["parts"]!["x-kubernetes-list-map-keys"] = new JsonArray("name");
        });
        (await ApplyAsync("""{"parts":[{"name":"c"}]}""", "three")).Is(200);
        Assert.Equal(
            """{"f:spec":{"f:parts":{".":{},"k:{\"name\":\"a\"}":{".":{},"f:count":{},"f:name":{}},"k:{\"name\":"""
                + """\"b\"}":{".":{},"f:name":{}}}}}""",
            Fields("two")
        );
        const string count = ".spec.parts[name=\"a\"].count";
        refused = (await ApplyAsync("""{"parts":[{"name":"a","count":2}]}""", "three")).Is(409);
        Assert.Equal(
            $"Apply failed with 2 conflicts: conflicts with \"one\":\n- {count}\nconflicts with \"two\":\n- {count}",
            refused.Message
        );
    }

    [Fact]
    public async Task What_does_not_fit_is_refused()
    {
        // A 500 without a reason, to this day: kubernetes/kubernetes issues 122480 and 139253.
        Assert.Equal(
            "failed to create typed patch object (/w1; example.io/v1, Kind=Widget): .spec.sizes: field not declared in schema",
            (await ApplyAsync("""{"sizes":1}""", "one")).Is(500).Message
        );
        Assert.Contains(
            ".spec.parts: duplicate entries for key [name=\"a\"]",
            (await ApplyAsync("""{"parts":[{"name":"a"},{"name":"a"}]}""", "one")).Is(500).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "fieldManager: Required value: is required for apply patch",
            (await Client.SendAsync(HttpMethod.Patch, W1, Peer.Widget("w1"), "application/apply-patch+yaml")).Is(422).Message,
            StringComparison.Ordinal
        );
        var managed = Peer.Widget("w1");
        managed["metadata"]!["managedFields"] = new JsonArray();
        Assert.Equal("metadata.managedFields must be nil", (await Client.ApplyAsync(W1, managed, "one")).Is(400).Message);
    }

    private async Task ChangeAsync(Action<JsonObject> change)
    {
        Server.Objects.Change(
            "customresourcedefinitions.apiextensions.k8s.io",
            "widgets.example.io",
            definition =>
                change(
                    definition["spec"]!["versions"]![0]!["schema"]!["openAPIV3Schema"]!["properties"]!["spec"]!["properties"]!.AsObject()
                )
        );
        await Server.SettleAsync();
    }

    private Task<Answer> ApplyAsync(string spec, string manager, bool force = false) =>
        Client.ApplyAsync(W1, Peer.Widget("w1", spec), manager, force);

    private string? Fields(string manager, string? subresource = null) =>
        Server.Objects.Get("widgets.example.io", "w1")!["metadata"]!["managedFields"]!
            .AsArray()
            .FirstOrDefault(e => e!["manager"]!.ToString() == manager && e["subresource"]?.ToString() == subresource)
            ?["fieldsV1"]!.ToJsonString(s_plain);

    private static readonly System.Text.Json.JsonSerializerOptions s_plain = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
}
