using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.ApiServer.Schema;
using Xunit;

namespace Hostdev.Tests.Sandbox.ApiServer;

/// <summary>Create, read, update, patch and delete over HTTP, with the real server's words.</summary>
public sealed class ObjectTests : WidgetTests
{
    [Fact]
    public async Task An_object_of_a_built_in_kind_may_leave_out_what_the_path_says_and_one_of_a_definition_may_not()
    {
        const string path = "/api/v1/namespaces/default/configmaps";
        var made = (await Client.CreateAsync(path, JsonNode.Parse("""{"metadata":{"name":"c"},"data":{"a":"b"}}""")!)).Is(201);
        Assert.Equal(("v1", "ConfigMap"), (made.Text("apiVersion"), made.Text("kind")));
        (await Client.ReplaceAsync(path + "/c", JsonNode.Parse("""{"metadata":{"name":"c"},"data":{"a":"c"}}""")!)).Is(200);
        var refused = (await Client.CreateAsync(Peer.Widgets, JsonNode.Parse("""{"metadata":{"name":"w"}}""")!)).Is(400);
        Assert.StartsWith("Object 'Kind' is missing in ", refused.Message, StringComparison.Ordinal);
        var applied = (await Client.ApplyAsync(path + "/c", JsonNode.Parse("""{"apiVersion":"v1","data":{"a":"d"}}""")!, "one")).Is(400);
        Assert.StartsWith("Object 'Kind' is missing in ", applied.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_created_gets_a_uid_a_generation_defaults_and_no_status()
    {
        var json = Peer.Widget("w1", """{"size":3}""");
        json["status"] = new JsonObject { ["note"] = "not here" };
        var made = (await Client.CreateAsync(Peer.Widgets, json)).Is(201);
        Assert.Equal("1", made.Text("metadata", "generation"));
        Assert.Equal(36, made.Text("metadata", "uid").Length);
        Assert.Equal("red", made.Text("spec", "color"));
        Assert.Null(made.Body["status"]);
        var again = (await Client.CreateAsync(Peer.Widgets, Peer.Widget("w1"))).Is(409);
        Assert.Equal(("AlreadyExists", "widgets.example.io \"w1\" already exists"), (again.Reason, again.Message));
        Assert.Equal("widgets.example.io \"w2\" not found", (await Client.GetAsync(Peer.Widgets + "/w2")).Is(404).Message);
    }

    [Fact]
    public async Task A_generated_name_begins_as_asked()
    {
        var json = Peer.Widget("");
        json["metadata"] = new JsonObject { ["generateName"] = "w-" };
        Assert.Matches("^w-[a-z0-9]{5}$", (await Client.CreateAsync(Peer.Widgets, json)).Is(201).Text("metadata", "name"));
        var nameless = (await Client.CreateAsync(Peer.Widgets, Peer.Widget(""))).Is(422);
        Assert.Equal(
            "Widget.example.io \"\" is invalid: metadata.name: Required value: name or generateName is required",
            nameless.Message
        );
    }

    [Fact]
    public async Task An_update_of_an_old_version_conflicts_and_one_without_a_version_is_refused()
    {
        var made = (await Client.CreateAsync(Peer.Widgets, Peer.Widget("w1"))).Is(201).Body;
        (await Client.MergeAsync(Peer.Widgets + "/w1", """{"spec":{"size":1}}""")).Is(200);
        var late = (await Client.ReplaceAsync(Peer.Widgets + "/w1", made)).Is(409);
        Assert.Equal(
            "Operation cannot be fulfilled on widgets.example.io \"w1\": the object has been modified; please apply "
                + "your changes to the latest version and try again",
            late.Message
        );
        Assert.Equal("Conflict", late.Reason);
        Assert.Contains(
            "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update",
            (await Client.ReplaceAsync(Peer.Widgets + "/w1", Peer.Widget("w1"))).Is(422).Message,
            StringComparison.Ordinal
        );
        Assert.Equal(
            "Conflict",
            (
                await Client.MergeAsync(
                    Peer.Widgets + "/w1",
                    $$"""{"metadata":{"resourceVersion":"{{made["metadata"]!["resourceVersion"]}}" },"spec":{"size":2} }"""
                )
            )
                .Is(409)
                .Reason
        );
    }

    [Fact]
    public async Task Spec_and_status_are_written_apart_and_only_the_spec_counts_generations()
    {
        (await Client.CreateAsync(Peer.Widgets, Peer.Widget("w1"))).Is(201);
        var status = (
            await Client.MergeAsync(
                Peer.Widgets + "/w1/status",
                """{"metadata":{"labels":{"a":"b"}},"spec":{"size":9},"status":{"note":"n"}}"""
            )
        ).Is(200);
        Assert.Equal(("n", "1", ""), (status.Text("status", "note"), status.Text("metadata", "generation"), status.Text("spec", "size")));
        Assert.Null(status.Body["metadata"]!["labels"]);
        var spec = (await Client.MergeAsync(Peer.Widgets + "/w1", """{"spec":{"size":9},"status":{"note":"other"}}""")).Is(200);
        Assert.Equal(("n", "2"), (spec.Text("status", "note"), spec.Text("metadata", "generation")));
        Assert.Equal(
            "2",
            (await Client.MergeAsync(Peer.Widgets + "/w1", """{"metadata":{"labels":{"a":"b"}}}""")).Is(200).Text("metadata", "generation")
        );
    }

    [Fact]
    public async Task A_write_that_changes_nothing_makes_no_revision()
    {
        (await Client.CreateAsync(Peer.Widgets, Peer.Widget("w1", """{"size":3}"""))).Is(201);
        var before = Server.Revision;
        (await Client.MergeAsync(Peer.Widgets + "/w1", """{"spec":{"size":3}}""")).Is(200);
        Assert.Equal(before, Server.Revision);
        Assert.Null(Server.Requests.All[^1].Revision);
        (await Client.MergeAsync(Peer.Widgets + "/w1?dryRun=All", """{"spec":{"size":4}}""")).Is(200);
        (await Client.CreateAsync(Peer.Widgets + "?dryRun=All", Peer.Widget("w2"))).Is(201);
        Assert.Equal(before, Server.Revision);
        Assert.Single(Server.Requests.Changes, r => r.Resource == "widgets");
    }

    [Fact]
    public async Task What_the_schema_refuses_is_named_field_by_field()
    {
        var wrong = (await Client.CreateAsync(Peer.Widgets, Peer.Widget("w1", """{"size":-1,"parts":[{"count":1}]}"""))).Is(422);
        Assert.Equal("Invalid", wrong.Reason);
        Assert.Contains("spec.size", wrong.Body["details"]!["causes"]!.AsArray().Select(c => c!["field"]!.ToString()));
        Assert.Contains("spec.parts[0].name: Required value", wrong.Message, StringComparison.Ordinal);
        var strict = (await Client.CreateAsync(Peer.Widgets + "?fieldValidation=Strict", Peer.Widget("w1", """{"sizes":1}"""))).Is(400);
        Assert.Equal(
            "Widget in version \"v1\" cannot be handled as a Widget: strict decoding error: unknown field \"spec.sizes\"",
            strict.Message
        );
        var warned = (await Client.CreateAsync(Peer.Widgets, Peer.Widget("w1", """{"sizes":1}"""))).Is(201);
        Assert.Equal("299 - \"unknown field \\\"spec.sizes\\\"\"", warned.Headers.GetValues("Warning").Single());
        Assert.Null(warned.Body["spec"]!["sizes"]);
    }

    [Fact]
    public async Task A_finalizer_holds_a_deleted_object_until_it_is_taken_away()
    {
        var json = Peer.Widget("w1");
        json["metadata"]!["finalizers"] = new JsonArray("example.io/keep");
        (await Client.CreateAsync(Peer.Widgets, json)).Is(201);
        Assert.NotEqual("", (await Client.DeleteAsync(Peer.Widgets + "/w1")).Is(200).Text("metadata", "deletionTimestamp"));
        Assert.Contains(
            "no new finalizers can be added if the object is being deleted",
            (await Client.MergeAsync(Peer.Widgets + "/w1", """{"metadata":{"finalizers":["example.io/keep","example.io/more"]}}"""))
                .Is(422)
                .Message,
            StringComparison.Ordinal
        );
        (await Client.MergeAsync(Peer.Widgets + "/w1", """{"metadata":{"finalizers":null}}""")).Is(200);
        (await Client.GetAsync(Peer.Widgets + "/w1")).Is(404);
    }

    [Fact]
    public async Task A_deletion_can_demand_which_object_it_means()
    {
        (await Client.CreateAsync(Peer.Widgets, Peer.Widget("w1"))).Is(201);
        var refused = (await Client.DeleteAsync(Peer.Widgets + "/w1", """{"preconditions":{"uid":"another"}}""")).Is(409);
        Assert.Contains(
            "Precondition failed: UID in precondition: another, UID in object meta: ",
            refused.Message,
            StringComparison.Ordinal
        );
        var gone = (await Client.DeleteAsync(Peer.Widgets + "/w1")).Is(200);
        Assert.Equal(("Success", "w1", "widgets"), (gone.Text("status"), gone.Text("details", "name"), gone.Text("details", "kind")));
    }

    [Fact]
    public async Task Rules_of_schemas_and_of_admission_refuse_in_their_words_and_admission_sees_who_writes_what()
    {
        Server.AddSchemaRules(
            (_, json, _) =>
                json["spec"]?["color"]?.ToString() == "green" ? [FieldError.Invalid("spec.color", "green", "take another colour")] : []
        );
        Server.AddAdmissionRule(r =>
            r.Resource.Plural == "widgets" && r.User.Extra.TryGetValue(ApiUser.NodeNameKey, out var node) && node[0] != r.Name
                ? new AdmissionRefusal("write your own")
                : null
        );
        var green = (await Client.CreateAsync(Peer.Widgets, Peer.Widget("node-1", """{"color":"green"}"""))).Is(422);
        Assert.Equal("Widget.example.io \"node-1\" is invalid: spec.color: Invalid value: \"green\": take another colour", green.Message);
        using var agent = new Peer(Server, Server.AddUser(ApiUser.ServiceAccount("hostdev-system", "agent", "node-1")));
        (await agent.CreateAsync(Peer.Widgets, Peer.Widget("node-1"))).Is(201);
        var other = (await agent.CreateAsync(Peer.Widgets, Peer.Widget("node-2"))).Is(422);
        Assert.Equal("widgets.example.io \"node-2\" is forbidden: write your own", other.Message);
        Assert.Equal("system:serviceaccount:hostdev-system:agent", Server.Requests.Changes[^1].User);
    }

    [Fact]
    public async Task Strategic_merge_patch_merges_lists_by_their_key_and_custom_resources_do_not_know_it()
    {
        (
            await Client.CreateAsync(
                "/api/v1/nodes",
                JsonNode.Parse(
                    """{"apiVersion":"v1","kind":"Node","metadata":{"name":"n"},"status":{"conditions":["""
                        + """{"type":"Ready","status":"True"},{"type":"Disk","status":"False"}]}}"""
                )!
            )
        ).Is(201);
        var patch = JsonNode.Parse(
            """{"status":{"$setElementOrder/conditions":[{"type":"Ready"},"""
                + """{"type":"Disk"}],"conditions":[{"type":"Ready","status":"Unknown"}]}}"""
        );
        var patched = (
            await Client.SendAsync(HttpMethod.Patch, "/api/v1/nodes/n/status", patch, "application/strategic-merge-patch+json")
        ).Is(200);
        Assert.Equal(
            ("Unknown", "False"),
            (patched.Text("status", "conditions", "0", "status"), patched.Text("status", "conditions", "1", "status"))
        );
        (await Client.CreateAsync(Peer.Widgets, Peer.Widget("w1"))).Is(201);
        Assert.Equal(
            "UnsupportedMediaType",
            (await Client.SendAsync(HttpMethod.Patch, Peer.Widgets + "/w1", patch, "application/strategic-merge-patch+json")).Is(415).Reason
        );
    }
}
