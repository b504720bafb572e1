using System.Collections.Frozen;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.ApiServer.Patching;
using Hostdev.Sandbox.Cluster;
using Hostdev.Tests.Sandbox.ApiServer;
using Xunit;
using static Hostdev.Tests.Charts.AdmissionWords;

namespace Hostdev.Tests.Charts;

/// <summary>
/// The chart's admission policies, as helm renders them and as an API server evaluates them: who writes what, and what is said against it.
/// Everybody has every right here, so that nothing but the policies refuses.
/// </summary>
public sealed class ChartAdmissionTests(ChartAdmissionTests.Cluster cluster) : IClassFixture<ChartAdmissionTests.Cluster>
{
    private const string Ns = SandboxCluster.SystemNamespace;
    private const string Agent = "the agent of node-1";
    private const string OtherAgent = "the agent of node-2";
    private const string Unbound = "an agent whose token names no Pod";
    private const string NoPod = "an agent whose token names a node and no Pod";
    private const string PodOnly = "an agent whose token names a Pod and no node";
    private const string TwoNodes = "an agent whose token names two nodes";
    private const string TwoPods = "an agent whose token names two Pods";
    private const string Kubelet = "the kubelet of node-1";
    private const string OtherKubelet = "the kubelet of node-2";
    private const string Operator = "the operator";
    private const string GiveBack = "the account that gives back";
    private const string Namesake = "an account with the agent's name in another namespace";
    private const string Admin = "an admin";

    private const string MadeOwn = """
        {
          "reportingController": "hostdev.io/agent", "reportingInstance": "hostdev-device-plugin-node-1",
          "regarding": {"kind": "NodeDeviceState", "name": "node-1"}
        }
        """;

    private static readonly FrozenDictionary<string, ApiUser> s_users = new Dictionary<string, ApiUser>
    {
        [Agent] = ClusterMembers.AgentUser(Ns, "node-1"),
        [OtherAgent] = ClusterMembers.AgentUser(Ns, "node-2"),
        [Unbound] = ApiUser.ServiceAccount(Ns, ClusterMembers.AgentAccount),
        [NoPod] = ApiUser.ServiceAccount(Ns, ClusterMembers.AgentAccount, "node-1"),
        [PodOnly] = ApiUser.ServiceAccount(Ns, ClusterMembers.AgentAccount, null, ClusterMembers.AgentPod("node-1")),
        [TwoNodes] = With(ApiUser.NodeNameKey, "node-1", "node-2"),
        [TwoPods] = With(ApiUser.PodNameKey, ClusterMembers.AgentPod("node-1"), ClusterMembers.AgentPod("node-2")),
        [Kubelet] = new("system:node:node-1", ["system:nodes"]),
        [OtherKubelet] = new("system:node:node-2", ["system:nodes"]),
        [Operator] = ApiUser.ServiceAccount(Ns, ClusterMembers.OperatorAccount, "node-1", "hostdev-operator-0"),
        [GiveBack] = ApiUser.ServiceAccount(Ns, "hostdev-give-back"),
        [Namesake] = ApiUser.ServiceAccount("default", ClusterMembers.AgentAccount, "node-1", ClusterMembers.AgentPod("node-1")),
        [Admin] = new("jane", [ApiUser.Masters]),
    }.ToFrozenDictionary();

    /// <summary>Who, what of node-1's state, and the words against it; null where it is written.</summary>
    public static TheoryData<string, string, string?> States =>
        new()
        {
            { Agent, "PATCH /node-1/status", null },
            { Agent, "PUT /node-1/status", null },
            { Agent, "APPLY /node-1/status", null },
            { Agent, "PATCH /node-2/status", OwnNode },
            { Agent, "PUT /node-2/status", OwnNode },
            { Agent, "APPLY /node-2/status", OwnNode },
            { OtherAgent, "PATCH /node-1/status", OwnNode },
            { OtherAgent, "PATCH /node-2/status", null },
            { Agent, "PATCH /node-1", StatusOnly },
            { Agent, "PUT /node-1", StatusOnly },
            { Agent, "APPLY /node-1", StatusOnly },
            { Agent, "PATCH /node-2", StatusOnly },
            { Agent, "DELETE /node-1", StatusOnly },
            { Agent, "POST /node-3", StatusOnly },
            { Agent, "APPLY /node-3", StatusOnly },
            { Unbound, "PATCH /node-1/status", NoNode },
            { Unbound, "PATCH /node-1", StatusOnly },
            { PodOnly, "PATCH /node-1/status", NoNode },
            { TwoNodes, "PATCH /node-1/status", NoNode },
            { NoPod, "PATCH /node-1/status", null },
            { Kubelet, "PATCH /node-1/status", null },
            { Kubelet, "PATCH /node-2/status", OwnNode },
            { OtherKubelet, "PATCH /node-1/status", OwnNode },
            { Kubelet, "PATCH /node-1", StatusOnly },
            { Kubelet, "DELETE /node-1", StatusOnly },
            { Kubelet, "POST /node-3", StatusOnly },
            { Operator, "POST /node-3", null },
            { Operator, "PATCH /node-1", null },
            { Operator, "PATCH /node-2/status", null },
            { Operator, "DELETE /node-2", null },
            { Namesake, "PATCH /node-2/status", null },
            { Admin, "POST /node-3", null },
            { Admin, "PATCH /node-1", null },
            { Admin, "PATCH /node-2/status", null },
            { Admin, "DELETE /node-1", null },
        };

    /// <summary>
    /// Who, how an Event differs from one of node-1's agent, and the words against it when it is made. A field that is null is not there.
    /// </summary>
    public static TheoryData<string, string, string?> NewEvents =>
        new()
        {
            { Agent, "{}", null },
            { Agent, """{"reportingController": "hostdev.io/operator"}""", OwnName },
            { Agent, """{"reportingController": null}""", OwnName },
            { Agent, """{"reportingInstance": "hostdev-device-plugin-node-2"}""", OwnName },
            { Agent, """{"reportingInstance": null}""", OwnName },
            { Agent, """{"regarding": {"name": "node-2"}}""", OwnState },
            { Agent, """{"regarding": {"name": null}}""", OwnState },
            { Agent, """{"regarding": {"kind": "Node"}}""", OwnState },
            { Agent, """{"regarding": {"kind": null}}""", OwnState },
            { Agent, """{"regarding": null}""", OwnState },
            { Agent, """{"note": "another text", "reason": "Another", "type": "Normal"}""", null },
            { OtherAgent, "{}", OwnName },
            { OtherAgent, """{"reportingInstance": "hostdev-device-plugin-node-2"}""", OwnState },
            { OtherAgent, """{"reportingInstance": "hostdev-device-plugin-node-2", "regarding": {"name": "node-2"}}""", null },
            { Unbound, "{}", NoNode },
            { Unbound, """{"reportingInstance": "", "regarding": {"name": ""}}""", NoNode },
            { NoPod, "{}", NoNode },
            { PodOnly, "{}", NoNode },
            { TwoNodes, "{}", NoNode },
            { TwoPods, "{}", NoNode },
            { Kubelet, """{"reportingController": "kubelet", "regarding": {"kind": "Pod", "name": "vm"}}""", null },
            { OtherKubelet, "{}", null },
            { Operator, """{"reportingController": "hostdev.io/operator", "regarding": {"kind": "HostDevice", "name": "gpus"}}""", null },
            { Namesake, """{"regarding": {"kind": "Pod", "name": "vm"}}""", null },
            { Admin, """{"reportingController": null, "regarding": null}""", null },
        };

    /// <summary>Who, which Event, what is changed of it, and the words against that.</summary>
    public static TheoryData<string, string, string, string?> ChangedEvents =>
        new()
        {
            { Agent, "own", """{"note": "another text"}""", null },
            { Agent, "own", """{"reportingController": "hostdev.io/operator"}""", OwnName },
            { Agent, "own", """{"reportingInstance": "hostdev-device-plugin-node-2"}""", OwnName },
            { Agent, "own", """{"regarding": {"name": "node-2"}}""", OwnState },
            { Agent, "foreign", """{"note": "another text"}""", OwnName },
            { Agent, "foreign", MadeOwn, OwnEvents },
            { Agent, "unsigned", MadeOwn, OwnEvents },
            { Agent, "of-another-pod", MadeOwn, OwnEvents },
            { Agent, "of-no-pod", MadeOwn, OwnEvents },
            { OtherAgent, "own", """{"note": "another text"}""", OwnName },
            { Unbound, "own", """{"note": "another text"}""", NoNode },
            { Kubelet, "foreign", MadeOwn, null },
            { Operator, "own", """{"note": "another text"}""", null },
            { Admin, "foreign", MadeOwn, null },
        };

    /// <summary>Who, the path below nodes, a merge patch, and the words against it.</summary>
    public static TheoryData<string, string, string, string?> NodeChanges =>
        new()
        {
            { Operator, "/node-1", Labels("hostdev.io/pci-10de-2236.present", "true"), null },
            { Operator, "/node-1", Labels("hostdev.io/pci-8086-10ed.present", null), null },
            { Operator, "/node-1", "{}", null },
            { Operator, "/node-1", Labels("hostdev.io/pci-10de-2236.present", "yes"), OwnLabels },
            { Operator, "/node-1", Labels("hostdev.io/pci-10DE-2236.present", "true"), OwnLabels },
            { Operator, "/node-1", Labels("hostdev.io/pci-10de-2236.present.x", "true"), OwnLabels },
            { Operator, "/node-1", Labels("node-role.kubernetes.io/control-plane", ""), OwnLabels },
            { Operator, "/node-1", Labels("zone", "b"), OwnLabels },
            { Operator, "/node-1", Labels("zone", null), OwnLabels },
            { Operator, "/node-1", """{"spec": {"unschedulable": true}}""", NothingElse },
            { Operator, "/node-1", """{"spec": {"taints": null}}""", NothingElse },
            { Operator, "/node-1", """{"metadata": {"annotations": {"a": "b"}}}""", NothingElse },
            { Operator, "/node-1", """{"metadata": {"finalizers": ["a.com/b"]}}""", NothingElse },
            {
                Operator,
                "/node-1",
                """{"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "node-2", "uid": "u"}]}}""",
                NothingElse
            },
            { Operator, "/node-1/status", Labels("zone", "b"), LabelsOnly },
            { Admin, "/node-1", Labels("zone", "b"), null },
            { Admin, "/node-1", """{"spec": {"taints": null}}""", null },
            { Agent, "/node-1", Labels("zone", "b"), null }, // roles forbid it
        };

    /// <summary>Who, the path below nodedevicestates, a merge patch, and the words against it.</summary>
    public static TheoryData<string, string, string, string?> GivingBack =>
        new()
        {
            { GiveBack, "/node-1", """{"metadata": {"annotations": {"hostdev.io/give-back": "true"}}, "spec": {"policies": []}}""", null },
            { GiveBack, "/node-2", """{"metadata": {"annotations": {"hostdev.io/give-back": null}}}""", null },
            { GiveBack, "/node-2", """{"spec": {"policies": []}}""", null },
            { GiveBack, "/node-1", """{"metadata": {"annotations": {"a": "b"}}}""", OwnAnnotation },
            { GiveBack, "/node-2", """{"metadata": {"annotations": null}}""", OwnAnnotation },
            { GiveBack, "/node-1", OnePolicy, EmptiesOnly },
            { GiveBack, "/node-1/status", new JsonObject { ["status"] = Status() }.ToJsonString(), AsksOnly },
            { Operator, "/node-1", OnePolicy, null },
            { Admin, "/node-1", """{"metadata": {"annotations": {"a": "b"}}}""", null },
        };

    private const string OnePolicy = """
        {"spec": {"policies": [{"kind": "HostDevice", "name": "evil", "uid": "u", "generation": 1, "spec": {}}]}}
        """;

    [Theory]
    [MemberData(nameof(NodeChanges))]
    public async Task A_Node_is_labelled_by_the_operator_and_nothing_else_of_it_is_changed(
        string who,
        string path,
        string patch,
        string? words
    )
    {
        var answer = await cluster.SendAsync(who, "PATCH", "/api/v1/nodes" + path, JsonNode.Parse(patch)!.AsObject());
        Judged(answer, "nodes \"node-1\"", "hostdev-operator-own-labels", words);
    }

    [Theory]
    [InlineData("POST", "")]
    [InlineData("DELETE", "/node-1")]
    public async Task No_Node_is_made_or_deleted_by_the_operator(string verb, string path)
    {
        var node = JsonNode.Parse("""{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}}""")!.AsObject();
        if (verb == "POST")
            node["metadata"]!["name"] = "node-9";
        var answer = await cluster.SendAsync(Operator, verb, "/api/v1/nodes" + path, node);
        Judged(answer, $"nodes \"{node["metadata"]!["name"]}\"", "hostdev-operator-own-labels", LabelsOnly);
    }

    [Theory]
    [MemberData(nameof(GivingBack))]
    public async Task Whoever_gives_back_asks_for_that_and_for_nothing_else(string who, string path, string patch, string? words)
    {
        var url = "/apis/hostdev.io/v1alpha1/nodedevicestates" + path;
        var answer = await cluster.SendAsync(who, "PATCH", url, JsonNode.Parse(patch)!.AsObject());
        Judged(answer, $"nodedevicestates.hostdev.io \"{path.Split('/')[1]}\"", "hostdev-give-back-annotation", words);
    }

    [Theory]
    [MemberData(nameof(States))]
    public async Task A_state_is_written_by_whom_it_belongs_to(string who, string what, string? words)
    {
        var (verb, path) = (what.Split(' ')[0], what.Split(' ')[1]);
        var name = path.Split('/')[1];
        var body = State(name);
        if (path.EndsWith("/status", StringComparison.Ordinal))
            body["status"] = Status();
        else if (verb == "PATCH")
            body = new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["a"] = "b" } } };
        var answer = await cluster.SendAsync(who, verb, "/apis/hostdev.io/v1alpha1/nodedevicestates" + (verb == "POST" ? "" : path), body);
        Judged(answer, $"nodedevicestates.hostdev.io \"{name}\"", "hostdev-agent-own-node", words);
    }

    [Theory]
    [MemberData(nameof(NewEvents))]
    public async Task An_Event_is_made_by_whom_it_names(string who, string difference, string? words)
    {
        foreach (var form in EventForm.Both)
        {
            var answer = await cluster.SendAsync(who, "POST", form.Path, form.Write(Event("new", difference)));
            Judged(answer, $"{form.Resource} \"new\"", "hostdev-agent-own-events", words);
        }
    }

    [Theory]
    [MemberData(nameof(ChangedEvents))]
    public async Task An_Event_is_changed_by_whose_it_is(string who, string name, string change, string? words)
    {
        foreach (var form in EventForm.Both)
        {
            var answer = await cluster.SendAsync(who, "PATCH", $"{form.Path}/{name}", form.Write(JsonNode.Parse(change)!.AsObject()));
            Judged(answer, $"{form.Resource} \"{name}\"", "hostdev-agent-own-events", words);
        }
    }

    /// <summary>Roles forbid what the policies do not speak of.</summary>
    [Theory]
    [InlineData("DELETE", "/apis/events.k8s.io/v1/namespaces/default/events/foreign")]
    [InlineData("DELETE", "/api/v1/namespaces/default/events/foreign")]
    [InlineData("PATCH", "/apis/hostdev.io/v1alpha1/hostdevices/gpus/status")]
    [InlineData("PATCH", "/apis/hostdev.io/v1alpha1/hostdevices/gpus")]
    [InlineData("PATCH", "/api/v1/nodes/node-2/status")]
    public async Task Of_everything_else_the_policies_say_nothing(string verb, string path)
    {
        var body = new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["a"] = "b" } } };
        Judged(await cluster.SendAsync(Agent, verb, path, body), "", "", null);
    }

    /// <summary>None of the writes above comes to an error of an expression; what does is not to pass.</summary>
    [Fact]
    public void What_a_policy_cannot_decide_it_refuses()
    {
        var policies = RenderedChart.Admission.Where(p => RenderedChart.Text(p, "kind") == "ValidatingAdmissionPolicy");
        Assert.Equal(["Fail", "Fail", "Fail", "Fail", "Fail"], policies.Select(p => RenderedChart.Text(p["spec"]!, "failurePolicy")));
    }

    private static void Judged(Answer answer, string what, string policy, string? words)
    {
        if (words is null)
        {
            Assert.True(answer.Code is 200 or 201, answer.Body.ToJsonString());
            return;
        }

        var denied = $"ValidatingAdmissionPolicy '{policy}' with binding '{policy}' denied request: {words}";
        Assert.Equal((403, "Forbidden", $"{what} is forbidden: {denied}"), (answer.Code, answer.Reason, answer.Message));
        Assert.Equal(denied, answer.Text("details", "causes", "0", "message"));
    }

    private static string Labels(string key, string? value) =>
        new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { [key] = value } } }.ToJsonString();

    private static ApiUser With(string key, params ReadOnlySpan<string> values)
    {
        var agent = ClusterMembers.AgentUser(Ns, "node-1");
        return agent with { Extra = agent.Extra.SetItem(key, [.. values]) };
    }

    private static JsonObject State(string name) =>
        new()
        {
            ["apiVersion"] = "hostdev.io/v1alpha1",
            ["kind"] = "NodeDeviceState",
            ["metadata"] = new JsonObject { ["name"] = name },
            ["spec"] = new JsonObject { ["projectedAt"] = "2026-01-01T00:00:00Z", ["policies"] = new JsonArray() },
        };

    private static JsonObject Status() =>
        JsonNode
            .Parse(
                """
                {
                  "host": {
                    "kernel": "6.8.0", "architecture": "x86_64", "bootId": "b", "iommu": true, "interruptRemapping": "Yes",
                    "kernelArguments": [], "vfioDrivers": [], "problems": []
                  },
                  "devices": [], "virtualFunctions": [], "allocations": [], "policies": [], "releasing": [], "resources": [],
                  "conditions": []
                }
                """
            )!
            .AsObject();

    /// <summary>In the form of <c>events.k8s.io/v1</c>.</summary>
    private static JsonObject Event(string name, string difference)
    {
        var json = JsonNode
            .Parse(
                $$"""
                {
                  "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "{{name}}", "namespace": "default"},
                  "eventTime": "2026-01-01T00:00:00.000000Z",
                  "reportingController": "hostdev.io/agent", "reportingInstance": "hostdev-device-plugin-node-1",
                  "action": "Apply", "reason": "Blocked", "note": "a text", "type": "Warning",
                  "regarding": {"apiVersion": "hostdev.io/v1alpha1", "kind": "NodeDeviceState", "name": "node-1"}
                }
                """
            )!
            .AsObject();
        return MergePatch.Apply(json, JsonNode.Parse(difference)!.AsObject());
    }

    /// <summary>The two ways in which Events are served.</summary>
    private sealed record EventForm(string Path, string Resource, IReadOnlyDictionary<string, string> Names)
    {
        public static IReadOnlyList<EventForm> Both { get; } =
        [
            new("/apis/events.k8s.io/v1/namespaces/default/events", "events.events.k8s.io", new Dictionary<string, string>()),
            new(
                "/api/v1/namespaces/default/events",
                "events",
                new Dictionary<string, string>
                {
                    ["regarding"] = "involvedObject",
                    ["reportingController"] = "reportingComponent",
                    ["note"] = "message",
                }
            ),
        ];

        /// <summary>What is written in the form of <c>events.k8s.io/v1</c>, in this one.</summary>
        public JsonObject Write(JsonObject json)
        {
            var written = new JsonObject();
            foreach (var (name, value) in json)
                written[Names.GetValueOrDefault(name, name)] = value?.DeepClone();
            if (Names.Count > 0 && written.ContainsKey("apiVersion"))
                written["apiVersion"] = "v1";
            return written;
        }
    }

    /// <summary>Two nodes with their states, Events of several, and the chart's policies. Nothing that a test writes is stored.</summary>
    public sealed class Cluster : IAsyncLifetime
    {
        private readonly string _directory = SandboxDirectory.Create();
        private FrozenDictionary<string, Peer> _peers = FrozenDictionary<string, Peer>.Empty;
        private SandboxCluster? _cluster;

        public async ValueTask InitializeAsync()
        {
            _cluster = await SandboxCluster.StartAsync(_directory, new ApiServerOptions { Https = false });
            var objects = _cluster.Server.Objects;
            foreach (var node in (string[])["node-1", "node-2"])
            {
                ClusterMembers.AddNode(_cluster.Seat, node, []);
                objects.Change(
                    "nodes",
                    node,
                    n =>
                    {
                        n["metadata"]!["labels"] = new JsonObject { ["zone"] = "a", ["hostdev.io/pci-8086-10ed.present"] = "true" };
                        n["spec"] = JsonNode.Parse("""{"taints": [{"key": "a", "effect": "NoSchedule"}]}""");
                    }
                );
                objects.Create(State(node));
            }

            objects.Change(
                "nodedevicestates.hostdev.io",
                "node-2",
                s => s["metadata"]!["annotations"] = new JsonObject { ["a"] = "b", ["hostdev.io/give-back"] = "true" }
            );

            objects.Create(
                JsonNode
                    .Parse(
                        """
                        {
                          "apiVersion": "hostdev.io/v1alpha1", "kind": "HostDevice", "metadata": {"name": "gpus"},
                          "spec": {"resourceName": "example.com/gpus", "nodeSelector": {},
                            "devices": {"pci": {"selectors": [{"vendor": "10de"}]}}}
                        }
                        """
                    )!
                    .AsObject()
            );
            foreach (
                var (name, difference) in (ReadOnlySpan<(string, string)>)
                    [
                        ("own", "{}"),
                        ("foreign", """{"reportingController": "example.com/scheduler", "regarding": {"kind": "Pod", "name": "vm"}}"""),
                        ("unsigned", """{"reportingController": null, "reportingInstance": null}"""),
                        ("of-another-pod", """{"reportingInstance": "hostdev-device-plugin-node-2"}"""),
                        ("of-no-pod", """{"reportingInstance": null}"""),
                    ]
            )
            {
                objects.Create(Event(name, difference));
            }

            foreach (var policy in RenderedChart.Admission)
                objects.Create(policy.DeepClone().AsObject());
            _peers = s_users.ToFrozenDictionary(u => u.Key, u => new Peer(_cluster.Server, _cluster.Server.AddUser(u.Value)));
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var peer in _peers.Values)
                peer.Dispose();
            if (_cluster is not null)
                await _cluster.DisposeAsync();
            Directory.Delete(_directory, recursive: true);
        }

        /// <param name="verb">An HTTP method, or APPLY.</param>
        internal Task<Answer> SendAsync(string who, string verb, string path, JsonObject body) =>
            verb switch
            {
                "APPLY" => ApplyAsync(_peers[who], path, body),
                "PATCH" => _peers[who].SendAsync(HttpMethod.Patch, path + "?dryRun=All", body, "application/merge-patch+json"),
                "DELETE" => _peers[who].SendAsync(HttpMethod.Delete, path + "?dryRun=All"),
                "PUT" => ReplaceAsync(_peers[who], path, body),
                _ => _peers[who].SendAsync(new HttpMethod(verb), path + "?dryRun=All", body),
            };

        private static Task<Answer> ApplyAsync(Peer peer, string path, JsonObject body) =>
            peer.SendAsync(HttpMethod.Patch, path + "?dryRun=All&fieldManager=tests&force=true", body, "application/apply-patch+yaml");

        private static async Task<Answer> ReplaceAsync(Peer peer, string path, JsonObject body)
        {
            body["metadata"]!["resourceVersion"] = (await peer.GetAsync(path)).Is(200).Text("metadata", "resourceVersion");
            return await peer.SendAsync(HttpMethod.Put, path + "?dryRun=All", body);
        }
    }
}
