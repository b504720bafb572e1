using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.Cluster;
using Hostdev.Sandbox.Cluster.Workloads;
using Hostdev.Tests.Sandbox.ApiServer;
using Xunit;

namespace Hostdev.Tests.Cluster;

/// <summary>Jobs and Deployments on a cluster that has no machine: commands run, and what needs a node waits for one.</summary>
public sealed class WorkloadTests : IAsyncLifetime
{
    private readonly SimulatedApiServer _server = new(new ApiServerOptions { Rbac = true });
    private readonly string _directory = SandboxDirectory.Create();
    private ClusterWorkloads? _workloads;
    private Peer? _peer;

    public async ValueTask InitializeAsync()
    {
        await _server.StartAsync();
        _workloads = new ClusterWorkloads(_server, null, _directory, TimeProvider.System);
        _peer = new Peer(_server);
    }

    public async ValueTask DisposeAsync()
    {
        _peer?.Dispose();
        await _workloads!.DisposeAsync();
        await _server.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task A_Job_whose_command_fails_is_tried_again_as_often_as_it_may_and_its_Pods_tell_why()
    {
        _server.Objects.Create(Job("[give-back, --undo]", "backoffLimit: 1"));
        await Waiting.UntilAsync(() => Condition("Failed") == "BackoffLimitExceeded", 30);
        Assert.Equal(2, (int)Stored()["status"]!["failed"]!);
        var pods = _server.Objects.List("pods", "default");
        Assert.Equal(["Failed", "Failed"], pods.Select(p => (string)p["status"]!["phase"]!));
        Assert.All(pods, p => Assert.Equal("1", p["status"]!["containerStatuses"]![0]!["state"]!["terminated"]!["exitCode"]!.ToString()));
        var log = (await _peer!.GetAsync($"/api/v1/namespaces/default/pods/{pods[0]["metadata"]!["name"]}/log?follow=true&tailLines=1")).Is(
            200
        );
        Assert.StartsWith("hostdev-operator: GET ", log.Message, StringComparison.Ordinal);
        Assert.Contains(
            "User \"system:serviceaccount:default:default\" cannot list resource \"nodedevicestates\"",
            log.Message,
            StringComparison.Ordinal
        );
        Assert.Empty(Directory.GetFiles(_directory)); // no token stays behind
    }

    [Fact]
    public async Task A_Job_has_the_rights_of_its_account_and_waits_until_that_is_there()
    {
        foreach (var definition in SandboxCluster.Definitions)
            _server.Objects.Create(definition.DeepClone().AsObject());
        await _server.SettleAsync();
        _server.Objects.Create(Job("[give-back, --undo, --namespace=$(POD_NAMESPACE)]", "backoffLimit: 0", "giver"));
        await Waiting.UntilAsync(() => Stored()["status"] is not null, 30);
        Assert.Empty(_server.Objects.List("pods"));
        _server.Objects.Create(ClusterBench.Yaml("{apiVersion: v1, kind: ServiceAccount, metadata: {name: giver, namespace: default}}"));
        await Waiting.UntilAsync(() => Condition("Failed") == "BackoffLimitExceeded", 30);
        Assert.Contains(
            _server.Requests.All,
            r => r is { User: "system:serviceaccount:default:giver", Resource: "nodedevicestates", Code: 403 }
        );

        _server.Objects.Delete("jobs.batch", "j", "default");
        await Waiting.UntilAsync(() => _server.Objects.List("pods").IsEmpty, 30);
        foreach (
            var (kind, more) in (ReadOnlySpan<(string, string)>)
                [
                    ("ClusterRole", "rules: [{apiGroups: [hostdev.io], resources: [nodedevicestates], verbs: [get, list, patch]}]"),
                    (
                        "ClusterRoleBinding",
                        "roleRef: {kind: ClusterRole, name: giver}, subjects: [{kind: ServiceAccount, name: giver, namespace: default}]"
                    ),
                ]
        )
        {
            _server.Objects.Create(
                ClusterBench.Yaml($"{{apiVersion: rbac.authorization.k8s.io/v1, kind: {kind}, metadata: {{name: giver}}, {more}}}")
            );
        }

        _server.Objects.Create(Job("[give-back, --undo]", "ttlSecondsAfterFinished: 0", "giver"));
        await Waiting.UntilAsync(() => _server.Objects.List("jobs.batch").IsEmpty && _server.Objects.List("pods").IsEmpty, 30);
        Assert.Contains(
            _server.Requests.All,
            r => r is { User: "system:serviceaccount:default:giver", Resource: "nodedevicestates", Code: 200 }
        );
    }

    [Fact]
    public async Task A_Deployment_without_a_node_says_that_nothing_of_it_is_available()
    {
        _server.Objects.Create(
            ClusterBench.Yaml(
                """
                apiVersion: apps/v1
                kind: Deployment
                metadata: {name: d, namespace: default}
                spec:
                  replicas: 2
                  selector: {matchLabels: {a: b}}
                  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: hostdev-operator, args: [run]}]}}
                """
            )
        );
        JsonNode? Status() => _server.Objects.Get("deployments.apps", "d", "default")!["status"];
        await Waiting.UntilAsync(
            () => (int?)Status()?["replicas"] == 2 && _server.Objects.List("pods").All(p => p["status"]!["containerStatuses"] is not null),
            30
        );
        Assert.Equal(0, (int)Status()!["readyReplicas"]!);
        Assert.Equal("MinimumReplicasUnavailable", (string)Status()!["conditions"]![0]!["reason"]!);
        Assert.All(
            _server.Objects.List("pods"),
            p => Assert.Equal("NoNode", (string)p["status"]!["containerStatuses"]![0]!["state"]!["waiting"]!["reason"]!)
        );
        var name = _server.Objects.List("pods")[0]["metadata"]!["name"];
        var refused = (await _peer!.GetAsync($"/api/v1/namespaces/default/pods/{name}/log")).Is(400);
        Assert.Equal($"container \"c\" in pod \"{name}\" is waiting to start: NoNode", refused.Message);
        _server.Objects.Delete("deployments.apps", "d", "default");
        await Waiting.UntilAsync(() => _server.Objects.List("pods").IsEmpty && _server.Objects.List("replicasets.apps").IsEmpty, 30);
    }

    private JsonObject Stored() => _server.Objects.Get("jobs.batch", "j", "default")!;

    private string? Condition(string type) =>
        (string?)Stored()["status"]?["conditions"]?.AsArray().FirstOrDefault(c => (string)c!["type"]! == type)?["reason"];

    private static JsonObject Job(string arguments, string more, string account = "default") =>
        ClusterBench.Yaml(
            $$"""
            apiVersion: batch/v1
            kind: Job
            metadata: {name: j, namespace: default}
            spec:
              {{more}}
              template:
                spec:
                  restartPolicy: Never
                  serviceAccountName: {{account}}
                  containers:
                  - name: c
                    image: registry.example.com/hostdev-operator:1
                    args: {{arguments}}
                    env:
                    - name: POD_NAMESPACE
                      valueFrom:
                        fieldRef:
                          fieldPath: metadata.namespace
            """
        );
}
