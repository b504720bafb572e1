using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Resources;
using Hostdev.Sandbox.Cluster;
using Hostdev.Tests.Cluster;
using Hostdev.Tests.Sandbox.ApiServer;
using Xunit;

namespace Hostdev.Tests.Charts;

/// <summary>
/// Everything that an API server serves, tried with an agent's token: what its roles and the admission policies together let through.
/// </summary>
public sealed class ChartAgentTokenTests
{
    private const string Own = "node-1";
    private const string Other = "node-2";
    private static readonly string[] s_namespaces = ["default", SandboxCluster.SystemNamespace, "kube-system"];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_agent_s_token_writes_nothing_but_its_own_state_s_status_and_Events_about_its_own_node(bool allSwitches)
    {
        var chart = (allSwitches ? RenderedChart.Everything : [.. RenderedChart.Access, .. RenderedChart.Admission]).Where(m =>
            RenderedChart.Text(m, "apiVersion").Split('/')[0] is "v1" or "rbac.authorization.k8s.io" or "admissionregistration.k8s.io"
            && RenderedChart.Text(m, "kind") is not ("Service" or "ConfigMap")
        );
        var (bench, server) = await ClusterBench.SimulateAsync(chart);
        await using var ended = bench;
        foreach (var node in (string[])[Own, Other])
        {
            server.Objects.Create(
                new JsonObject
                {
                    ["apiVersion"] = "hostdev.io/v1alpha1",
                    ["kind"] = "NodeDeviceState",
                    ["metadata"] = new JsonObject { ["name"] = node },
                    ["spec"] = new JsonObject { ["projectedAt"] = "2026-01-01T00:00:00Z", ["policies"] = new JsonArray() },
                }
            );
            server.Objects.Create(Event(node, "default"));
        }

        using var agent = new Peer(server, server.AddUser(ClusterMembers.AgentUser(SandboxCluster.SystemNamespace, Own)));
        var written = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var resource in await ServedAsync(server))
        {
            foreach (var (method, path, body) in resource.Writes())
            {
                var answer = await agent.SendAsync(
                    new HttpMethod(method),
                    path,
                    body,
                    method == "PATCH" ? "application/merge-patch+json" : "application/json"
                );
                if (answer.Code != 403)
                    written.Add($"{method} {path}{(method == "POST" && resource.Plural == "events" ? $" about {Subject(body)}" : "")}");
            }
        }

        SortedSet<string> expected =
        [
            $"PATCH /apis/hostdev.io/v1alpha1/nodedevicestates/{Own}/status",
            // One thing under two names.
            $"POST /apis/events.k8s.io/v1/namespaces/default/events about {Own}",
            $"PATCH /apis/events.k8s.io/v1/namespaces/default/events/{Own}",
            $"POST /api/v1/namespaces/default/events about {Own}",
            $"PATCH /api/v1/namespaces/default/events/{Own}",
            // Questions about oneself, which everybody may ask and nobody stores.
            "POST /apis/authentication.k8s.io/v1/selfsubjectreviews",
            "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            "POST /apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
        ];
        if (allSwitches)
            expected.UnionWith([
                "POST /apis/authentication.k8s.io/v1/tokenreviews",
                "POST /apis/authorization.k8s.io/v1/subjectaccessreviews",
            ]);
        Assert.Equal(expected, written);
    }

    /// <summary>Every resource of every group, as discovery names it.</summary>
    private static async Task<IReadOnlyList<Served>> ServedAsync(SimulatedApiServer server)
    {
        using var admin = new Peer(server);
        var groups = (await admin.GetAsync("/apis")).Body["groups"]!.AsArray();
        var versions = groups.SelectMany(g => g!["versions"]!.AsArray()).Select(v => (string)v!["groupVersion"]!);
        var served = new List<Served>();
        foreach (var version in versions.Prepend("v1"))
        {
            var root = version == "v1" ? "/api/v1" : $"/apis/{version}";
            foreach (var resource in (await admin.GetAsync(root)).Body["resources"]!.AsArray())
            {
                var plural = (string)resource!["name"]!;
                if (!plural.Contains('/', StringComparison.Ordinal))
                    served.Add(new Served(root, version, plural, (string)resource["kind"]!, (bool)resource["namespaced"]!));
            }
        }

        Assert.True(served.Count > 30, $"{served.Count}");
        return served;
    }

    /// <summary>By the agent of a node, about its node, in the form of <c>events.k8s.io/v1</c>.</summary>
    private static JsonObject Event(string node, string ns) =>
        JsonNode
            .Parse(
                $$"""
                {
                  "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "{{node}}", "namespace": "{{ns}}"},
                  "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "hostdev.io/agent",
                  "reportingInstance": "{{ClusterMembers.AgentPod(node)}}", "action": "Apply", "reason": "Blocked", "note": "a text",
                  "type": "Warning", "regarding": {"apiVersion": "hostdev.io/v1alpha1", "kind": "NodeDeviceState", "name": "{{node}}"}
                }
                """
            )!
            .AsObject();

    private static string Subject(JsonObject it) => (string)it["metadata"]!["name"]!;

    private sealed record Served(string Root, string ApiVersion, string Plural, string Kind, bool Namespaced)
    {
        /// <summary>All that changes something: of the whole collection, of an object of each node's name, of its subresources.</summary>
        public IEnumerable<(string Method, string Path, JsonObject Body)> Writes()
        {
            foreach (var ns in Namespaced ? s_namespaces : [""])
            {
                var collection = $"{Root}{(ns.Length == 0 ? "" : $"/namespaces/{ns}")}/{Plural}";
                yield return ("DELETE", collection, []);
                foreach (var name in (string[])[Own, Other])
                {
                    yield return ("POST", collection, Body(name, ns));
                    yield return ("DELETE", $"{collection}/{name}", []);
                    foreach (var sub in (string[])["", "/status", "/scale", "/token", "/eviction", "/binding"])
                    {
                        yield return ("PUT", $"{collection}/{name}{sub}", Body(name, ns));
                        yield return ("PATCH", $"{collection}/{name}{sub}", []);
                        if (sub.Length > 0)
                            yield return ("POST", $"{collection}/{name}{sub}", Body(name, ns));
                    }
                }
            }
        }

        private JsonObject InForm(JsonObject it)
        {
            EventForms.Convert(it, new ServedResource(ApiVersion == "v1" ? "" : ApiVersion.Split('/')[0], "v1", Kind, Plural, Namespaced));
            return it;
        }

        private JsonObject Body(string name, string ns)
        {
            if (Plural == "events")
                return InForm(Event(name, ns));
            return new JsonObject
            {
                ["apiVersion"] = ApiVersion,
                ["kind"] = Kind,
                ["metadata"] = new JsonObject { ["name"] = name },
            };
        }
    }
}
