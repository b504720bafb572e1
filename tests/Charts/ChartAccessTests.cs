using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Kube.Client;
using Hostdev.Kube.Control;
using Hostdev.Operator;
using Hostdev.Operator.Commands;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.Cluster;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Cluster;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hostdev.Tests.Charts;

/// <summary>
/// The chart's roles are what operator, agents and the uninstall hook need: nothing is refused, and nothing of it is left over.
/// </summary>
public sealed class ChartAccessTests
{
    private const string Operator = "system:serviceaccount:hostdev-system:hostdev-operator";
    private const string Agent = "system:serviceaccount:hostdev-system:hostdev-agent";
    private const string GiveBackAccount = "hostdev-give-back";
    private static readonly string[] s_access = ["rbac.authorization.k8s.io/v1", "admissionregistration.k8s.io/v1"];

    [Fact]
    public async Task Every_request_is_allowed_by_the_chart_and_without_any_single_right_one_would_be_refused()
    {
        var requests = await LiveAsync(RenderedChart.Everything);

        Assert.Equal([], requests.Where(r => r.Code == 403).Select(r => r.ToString()));
        var questions = requests
            .Where(r => r.User.StartsWith("system:serviceaccount:hostdev-system:", StringComparison.Ordinal))
            .SelectMany(Questions)
            .Distinct()
            .ToList();
        var rights = Rights(RenderedChart.Everything).ToList();
        Assert.Equal([], questions.Where(q => !rights.Any(r => r.Allows(q))).Select(q => $"nothing allows {q}"));
        Assert.Equal(
            [],
            rights
                .Where(r => !questions.Any(q => r.Allows(q) && !rights.Any(other => other != r && other.Allows(q))))
                .Where(r => !IsOfTheVersionBefore(r))
                .Select(r => $"nothing needs {r}")
        );
    }

    /// <summary>
    /// While an upgrade is under way programs of the version before run with this chart's roles; they write Events by their other name.
    /// </summary>
    private static bool IsOfTheVersionBefore(Right right) => right is { Group: "events.k8s.io", Resource: "events" };

    [Fact]
    public void What_is_always_given_is_what_all_switches_give_without_the_rights_that_they_ask_for()
    {
        var more = Rights(RenderedChart.Everything)
            .Except(Rights(RenderedChart.Access))
            .Select(r => r.ToString())
            .Order(StringComparer.Ordinal);
        Assert.Equal([], Rights(RenderedChart.Access).Except(Rights(RenderedChart.Everything)));
        Assert.Equal(
            [
                $"create subjectaccessreviews of authorization.k8s.io for {Agent} everywhere",
                $"create subjectaccessreviews of authorization.k8s.io for {Operator} everywhere",
                $"create tokenreviews of authentication.k8s.io for {Agent} everywhere",
                $"create tokenreviews of authentication.k8s.io for {Operator} everywhere",
                $"patch nodes of  for {Operator} everywhere",
            ],
            more
        );
    }

    [Fact]
    public void Static_Pods_get_the_agent_s_rights_through_their_kubelets_and_only_then()
    {
        static IEnumerable<string> Groups(IEnumerable<JsonObject> manifests) =>
            manifests
                .Where(m => m["subjects"] is not null)
                .SelectMany(m =>
                    m["subjects"]!
                        .AsArray()
                        .Where(s => (string)s!["kind"]! == "Group")
                        .Select(s => $"{(string)m["roleRef"]!["name"]!}: {(string)s!["name"]!}")
                );
        Assert.Equal([], Groups(RenderedChart.Access));
        Assert.Equal(["hostdev-agent: system:nodes", "hostdev-events: system:nodes"], Groups(RenderedChart.Everything));
    }

    /// <summary>The test of the test: what is missing is refused.</summary>
    [Fact]
    public async Task A_right_that_is_taken_away_is_missed()
    {
        var access = RenderedChart.Access.Select(m => m.DeepClone().AsObject()).ToList();
        var rules = access.Single(m =>
            RenderedChart.Text(m, "kind") == "ClusterRole" && RenderedChart.Text(m["metadata"]!, "name") == ClusterMembers.OperatorAccount
        )["rules"]!.AsArray();
        rules.Remove(rules.Single(r => Texts(r!, "resources").Contains("hostdevices/status")));
        var (bench, server) = await ClusterBench.SimulateAsync(access);
        await using var ended = bench;
        await bench.AddNodeAsync("gpu", DemoMachines.GpuNode);
        bench.StartOperator();
        await bench.HostDeviceAsync("gpus", GpuMachine.Gpus);
        await bench.UntilAsync(() =>
            server.Requests.All.Any(r => r is { Code: 403, Resource: "hostdevices", Subresource: "status", Verb: "patch" })
        );
    }

    /// <summary>The life of a cluster in which everybody does everything that they ever do, once at least.</summary>
    private static async Task<ImmutableArray<RequestRecord>> LiveAsync(IEnumerable<JsonObject> manifests)
    {
        var (bench, server) = await ClusterBench.SimulateAsync(
            manifests.Where(m => s_access.Contains(RenderedChart.Text(m, "apiVersion")))
        );
        await using var ended = bench;
        var node = await bench.AddNodeAsync("gpu-1", DemoMachines.GpuNode);
        using var operating = bench.Seat.Connect(
            ApiUser.ServiceAccount(bench.Seat.Namespace, ClusterMembers.OperatorAccount),
            "hostdev-operator/test",
            NullLoggerFactory.Instance
        );
        var options = new OperatorOptions
        {
            Namespace = bench.Seat.Namespace,
            Identity = "hostdev-operator-0",
            NodeLabels = true,
            Timings = ClusterBench.Timings,
        };
        using var end = new CancellationTokenSource();
        var run = new OperatorHost(operating, options, TimeProvider.System, new Random(1), NullLoggerFactory.Instance).RunAsync(end.Token);

        await bench.HostDeviceAsync("gpus", "[{vendor: \"10de\"}]");
        await bench.ApplyAsync(
            "SriovPolicy",
            "nics",
            "{nodeSelector: {}, physicalFunctions: [{vendor: \"8086\"}], numVfs: 1, pools: [{name: all, vfs: "
                + "[{first: 0, last: 0}], resourceName: example.com/vf}]}"
        );
        await bench.ApplyAsync(
            "MdevProfile",
            "vgpus",
            "{nodeSelector: {}, resourceName: example.com/vgpu, parents: {selectors: [{vendor: \"ffff\"}]}, "
                + "typeName: none, instances: {mode: Static, count: 1}}"
        );
        await bench.ReadyAsync("gpus");
        await bench.UntilAsync(async () =>
            await bench.FindAsync("sriovpolicies.hostdev.io", "nics") is { } it
            && it["status"] is not null
            && await bench.FindAsync("mdevprofiles.hostdev.io", "vgpus") is { } other
            && other["status"] is not null
        );

        using var asking = bench.Seat.Connect(
            ApiUser.ServiceAccount(bench.Seat.Namespace, GiveBackAccount),
            "hostdev-operator/test",
            NullLoggerFactory.Instance
        );
        var said = new List<string>();
        var giveBack = new GiveBack(
            asking,
            new Selection { Namespace = bench.Seat.Namespace, Labels = OperatorOptions.DefaultAgentSelector },
            said.Add,
            TimeProvider.System
        );
        Assert.True(await giveBack.RunAsync(TimeSpan.FromSeconds(30), default), string.Join('\n', said));
        await giveBack.UndoAsync(default);
        await bench.ReadyAsync("gpus"); // the same as before: its Event becomes a series
        await bench.UntilAsync(() =>
            server.Requests.All.Any(r => r is { User: Operator, Verb: "patch", Resource: "events" })
            && server.Requests.All.Any(r => r is { User: Agent, Verb: "patch", Resource: "events" })
        );
        Assert.Equal(PodPhase.Running, (await node.StartVmAsync("vm", new DeviceRequest("example.com/gpus", 1))).Phase);
        await bench.DeleteAsync("hostdevices.hostdev.io", "gpus"); // whether its kind is still there is asked
        await bench.UntilAsync(() =>
            server.Requests.All.Any(r => r is { User: Operator, Verb: "get", Resource: "customresourcedefinitions" })
        );
        Assert.False(await giveBack.RunAsync(TimeSpan.Zero, default)); // the VM has one: what is held is told
        await ReadMetricsAsync(operating, server);
        using var reading = bench.Seat.Connect(
            ClusterMembers.AgentUser(bench.Seat.Namespace, node.Name),
            "hostdev-device-plugin/test",
            NullLoggerFactory.Instance
        );
        await ReadMetricsAsync(reading, server);
        await end.CancelAsync();
        await run;
        return server.Requests.All;
    }

    /// <summary>As --authenticate-metrics does, for a reader who is bound to the chart's role.</summary>
    private static async Task ReadMetricsAsync(KubeClient client, SimulatedApiServer server)
    {
        var token = server.AddUser(ApiUser.ServiceAccount("monitoring", "prometheus"));
        if (server.Objects.Get("clusterrolebindings.rbac.authorization.k8s.io", "prometheus") is null)
            server.Objects.Create(
                JsonNode
                    .Parse(
                        """
                        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "prometheus"},
                         "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "hostdev-metrics-reader"},
                         "subjects": [{"kind": "ServiceAccount", "namespace": "monitoring", "name": "prometheus"}]}
                        """
                    )!
                    .AsObject()
            );
        Assert.Equal((200, ""), await new PathAccess(client, "/metrics", TimeProvider.System).AskAsync(token, default));
    }

    /// <summary>What authorization was asked for a request. Server-side apply of something that is not there asks for create too.</summary>
    private static IEnumerable<Question> Questions(RequestRecord record)
    {
        var question = new Question(
            record.User,
            record.Verb,
            record.Group,
            record.Subresource.Length == 0 ? record.Resource : $"{record.Resource}/{record.Subresource}",
            record.Namespace,
            record.Name
        );
        // A name cannot be asked of a create.
        yield return record.Verb == "create" ? question with { Name = "" } : question;
        if (record is { Verb: "patch", Code: 201 })
            yield return question with
            {
                Verb = "create",
            };
        // Both are made with an owner, and who sets one may have to be allowed to delete (OwnerReferencesPermissionEnforcement).
        if (record is { User: Operator, Code: 201, Resource: "nodedevicestates" or "leases" })
            yield return question with
            {
                Verb = "delete",
            };
    }

    /// <summary>Every right of the chart on its own: one user, one verb, one resource, one name.</summary>
    private static IEnumerable<Right> Rights(IEnumerable<JsonObject> manifests)
    {
        var all = manifests.ToList();
        foreach (var binding in all.Where(m => RenderedChart.Text(m, "kind") is "RoleBinding" or "ClusterRoleBinding"))
        {
            var ns = RenderedChart.Text(binding["metadata"]!, "namespace");
            var role = all.Single(m =>
                RenderedChart.Text(m, "kind") == (string)binding["roleRef"]!["kind"]!
                && RenderedChart.Text(m["metadata"]!, "name") == (string)binding["roleRef"]!["name"]!
                && RenderedChart.Text(m["metadata"]!, "namespace") == ns
            );
            var users = binding["subjects"]!
                .AsArray()
                .Where(s => (string)s!["kind"]! == "ServiceAccount")
                .Select(s => $"system:serviceaccount:{s!["namespace"]}:{s["name"]}");
            foreach (
                var right in from user in users
                from rule in role["rules"]!.AsArray()
                from verb in Texts(rule!, "verbs")
                from @group in Texts(rule!, "apiGroups")
                from resource in Texts(rule!, "resources")
                from name in Texts(rule!, "resourceNames").DefaultIfEmpty("")
                select new Right(user, verb, @group, resource, ns, name)
            )
                yield return right;
        }
    }

    private static IEnumerable<string> Texts(JsonNode rule, string name) => rule[name]?.AsArray().Select(t => (string)t!) ?? [];

    private sealed record Question(string User, string Verb, string Group, string Resource, string Namespace, string Name);

    /// <param name="Namespace">Empty for the whole cluster.</param>
    /// <param name="Name">Empty for all.</param>
    private sealed record Right(string User, string Verb, string Group, string Resource, string Namespace, string Name)
    {
        public bool Allows(Question question) =>
            (User, Verb, Group, Resource) == (question.User, question.Verb, question.Group, question.Resource)
            && (Namespace.Length == 0 || Namespace == question.Namespace)
            && (Name.Length == 0 || Name == question.Name);

        public override string ToString() =>
            $"{Verb} {Resource}{(Name.Length == 0 ? "" : $"/{Name}")} of {Group} for {User} "
            + $"{(Namespace.Length == 0 ? "everywhere" : $"in {Namespace}")}";
    }
}
