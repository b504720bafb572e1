using System.Text.Json.Nodes;
using Hostdev.Tests.Charts;
using Hostdev.Tests.Cluster;
using Xunit;

namespace Hostdev.Tests.KubectlPlugin;

/// <summary>
/// <c>kubectl hostdev cordon</c> and <c>uncordon</c>, by the program itself: what is written, and what is refused with which words.
/// </summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class CordonTests
{
    private const string Status = """
        follows: [policies, cordons]
        devices:
        - {id: "0000:11:00.0", class: pci, state: Offered as example.com/gpu}
        - {id: "0000:12:00.0", class: pci}
        allocations:
        - {id: "0000:11:00.0", resource: example.com/gpu, namespace: vms, pod: virt-launcher-a}
        virtualFunctions:
        - {physicalFunction: "0000:12:00.0", total: 8, current: 4, ranges: ["0-3: vfio-pci"]}
        """;

    [Fact]
    public async Task A_cordon_is_written_with_who_when_and_why_and_policies_stay()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", Status, "[{kind: HostDevice, name: gpu, uid: u, generation: 1, spec: {resourceName: example.com/gpu}}]");
        var done = await bench.RunAsync("cordon", "node-1", "0000:11:00.0", "--reason", "fans are replaced");
        Assert.Equal(
            (0, "0000:11:00.0 on node-1 is cordoned: no pod is given it; pod vms/virt-launcher-a keeps it until it ends\n", ""),
            (done.ExitCode, done.Output, done.Error)
        );
        var (spec, metadata) = (Spec(bench), State(bench)["metadata"]!);
        var entry = Assert.Single(spec["cordons"]!.AsArray())!.AsObject();
        Assert.Equal(
            ("0000:11:00.0", "fans are replaced", "kubernetes-admin"),
            ((string)entry["device"]!, (string)entry["reason"]!, (string)entry["by"]!)
        );
        Assert.True(DateTimeOffset.UtcNow - DateTimeOffset.Parse((string)entry["since"]!) < TimeSpan.FromMinutes(2));
        Assert.Single(spec["policies"]!.AsArray());
        Assert.Contains(metadata["managedFields"]!.AsArray(), m => (string)m!["manager"]! == "kubectl-hostdev");

        var again = await bench.RunAsync("cordon", "node-1", "0000:11:00.0", "--reason", "fans are replaced");
        Assert.StartsWith("0000:11:00.0 on node-1 is cordoned already by kubernetes-admin since ", again.Output, StringComparison.Ordinal);
        await bench.RunAsync("cordon", "node-1", "0000:11:00.0", "--reason", "power supply");
        var other = Assert.Single(Spec(bench)["cordons"]!.AsArray())!;
        Assert.Equal(("power supply", (string)entry["since"]!), ((string)other["reason"]!, (string)other["since"]!));

        var ended = await bench.RunAsync("uncordon", "node-1", "0000:11:00.0");
        Assert.Equal("0000:11:00.0 on node-1 is not cordoned any more: it is offered as policies say\n", ended.Output);
        Assert.Null(Spec(bench)["cordons"]);
        Assert.Single(Spec(bench)["policies"]!.AsArray());
    }

    [Fact]
    public async Task What_others_have_written_stays_word_for_word_and_their_cordon_needs_force()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", Status);
        bench.Cluster.Server.Objects.Change(
            "nodedevicestates.hostdev.io",
            "node-1",
            s =>
                s["spec"]!["cordons"] = JsonNode.Parse(
                    """[{"device": "0000:12:00.0", "reason": "mine", "by": "ben"}, {"device": "not known", "reason": "x"}]"""
                )
        );
        var before = Spec(bench)["cordons"]!.AsArray().Select(c => c!.ToJsonString()).ToList();
        Assert.Equal(0, (await bench.RunAsync("cordon", "node-1", "0000:11:00.0", "--reason", "fans")).ExitCode);
        Assert.Equal(before, Spec(bench)["cordons"]!.AsArray().Take(2).Select(c => c!.ToJsonString()));

        var refused = await bench.RunAsync("cordon", "node-1", "0000:12:00.0", "--reason", "fans");
        Assert.Equal(
            (
                1,
                "kubectl-hostdev: 0000:12:00.0 on node-1 is cordoned by ben: mine: talk to whoever said so, or say it in their place with "
                    + "--force. It is kept back as it is\n"
            ),
            (refused.ExitCode, refused.Error)
        );
        refused = await bench.RunAsync("uncordon", "node-1", "0000:12:00.0");
        Assert.Equal(
            (
                1,
                "kubectl-hostdev: 0000:12:00.0 on node-1 is cordoned by ben: mine: talk to whoever said so, or end it with --force. It "
                    + "is kept back as it is\n"
            ),
            (refused.ExitCode, refused.Error)
        );
        Assert.Equal(3, Spec(bench)["cordons"]!.AsArray().Count);
        Assert.Equal(0, (await bench.RunAsync("uncordon", "node-1", "0000:12:00.0", "--force")).ExitCode);
        Assert.Equal(["not known", "0000:11:00.0"], Spec(bench)["cordons"]!.AsArray().Select(c => (string)c!["device"]!));
        var absent = await bench.RunAsync("uncordon", "node-1", "0000:12:00.0");
        Assert.StartsWith(
            "kubectl-hostdev: no cordon of node-1 names 0000:12:00.0: there is 0000:11:00.0 by kubernetes-admin since ",
            absent.Error,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_device_that_is_not_known_is_refused_and_one_that_may_be_a_virtual_function_is_taken_with_a_word()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", Status);
        bench.AddState("node-2", Status.Replace("current: 4", "current: 0", StringComparison.Ordinal));
        var unknown = await bench.RunAsync("cordon", "node-2", "0000:13:00.0", "--reason", "fans");
        Assert.Equal(
            (
                1,
                "kubectl-hostdev: node-2 reports no device 0000:13:00.0: it has 0000:11:00.0, 0000:12:00.0. kubectl hostdev devices --node "
                    + "node-2 lists all\n"
            ),
            (unknown.ExitCode, unknown.Error)
        );
        Assert.Equal(1, (await bench.RunAsync("cordon", "node-1", "gpu0", "--reason", "fans")).ExitCode);
        Assert.Null(Spec(bench)["cordons"]);
        var virtualFunction = await bench.RunAsync("cordon", "node-1", "0000:12:10.1", "--reason", "fans");
        Assert.Equal(0, virtualFunction.ExitCode);
        Assert.StartsWith(
            "kubectl-hostdev: node-1 reports no device 0000:12:10.1 by itself: where it is a virtual function that is free, ",
            virtualFunction.Error,
            StringComparison.Ordinal
        );
        var idle = await bench.RunAsync("cordon", "node-1", "0000:12:00.0", "--reason", "fans");
        Assert.Equal(
            "kubectl-hostdev: nothing of 0000:12:00.0 is offered now; what a policy asks for of it is kept back as well\n",
            idle.Error
        );
        var wordless = await bench.RunAsync("cordon", "node-1", "0000:12:00.0", "--reason", " ");
        Assert.Contains("--reason is empty: say why", wordless.Error, StringComparison.Ordinal);
        Assert.Contains("--reason", (await bench.RunAsync("cordon", "node-1", "0000:12:00.0")).Error, StringComparison.Ordinal);
    }

    /// <summary>An agent that does not know the field would follow nothing any more.</summary>
    [Fact]
    public async Task Where_the_agent_does_not_know_cordons_none_is_written()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", Status.Replace("follows: [policies, cordons]", "", StringComparison.Ordinal));
        var refused = await bench.RunAsync("cordon", "node-1", "0000:11:00.0", "--reason", "fans");
        Assert.Equal(
            (
                1,
                "",
                "kubectl-hostdev: the agent of node-1 does not know cordons, and would follow nothing any more if one were written: "
                    + "upgrade it and the CRDs (kubectl get nodedevicestate node-1 -o jsonpath='{.status.follows}' says cordons then)\n"
            ),
            (refused.ExitCode, refused.Output, refused.Error)
        );
        Assert.Null(Spec(bench)["cordons"]);
    }

    /// <summary>By helm's order of a rollback the CRD of the version before is there while agents of this one still write.</summary>
    [Fact]
    public async Task Under_the_CRD_of_the_version_before_none_is_written()
    {
        await using var bench = await KubectlBench.StartAsync();
        bench.AddState("node-1", Status);
        Assert.Equal(0, (await bench.RunAsync("cordon", "node-1", "0000:11:00.0", "--reason", "fans")).ExitCode);
        var before = ClusterBench.Yaml(
            await File.ReadAllTextAsync(
                Repository.Path("tests", "testdata", "crds", "2026-11-29", "nodedevicestates.yaml"),
                TestContext.Current.CancellationToken
            )
        );
        bench.Cluster.Server.Objects.Change(
            "customresourcedefinitions.apiextensions.k8s.io",
            "nodedevicestates.hostdev.io",
            d => d["spec"] = before["spec"]!.DeepClone()
        );
        await bench.Cluster.Server.SettleAsync(TestContext.Current.CancellationToken);
        var refused = await bench.RunAsync("cordon", "node-1", "0000:12:00.0", "--reason", "fans");
        Assert.StartsWith("kubectl-hostdev: the agent of node-1 does not know cordons", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_chart_gives_a_role_for_it_by_which_nothing_else_is_written()
    {
        await using var bench = await KubectlBench.StartAsync(rbac: true);
        foreach (var it in RenderedChart.Admission.Concat(RenderedChart.Access.Where(a => RenderedChart.Text(a, "kind") == "ClusterRole")))
            bench.Cluster.Server.Objects.Create(it.DeepClone().AsObject());
        foreach (var (name, role) in (ReadOnlySpan<(string, string)>)[("viewer", "hostdev-view"), ("ann", "hostdev-cordon")])
            bench.Cluster.Server.Objects.Create(
                ClusterBench.Yaml(
                    $"{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {{name: {name}}}, "
                        + $"roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {role}}}, "
                        + $"subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: {name}}}]}}"
                )
            );
        bench.AddState("node-1", Status);
        var viewer = await bench.RunAsAsync("viewer", "cordon", "node-1", "0000:11:00.0", "--reason", "fans");
        Assert.Equal(1, viewer.ExitCode);
        Assert.Contains("cannot patch resource \"nodedevicestates\"", viewer.Error, StringComparison.Ordinal);
        Assert.EndsWith(": ask for the ClusterRole hostdev-cordon, by a ClusterRoleBinding\n", viewer.Error, StringComparison.Ordinal);
        var done = await bench.RunAsAsync("ann", "cordon", "node-1", "0000:11:00.0", "--reason", "fans");
        Assert.Equal((0, ""), (done.ExitCode, done.Error));
        Assert.Equal("ann", (string)Spec(bench)["cordons"]![0]!["by"]!);
        Assert.Equal(0, (await bench.RunAsAsync("ann", "uncordon", "node-1", "0000:11:00.0")).ExitCode);
    }

    private static JsonObject State(KubectlBench bench) => bench.Cluster.Server.Objects.Get("nodedevicestates.hostdev.io", "node-1")!;

    private static JsonObject Spec(KubectlBench bench) => State(bench)["spec"]!.AsObject();
}
