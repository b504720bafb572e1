using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.Cluster;
using Hostdev.Tests.Sandbox.ApiServer;
using Xunit;

namespace Hostdev.Tests.Charts;

/// <summary>Whoever has the chart's role for cordons may patch node states, and of them changes cordons alone, each in his own name.
/// </summary>
public sealed class CordonAdmissionTests(CordonAdmissionTests.Cluster cluster) : IClassFixture<CordonAdmissionTests.Cluster>
{
    private const string Operators =
        "of a node's spec all but cordons is the operator's: policies are written as HostDevice, SriovPolicy and MdevProfile";
    private const string CordonsOnly = "whoever cordons devices changes nothing of a node's state but spec.cordons";
    private const string OwnName = "a cordon is made in the name of who makes it: by is the name that kubectl auth whoami shows";

    private const string Bens = """{"device": "0000:11:00.0", "reason": "fans", "by": "ben"}""";
    private const string Anns = """{"device": "0000:12:00.0", "reason": "fans", "by": "ann"}""";

    /// <summary>Who, a merge patch of node-1's state, and the words against it; null where it is written.</summary>
    public static TheoryData<string, string, string?> Patches =>
        new()
        {
            { "ann", $$$"""{"spec": {"cordons": [{{{Bens}}}, {{{Anns}}}]}}""", null },
            { "ann", $$$"""{"spec": {"cordons": [{{{Anns}}}]}}""", null },
            { "ann", """{"spec": {"cordons": null}}""", null },
            { "ann", """{"spec": {"cordons": [{"device": "0000:12:00.0", "reason": "fans", "by": "ben"}]}}""", OwnName },
            { "ann", """{"spec": {"cordons": [{"device": "0000:12:00.0", "reason": "fans"}]}}""", OwnName },
            { "ann", """{"spec": {"cordons": [{"device": "0000:11:00.0", "reason": "other words", "by": "ben"}]}}""", OwnName },
            { "ann", """{"spec": {"policies": []}}""", Operators },
            { "ann", """{"spec": {"projectedAt": null}}""", Operators },
            { "ann", """{"spec": {"projectedAt": "2027-01-01T00:00:00Z"}}""", Operators },
            { "ann", """{"metadata": {"annotations": {"hostdev.io/give-back": "true"}}}""", CordonsOnly },
            { "ann", """{"metadata": {"labels": {"a": "b"}}}""", CordonsOnly },
            { "ann", """{"metadata": {"finalizers": ["a.com/b"]}}""", CordonsOnly },
            { "author", """{"spec": {"policies": []}}""", null }, // he decides over every host anyway
            { "author", """{"metadata": {"annotations": {"hostdev.io/give-back": "true"}}}""", null },
            { "the operator", """{"spec": {"policies": []}}""", null },
            { "the account that gives back", """{"metadata": {"annotations": {"hostdev.io/give-back": "true"}}}""", null },
        };

    [Theory]
    [MemberData(nameof(Patches))]
    public async Task Of_a_nodes_state_cordons_alone_are_changed(string who, string patch, string? words)
    {
        var answer = await cluster.PatchAsync(who, JsonNode.Parse(patch)!.AsObject());
        if (words is null)
        {
            Assert.True(answer.Code == 200, answer.Body.ToJsonString());
            return;
        }

        const string denied = "ValidatingAdmissionPolicy 'hostdev-cordons-alone' with binding 'hostdev-cordons-alone' denied request: ";
        Assert.Equal((403, $"nodedevicestates.hostdev.io \"node-1\" is forbidden: {denied}{words}"), (answer.Code, answer.Message));
    }

    /// <summary>A node's state with a policy and a cordon. Nothing that a test writes is stored.</summary>
    public sealed class Cluster : IAsyncLifetime
    {
        private const string Ns = SandboxCluster.SystemNamespace;
        private readonly string _directory = SandboxDirectory.Create();
        private readonly Dictionary<string, Peer> _peers = [];
        private SandboxCluster? _cluster;

        public async ValueTask InitializeAsync()
        {
            _cluster = await SandboxCluster.StartAsync(_directory, new ApiServerOptions { Https = false, Rbac = true });
            var objects = _cluster.Server.Objects;
            objects.Create(
                JsonNode
                    .Parse(
                        $$"""
                        {
                          "apiVersion": "hostdev.io/v1alpha1", "kind": "NodeDeviceState", "metadata": {"name": "node-1"},
                          "spec": {
                            "projectedAt": "2026-01-01T00:00:00Z", "cordons": [{{Bens}}],
                            "policies": [{"kind": "HostDevice", "name": "gpus", "uid": "u", "generation": 1, "spec": {} }]
                          }
                        }
                        """
                    )!
                    .AsObject()
            );
            foreach (var it in RenderedChart.Access.Concat(RenderedChart.Admission))
                objects.Create(it.DeepClone().AsObject());
            foreach (
                var (user, role) in (ReadOnlySpan<(string, string)>)
                    [("ann", "hostdev-cordon"), ("author", "hostdev-cordon"), ("author", "hostdev-policy-author")]
            )
                objects.Create(Binding(user, "User", role));
            objects.Create(Binding("hostdev-give-back", "ServiceAccount", "hostdev-cordon"));
            Add("ann", new ApiUser("ann", ["system:authenticated"]));
            Add("author", new ApiUser("author", ["system:authenticated"]));
            Add("the operator", ApiUser.ServiceAccount(Ns, ClusterMembers.OperatorAccount, "node-1", "hostdev-operator-0"));
            Add("the account that gives back", ApiUser.ServiceAccount(Ns, "hostdev-give-back"));
        }

        internal Task<Answer> PatchAsync(string who, JsonObject patch) =>
            _peers[who]
                .SendAsync(
                    HttpMethod.Patch,
                    "/apis/hostdev.io/v1alpha1/nodedevicestates/node-1?dryRun=All",
                    patch,
                    "application/merge-patch+json"
                );

        public async ValueTask DisposeAsync()
        {
            foreach (var peer in _peers.Values)
                peer.Dispose();
            await _cluster!.DisposeAsync();
            Directory.Delete(_directory, recursive: true);
        }

        private void Add(string name, ApiUser user) => _peers[name] = new Peer(_cluster!.Server, _cluster.Server.AddUser(user));

        private static JsonObject Binding(string name, string kind, string role)
        {
            var subject = kind == "User" ? "\"apiGroup\": \"rbac.authorization.k8s.io\"" : $"\"namespace\": \"{Ns}\"";
            return JsonNode
                .Parse(
                    $$"""
                    {
                      "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "{{name}}-{{role}}"},
                      "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "{{role}}"},
                      "subjects": [{"kind": "{{kind}}", "name": "{{name}}", {{subject}}}]
                    }
                    """
                )!
                .AsObject();
        }
    }
}
