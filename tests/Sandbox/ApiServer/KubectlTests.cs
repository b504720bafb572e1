using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Access;
using Xunit;

namespace Hostdev.Tests.Sandbox.ApiServer;

/// <summary>The verbs of a real kubectl against the simulated server.</summary>
public abstract class KubectlTests(string version) : IAsyncLifetime
{
    private readonly SimulatedApiServer _server = new();
    private KubectlTool? _kubectl;

    private KubectlTool Tool => _kubectl!;

    public async ValueTask InitializeAsync()
    {
        await _server.StartAsync();
        await Peer.DefineWidgetsAsync(_server);
        _kubectl = new KubectlTool(_server, version: version);
    }

    public async ValueTask DisposeAsync()
    {
        _kubectl?.Dispose();
        await _server.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_definition_that_is_applied_is_served_a_moment_later_and_a_deleted_one_takes_its_objects_along()
    {
        var gadgets = (
            await System.IO.File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "testdata", "apiserver", "widgets.json"))
        )
            .Replace("widget", "gadget", StringComparison.Ordinal)
            .Replace("Widget", "Gadget", StringComparison.Ordinal)
            .Replace("\"wd\"", "\"gd\"", StringComparison.Ordinal);
        var file = Tool.File("gadgets.json", gadgets);
        Assert.Contains(
            "customresourcedefinition.apiextensions.k8s.io/gadgets.example.io created",
            (await Tool.RunAsync("apply", "-f", file)).Succeeded().Output,
            StringComparison.Ordinal
        );
        (await Tool.RunAsync("wait", "--for=condition=Established", "crd/gadgets.example.io", "--timeout=10s")).Succeeded();
        (
            await Tool.RunAsync(
                "create",
                "-f",
                Tool.File("g.json", Peer.Widget("g1").ToJsonString().Replace("Widget", "Gadget", StringComparison.Ordinal))
            )
        ).Succeeded();
        Assert.Equal("gadget.example.io/g1\n", (await Tool.RunAsync("get", "gd", "-o", "name")).Succeeded().Output);
        (await Tool.RunAsync("delete", "crd", "gadgets.example.io", "--timeout=20s")).Succeeded();
        Assert.Contains("NotFound", (await Tool.RunAsync("get", "--raw", "/apis/example.io/v1/gadgets")).Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_shows_printer_columns_and_every_other_form()
    {
        _server.Objects.Create(Peer.Widget("w1", """{"size":3}"""));
        _server.Objects.Create(Peer.Widget("w2", """{"size":4}"""));
        (await Tool.RunAsync("label", "wd", "w2", "side=left")).Succeeded();
        var table = (await Tool.RunAsync("get", "widgets")).Succeeded().Output.Split('\n');
        Assert.Equal(["NAME", "SIZE", "READY"], table[0].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(["w1", "3"], table[1].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(
            "w2",
            (await Tool.RunAsync("get", "wd", "-l", "side in (left,right)", "-o", "jsonpath={.items[*].metadata.name}")).Succeeded().Output
        );
        Assert.Equal(
            "widget.example.io/w1\n",
            (await Tool.RunAsync("get", "things", "--field-selector", "metadata.name=w1", "-o", "name")).Succeeded().Output
        );
        Assert.Contains("size: 3", (await Tool.RunAsync("get", "wd", "w1", "-o", "yaml")).Succeeded().Output, StringComparison.Ordinal);
        Assert.Equal(
            "red",
            JsonNode.Parse((await Tool.RunAsync("get", "wd", "w1", "-o", "json")).Succeeded().Output)!["spec"]!["color"]!.ToString()
        );
        (await Tool.RunAsync("get", "wd", "-o", "wide")).Succeeded();
        Assert.Equal(
            "Error from server (NotFound): widgets.example.io \"w9\" not found\n",
            (await Tool.RunAsync("get", "wd", "w9")).Errors
        );
        Assert.Contains("kube-system", (await Tool.RunAsync("get", "namespaces", "-A")).Succeeded().Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nodes_and_pods_are_created_described_labelled_patched_and_deleted()
    {
        var node = Tool.File(
            "node.yaml",
            "apiVersion: v1\nkind: Node\nmetadata: {name: node-1}\nstatus:\n  conditions:\n  - {type: Ready, status: "
                + "\"True\", reason: KubeletReady}\n"
        );
        (await Tool.RunAsync("create", "-f", node)).Succeeded();
        (await Tool.RunAsync("label", "node", "node-1", "zone=a")).Succeeded();
        // strategic merge is kubectl's own choice
        (await Tool.RunAsync("patch", "node", "node-1", "-p", """{"metadata":{"annotations":{"x":"y"}}}""")).Succeeded();
        Assert.Contains("KubeletReady", (await Tool.RunAsync("describe", "node", "node-1")).Succeeded().Output, StringComparison.Ordinal);
        Assert.Equal(
            "a y",
            (await Tool.RunAsync("get", "node", "node-1", "-o", "jsonpath={.metadata.labels.zone} {.metadata.annotations.x}"))
                .Succeeded()
                .Output
        );
        var pod = Tool.File(
            "pod.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: default}\nspec:\n  containers:\n  - {name: c, image: i}\n"
        );
        (await Tool.RunAsync("apply", "-f", pod)).Succeeded();
        Assert.Contains(
            "c",
            (
                await Tool.RunAsync(
                    "get",
                    "pods",
                    "-A",
                    "--field-selector",
                    "status.phase=Pending",
                    "-o",
                    "jsonpath={.items[0].spec.containers[0].name}"
                )
            )
                .Succeeded()
                .Output,
            StringComparison.Ordinal
        );
        (await Tool.RunAsync("delete", "pod", "p")).Succeeded();
        (await Tool.RunAsync("delete", "node", "node-1")).Succeeded();
        Assert.Empty(_server.Objects.List("nodes"));
    }

    [Fact]
    public async Task Apply_diff_and_replace_work_on_the_client_and_on_the_server()
    {
        var small = Tool.File("small.json", Peer.Widget("w1", """{"size":3}""").ToJsonString());
        var big = Tool.File("big.json", Peer.Widget("w1", """{"size":4}""").ToJsonString());
        Assert.Equal("widget.example.io/w1 created\n", (await Tool.RunAsync("apply", "-f", small)).Succeeded().Output);
        Assert.Equal("widget.example.io/w1 unchanged\n", (await Tool.RunAsync("apply", "-f", small)).Succeeded().Output);
        Assert.Equal(0, (await Tool.RunAsync("diff", "-f", small)).Code);
        var diff = await Tool.RunAsync("diff", "-f", big);
        Assert.Equal(1, diff.Code);
        Assert.Contains("+  size: 4", diff.Output, StringComparison.Ordinal);
        Assert.Equal("widget.example.io/w1 configured\n", (await Tool.RunAsync("apply", "-f", big)).Succeeded().Output);
        // From here on the fields are the server's to keep: what was applied by the client is taken over without a conflict.
        Assert.Equal(
            "widget.example.io/w1 serverside-applied\n",
            (await Tool.RunAsync("apply", "--server-side", "-f", small)).Succeeded().Output
        );
        var refused = await Tool.RunAsync("apply", "--server-side", "--field-manager=other", "-f", big);
        Assert.Contains("Apply failed with 1 conflict: conflict with \"kubectl\": .spec.size", refused.Errors, StringComparison.Ordinal);
        (await Tool.RunAsync("apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", big)).Succeeded();
        Assert.Equal("4", (await Tool.RunAsync("get", "wd", "w1", "-o", "jsonpath={.spec.size}")).Succeeded().Output);
        (await Tool.RunAsync("replace", "-f", small)).Succeeded();
        Assert.Equal(3, _server.Objects.Get("widgets.example.io", "w1")!["spec"]!["size"]!.GetValue<int>());
    }

    [Fact]
    public async Task A_field_that_the_schema_does_not_know_is_refused_by_name()
    {
        var file = Tool.File("w.json", Peer.Widget("w1", """{"sizes":3}""").ToJsonString());
        var created = await Tool.RunAsync("create", "-f", file);
        Assert.Contains("unknown field \"spec.sizes\"", created.Errors, StringComparison.Ordinal);
        var applied = await Tool.RunAsync("apply", "--server-side", "-f", file);
        Assert.Contains("sizes", applied.Errors, StringComparison.Ordinal);
        Assert.Null(_server.Objects.Get("widgets.example.io", "w1"));
        var negative = await Tool.RunAsync("create", "-f", Tool.File("n.json", Peer.Widget("w1", """{"size":-1}""").ToJsonString()));
        Assert.Contains(
            "The Widget \"w1\" is invalid: spec.size: Invalid value: -1: spec.size in body should be greater than or equal to 0",
            negative.Errors,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Edit_patch_and_annotate_change_what_is_there()
    {
        _server.Objects.Create(Peer.Widget("w1", """{"size":3}"""));
        (await Tool.RunAsync(("KUBE_EDITOR", "sed -i s/color:.red/color:\\ blue/"), ["edit", "wd", "w1"])).Succeeded();
        (
            await Tool.RunAsync(
                "patch",
                "wd",
                "w1",
                "--type=json",
                "-p",
                """[{"op":"test","path":"/spec/size","value":3},{"op":"replace","path":"/spec/size","value":5}]"""
            )
        ).Succeeded();
        (await Tool.RunAsync("patch", "wd", "w1", "--type=merge", "-p", """{"spec":{"words":["a"]}}""")).Succeeded();
        (await Tool.RunAsync("annotate", "wd", "w1", "x=y")).Succeeded();
        var stored = _server.Objects.Get("widgets.example.io", "w1")!;
        Assert.True(
            JsonNode.DeepEquals(JsonNode.Parse("""{"size":5,"color":"blue","words":["a"]}"""), stored["spec"]),
            stored.ToJsonString()
        );
        Assert.Equal("y", stored["metadata"]!["annotations"]!["x"]!.ToString());
    }

    [Fact]
    public async Task Wait_returns_when_it_is_true_and_not_before()
    {
        _server.Objects.Create(Peer.Widget("w1", """{"size":3}"""));
        Assert.Contains(
            "timed out waiting for the condition",
            (await Tool.RunAsync("wait", "--for=condition=Ready", "wd/w1", "--timeout=1s")).Errors,
            StringComparison.Ordinal
        );
        var waiting = Tool.RunAsync("wait", "--for=condition=Ready", "wd/w1", "--timeout=30s");
        _server.Objects.Change(
            "widgets.example.io",
            "w1",
            w => w["status"] = JsonNode.Parse("""{"conditions":[{"type":"Ready","status":"True"}]}"""),
            subresource: "status"
        );
        Assert.Contains("condition met", (await waiting).Succeeded().Output, StringComparison.Ordinal);
        var gone = Tool.RunAsync("wait", "--for=delete", "wd/w1", "--timeout=30s");
        (await Tool.RunAsync("delete", "wd", "w1")).Succeeded();
        await gone; // an older kubectl that comes too late says that there is no such thing
    }

    [Fact]
    public async Task Wait_for_a_value_by_its_path()
    {
        _server.Objects.Create(Peer.Widget("w1", """{"size":3}"""));
        (await Tool.RunAsync("wait", "--for=jsonpath={.spec.size}=3", "wd/w1", "--timeout=10s")).Succeeded();
    }

    [Fact]
    public async Task Get_with_watch_shows_what_happens_as_it_happens()
    {
        _server.Objects.Create(Peer.Widget("w1", """{"size":3}"""));
        using var watching = Tool.Start(null, "get", "widgets", "-w");
        Assert.StartsWith("NAME", await watching.StandardOutput.ReadLineAsync(), StringComparison.Ordinal);
        Assert.StartsWith("w1", await watching.StandardOutput.ReadLineAsync(), StringComparison.Ordinal);
        _server.Objects.Create(Peer.Widget("w2", """{"size":7}"""));
        Assert.Equal(["w2", "7"], (await watching.StandardOutput.ReadLineAsync())!.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        watching.Kill();
        await watching.WaitForExitAsync();
    }

    [Fact]
    public async Task Explain_and_api_resources_tell_what_the_definition_says()
    {
        var text = (await Tool.RunAsync("explain", "widgets.spec.size")).Succeeded().Output;
        Assert.Contains("How big it is, in metres.", text, StringComparison.Ordinal);
        Assert.Contains("<integer>", text, StringComparison.Ordinal);
        Assert.Contains(
            "A thing to try the server on.",
            (await Tool.RunAsync("explain", "wd")).Succeeded().Output,
            StringComparison.Ordinal
        );
        var line = (await Tool.RunAsync("api-resources", "--api-group=example.io")).Succeeded().Output.Split('\n')[1];
        Assert.Equal(["widgets", "wd", "example.io/v1", "false", "Widget"], line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("v1.36", (await Tool.RunAsync("version", "-o", "json")).Succeeded().Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_are_read_in_either_form()
    {
        _server.Objects.Create(
            JsonNode
                .Parse(
                    """
                    {"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"e1","namespace":"default"},
                     "eventTime":"2026-01-01T00:00:00.000000Z","reason":"Bound","note":"It was bound.",
                     "type":"Normal","action":"Bind","reportingController":"hostdev.io/agent","reportingInstance":"a",
                     "regarding":{"kind":"Widget","name":"w1","apiVersion":"example.io/v1"}}
                    """
                )!
                .AsObject()
        );
        Assert.Contains(
            "It was bound.",
            (await Tool.RunAsync("get", "events", "-o", "jsonpath={.items[0].message}")).Succeeded().Output,
            StringComparison.Ordinal
        );
        Assert.Equal(
            "It was bound.",
            (await Tool.RunAsync("get", "events.v1.events.k8s.io", "-o", "jsonpath={.items[0].note}")).Succeeded().Output
        );
        Assert.Equal(
            "e1",
            (
                await Tool.RunAsync(
                    "get",
                    "events.v1.events.k8s.io",
                    "--field-selector",
                    "regarding.name=w1",
                    "-o",
                    "jsonpath={.items[*].metadata.name}"
                )
            )
                .Succeeded()
                .Output
        );
        Assert.Contains("It was bound.", (await Tool.RunAsync("events")).Succeeded().Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Auth_can_i_answers_by_the_stored_roles()
    {
        await using var server = new SimulatedApiServer(new ApiServerOptions { Rbac = true });
        await server.StartAsync();
        await Peer.DefineWidgetsAsync(server);
        using var tool = new KubectlTool(server, server.AddUser(ApiUser.ServiceAccount("default", "reader")), version);
        Assert.StartsWith("no", (await tool.RunAsync("auth", "can-i", "list", "widgets")).Output, StringComparison.Ordinal);
        Assert.Contains(
            "widgets.example.io is forbidden: User \"system:serviceaccount:default:reader\" cannot list resource "
                + "\"widgets\" in API group \"example.io\" at the cluster scope",
            (await tool.RunAsync("get", "widgets")).Errors,
            StringComparison.Ordinal
        );
        using var admin = new KubectlTool(server, version: version);
        (
            await admin.RunAsync(
                "apply",
                "-f",
                admin.File(
                    "role.yaml",
                    """
                    apiVersion: rbac.authorization.k8s.io/v1
                    kind: ClusterRole
                    metadata: {name: reader}
                    rules: [{apiGroups: [example.io], resources: [widgets], verbs: [get, list, watch]}]
                    ---
                    apiVersion: rbac.authorization.k8s.io/v1
                    kind: ClusterRoleBinding
                    metadata: {name: reader}
                    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
                    subjects: [{kind: ServiceAccount, name: reader, namespace: default}]
                    """
                )
            )
        ).Succeeded();
        Assert.StartsWith("yes", (await tool.RunAsync("auth", "can-i", "list", "widgets")).Succeeded().Output, StringComparison.Ordinal);
        Assert.StartsWith(
            "no",
            (await admin.RunAsync("auth", "can-i", "delete", "widgets", "--as=system:serviceaccount:default:reader")).Output,
            StringComparison.Ordinal
        );
        (await tool.RunAsync("get", "widgets")).Succeeded();
        (await tool.RunAsync("auth", "can-i", "--list")).Succeeded();
    }

    [Fact]
    public async Task Accounts_and_roles_are_created_in_few_words_and_decide_who_may_what()
    {
        await using var server = new SimulatedApiServer(new ApiServerOptions { Rbac = true });
        await server.StartAsync();
        await Peer.DefineWidgetsAsync(server);
        using var admin = new KubectlTool(server, version: version);
        Task<ToolResult> AsReaderAsync(params string[] question) =>
            admin.RunAsync(["auth", "can-i", .. question, "--as=system:serviceaccount:team:reader"]);
        Assert.Equal("namespace/team created\n", (await admin.RunAsync("create", "namespace", "team")).Succeeded().Output);
        Assert.Equal(
            "serviceaccount/reader created\n",
            (await admin.RunAsync("create", "serviceaccount", "reader", "-n", "team", "--save-config")).Succeeded().Output
        );
        Assert.StartsWith("no", (await AsReaderAsync("list", "widgets")).Output, StringComparison.Ordinal);
        (await admin.RunAsync("create", "clusterrole", "reader", "--verb=get,list,watch", "--resource=widgets.example.io")).Succeeded();
        (
            await admin.RunAsync("create", "clusterrolebinding", "reader", "--clusterrole=reader", "--serviceaccount=team:reader")
        ).Succeeded();
        (await admin.RunAsync("create", "role", "p", "-n", "team", "--verb=get", "--resource=pods", "--resource-name=mine")).Succeeded();
        (await admin.RunAsync("create", "rolebinding", "p", "-n", "team", "--role=p", "--serviceaccount=team:reader")).Succeeded();
        Assert.StartsWith("yes", (await AsReaderAsync("list", "widgets")).Succeeded().Output, StringComparison.Ordinal);
        Assert.StartsWith("no", (await AsReaderAsync("delete", "widgets")).Output, StringComparison.Ordinal);
        Assert.StartsWith("yes", (await AsReaderAsync("get", "pods/mine", "-n", "team")).Succeeded().Output, StringComparison.Ordinal);
        Assert.StartsWith("no", (await AsReaderAsync("get", "pods/other", "-n", "team")).Output, StringComparison.Ordinal);
        Assert.StartsWith("no", (await AsReaderAsync("get", "pods/mine", "-n", "default")).Output, StringComparison.Ordinal);
        (await admin.RunAsync("get", "widgets", "--as=system:serviceaccount:team:reader")).Succeeded();
        Assert.Contains(
            "\"name\":\"reader\"",
            server.Objects.Get("serviceaccounts", "reader", "team")!["metadata"]!["annotations"]![
                "kubectl.kubernetes.io/last-applied-configuration"
            ]!.ToString(),
            StringComparison.Ordinal
        );
        Assert.Equal(
            "Error from server (AlreadyExists): namespaces \"team\" already exists\n",
            (await admin.RunAsync("create", "namespace", "team")).Errors
        );
    }

    /// <summary>What typed clients of kubectl 1.35 send in protobuf, and what is stored of it; those of 1.30 send JSON.</summary>
    [Theory]
    [InlineData("configmaps", "c", "data", """{"a":"b"}""", "create", "configmap", "c", "--from-literal=a=b")]
    [InlineData("secrets", "s", "data", """{"a":"Yg=="}""", "create", "secret", "generic", "s", "--from-literal=a=b")]
    [InlineData("priorityclasses.scheduling.k8s.io", "p", "value", "-7", "create", "priorityclass", "p", "--value=-7")]
    [InlineData(
        "poddisruptionbudgets.policy",
        "b",
        "spec.minAvailable",
        "\"50%\"",
        "create",
        "pdb",
        "b",
        "--selector=a=b",
        "--min-available=50%"
    )]
    [InlineData("services", "v", "spec.ports.0.targetPort", "8080", "create", "service", "clusterip", "v", "--tcp=80:8080")]
    [InlineData("deployments.apps", "d", "spec.replicas", "0", "create", "deployment", "d", "--image=i", "--replicas=0")]
    [InlineData(
        "deployments.apps",
        "d",
        "spec.template.spec.containers.0.ports.0.containerPort",
        "80",
        "create",
        "deployment",
        "d",
        "--image=i",
        "--port=80"
    )]
    [InlineData(
        "jobs.batch",
        "j",
        "spec.template.spec.containers.0.command",
        """["echo","hi"]""",
        "create",
        "job",
        "j",
        "--image=i",
        "--",
        "echo",
        "hi"
    )]
    public async Task Create_makes_objects_of_built_in_kinds_in_few_words(
        string resource,
        string name,
        string path,
        string json,
        params string[] arguments
    )
    {
        (await Tool.RunAsync(arguments)).Succeeded();
        var stored = _server.Objects.Get(resource, name, resource == "priorityclasses.scheduling.k8s.io" ? "" : "default")!;
        var found = path.Split('.').Aggregate((JsonNode?)stored, (at, step) => at is JsonArray list ? list[int.Parse(step)] : at?[step]);
        Assert.Equal(json, found?.ToJsonString());
        var inProtobuf = _server.Requests.All.Any(r => r is { Verb: "create", ContentType: "application/vnd.kubernetes.protobuf" });
        Assert.Equal(version == KubeTool.Newest, inProtobuf);
    }

    [Fact]
    public async Task Drain_deletes_the_pods_of_a_node_and_keeps_others_from_it()
    {
        _server.Objects.Create(JsonNode.Parse("""{"apiVersion":"v1","kind":"Node","metadata":{"name":"node-1"}}""")!.AsObject());
        _server.Objects.Create(
            JsonNode
                .Parse(
                    """
                    {"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"default"},
                     "spec":{"nodeName":"node-1","containers":[{"name":"c","image":"i"}]}}
                    """
                )!
                .AsObject()
        );
        (await Tool.RunAsync("drain", "node-1", "--force", "--grace-period=0", "--timeout=30s")).Succeeded();
        Assert.Empty(_server.Objects.List("pods"));
        Assert.True((bool)_server.Objects.Get("nodes", "node-1")!["spec"]!["unschedulable"]!);
    }

    [Theory]
    [InlineData("the server could not find the requested resource", "scale", "deployment", "d", "--replicas=2")]
    [InlineData("the server could not find the requested resource", "create", "quota", "q")]
    [InlineData("the server could not find the requested resource", "create", "token", "default")]
    public async Task What_kubectl_cannot_do_here_is_refused_in_plain_words(string why, params string[] arguments)
    {
        _server.Objects.Create(
            JsonNode
                .Parse(
                    """
                    {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","namespace":"default"},
                     "spec":{"selector":{"matchLabels":{"a":"b"}},"template":{}}}
                    """
                )!
                .AsObject()
        );
        var refused = await Tool.RunAsync(arguments);
        Assert.Equal(1, refused.Code);
        Assert.Contains(why, refused.Errors, StringComparison.Ordinal);
    }
}

/// <summary>kubectl 1.35, or the one that HOSTDEV_KUBECTL names.</summary>
public sealed class Kubectl35Tests() : KubectlTests(KubeTool.Newest);

/// <summary>The kubectl of the oldest Kubernetes that is supported.</summary>
public sealed class Kubectl30Tests() : KubectlTests(KubeTool.Oldest);
