using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Kube.Client;
using Hostdev.Operator;
using Hostdev.Operator.Commands;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.ApiServer.Faults;
using Hostdev.Sandbox.Cluster;
using Xunit;
using static Hostdev.Tests.Operator.OperatorBench;

namespace Hostdev.Tests.Operator;

[Trait(Pace.Name, Pace.Slow)]
public sealed class CommandTests
{
    private static readonly Selection Agents = new()
    {
        Namespace = SandboxCluster.SystemNamespace,
        Labels = OperatorOptions.DefaultAgentSelector,
    };

    [Fact]
    public async Task Give_back_with_an_operator_empties_every_spec_waits_and_says_who_still_holds_what()
    {
        await using var bench = await StartAsync();
        bench.AddNodes(3);
        bench.Apply("gpus");
        bench.StartOperator();
        await Waiting.UntilAsync(() => Enumerable.Range(1, 3).All(i => bench.Has(Name(i)) == "gpus:1"));
        for (var i = 1; i <= 3; i++)
            bench.Report(Name(i));
        bench.Agent("node-03", ready: false);
        using var client = Client(bench);
        var said = new List<string>();
        Assert.False(await new GiveBack(client, Agents, said.Add, TimeProvider.System).RunAsync(TimeSpan.Zero, default));
        Assert.Equal(
            [
                "0 of 3 nodes have given everything back; node-01, node-02, node-03 to go",
                "not everything is given back after 0 s:",
                "  node-01: the agent has not answered yet",
                "  node-02: the agent has not answered yet",
                "  node-03: the agent's Pod is not Ready, so nobody knows: look at its log; it gives everything back once it runs",
                "the nodes go on giving back: free what is held and run this again, or hostdev-operator give-back "
                    + "--undo for nodes to get their policies again",
            ],
            said
        );
        bench.Report("node-01");
        bench.Report(
            "node-02",
            releasing: [new DeviceProblem("0000:44:00.0", FindingState.Releasing, Reasons.Of("Unbinding"), "waits for its driver")],
            allocations: [new AllocationStatus("0000:43:00.0", "example.com/gpu", "vms", "web")]
        );
        said.Clear();
        Assert.False(await new GiveBack(client, Agents, said.Add, TimeProvider.System).RunAsync(TimeSpan.Zero, default));
        Assert.Equal("1 of 3 nodes have given everything back; node-02, node-03 to go", said[0]);
        Assert.Equal(
            [
                "  node-02: 0000:43:00.0 (example.com/gpu) belongs to Pod vms/web: stop or migrate its VM",
                "  node-02: 0000:44:00.0: waits for its driver",
            ],
            said[2..4]
        );

        await bench.QuietAsync(); // the operator leaves it so
        Assert.Equal("  ", $"{bench.Has("node-01")} {bench.Has("node-02")} {bench.Has("node-03")}");
        Assert.Equal("False/GiveBack", bench.Condition("gpus"));
        bench.Agent("node-03", ready: true);
        var end = new GiveBack(client, Agents, said.Add, TimeProvider.System).RunAsync(TimeSpan.FromSeconds(20), default);
        bench.Report("node-02");
        bench.Report("node-03");
        Assert.True(await end);
        Assert.Equal("everything is given back on all 3 nodes", said[^1]);

        await new GiveBack(client, Agents, said.Add, TimeProvider.System).UndoAsync(default);
        await Waiting.UntilAsync(() => Enumerable.Range(1, 3).All(i => bench.Has(Name(i)) == "gpus:1"));
    }

    [Fact]
    public async Task What_is_held_is_told_as_soon_as_a_node_has_answered_each_once_and_of_a_Pod_that_is_gone_what_is_waited_for()
    {
        await using var bench = await StartAsync();
        bench.AddNodes(2);
        bench.Apply("gpus");
        bench.StartOperator();
        await Waiting.UntilAsync(() => bench.Has("node-01") == "gpus:1" && bench.Has("node-02") == "gpus:1");
        using var client = Client(bench);
        using var end = new CancellationTokenSource();
        var said = new List<string>();
        var run = new GiveBack(client, Agents, said.Add, TimeProvider.System).RunAsync(TimeSpan.FromMinutes(10), end.Token);
        await Waiting.UntilAsync(() => bench.Has("node-01") == "" && bench.Has("node-02") == "");
        var proof = "the kubelet's list lacks it; a list at least 10 s later must lack it too";
        bench.Report(
            "node-01",
            allocations:
            [
                new AllocationStatus("0000:43:00.0", "example.com/gpu", "vms", "web"),
                new AllocationStatus("0000:44:00.0", "example.com/gpu", "vms", "gone", proof),
            ]
        );
        await Waiting.UntilAsync(() => said.Count > 2, 20);
        await Task.Delay(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken); // the next look says nothing again
        Assert.Equal(
            [
                "0 of 2 nodes have given everything back; node-01, node-02 to go",
                "  node-01: 0000:43:00.0 (example.com/gpu) belongs to Pod vms/web: stop or migrate its VM",
                $"  node-01: 0000:44:00.0 (example.com/gpu) is not proven free yet: {proof}; Pod vms/gone had it",
            ],
            said
        );

        bench.Report("node-02");
        bench.Report("node-01", allocations: [new AllocationStatus("0000:43:00.0", "example.com/gpu", "vms", "web", proof)]);
        await Waiting.UntilAsync(() => said.Count > 4, 20);
        Assert.Equal(
            [
                "1 of 2 nodes have given everything back; node-01 to go",
                $"  node-01: 0000:43:00.0 (example.com/gpu) is not proven free yet: {proof}; Pod vms/web had it",
            ],
            said[3..].Order(StringComparer.Ordinal).Reverse()
        );
        bench.Report("node-01");
        Assert.True(await run);
    }

    [Fact]
    public async Task A_node_whose_agent_never_was_Ready_has_nothing_to_give_back_and_one_that_was_is_waited_for()
    {
        await using var bench = await StartAsync();
        (string Name, string? Reason, int ReadyAfter)[] nodes =
        [
            ("no-image", "ImagePullBackOff", 0),
            ("ends", "CrashLoopBackOff", 0),
            ("starts", null, 0),
            ("was-ready", "CrashLoopBackOff", 60),
            ("no-pod", null, 0),
            ("ready", null, 0),
        ];
        foreach (var (name, reason, readyAfter) in nodes)
        {
            bench.AddNode(name);
            if (name != "ready")
                bench.AgentPod(name, reason, TimeSpan.FromSeconds(readyAfter));
        }

        bench.Apply("gpus");
        bench.StartOperator();
        await Waiting.UntilAsync(() => nodes.All(n => bench.Has(n.Name) == "gpus:1"));
        bench.Objects.Delete("pods", "agent-no-pod", SandboxCluster.SystemNamespace);
        using var client = Client(bench);
        var said = new List<string>();
        using (var soon = new CancellationTokenSource())
        {
            var run = new GiveBack(client, Agents, said.Add, TimeProvider.System).RunAsync(TimeSpan.FromMinutes(1), soon.Token);
            await Waiting.UntilAsync(() => said.Count > 0);
            Assert.Equal("3 of 6 nodes have given everything back; ready, starts, was-ready to go", said[0]); // it may be Ready soon
            await soon.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        }

        said.Clear();
        Assert.False(await new GiveBack(client, Agents, said.Add, TimeProvider.System).RunAsync(TimeSpan.Zero, default));
        Assert.Equal(
            [
                "  ready: the agent has not answered yet",
                "  was-ready: the agent's Pod is not Ready, so nobody knows: look at its log; it gives everything back once it runs",
            ],
            said[2..4]
        );

        bench.Report("ready");
        bench.Objects.Delete(States, "was-ready");
        bench.Objects.Delete("nodes", "was-ready");
        Assert.True(
            await new GiveBack(client, Agents, said.Add, TimeProvider.System).RunAsync(TimeSpan.Zero, default),
            string.Join('\n', said)
        );
        Assert.Equal(
            ["no agent's Pod was ever Ready on ends, no-image and 2 more: nothing was taken there", "everything is given back on ready"],
            said[^2..]
        );
    }

    [Fact]
    public async Task Give_back_works_where_no_operator_runs()
    {
        await using var bench = await StartAsync();
        bench.AddNode("a");
        bench.Apply("gpus");
        var process = bench.StartOperator();
        await Waiting.UntilAsync(() => bench.Has("a") == "gpus:1");
        await process.DisposeAsync();
        using var client = Client(bench);
        await new GiveBack(client, Agents, _ => { }, TimeProvider.System).RunAsync(TimeSpan.Zero, default);
        Assert.Equal("", bench.Has("a"));
        bench.Report("a");
        Assert.True(await new GiveBack(client, Agents, _ => { }, TimeProvider.System).RunAsync(TimeSpan.Zero, default));
    }

    [Fact]
    public async Task Give_back_outlives_what_an_API_server_that_restarts_answers_and_says_it_once()
    {
        await using var bench = await StartAsync();
        bench.AddNode("a");
        bench.Apply("gpus");
        bench.StartOperator();
        await Waiting.UntilAsync(() => bench.Has("a") == "gpus:1");
        bench.Report("a");
        using var client = Client(bench);
        var said = new List<string>();
        bench.Cluster.Server.Faults.Add(new FaultRule(new ApiFault.Refuse(500)) { Resource = "nodedevicestates", Verb = "list" });
        var run = new GiveBack(client, Agents, said.Add, TimeProvider.System).RunAsync(TimeSpan.FromSeconds(30), default);
        await Waiting.UntilAsync(() => said.Count > 0);
        bench.Cluster.Server.Faults.Clear();
        await Waiting.UntilAsync(() => bench.Has("a") == "");
        bench.Report("a");
        Assert.True(await run);
        Assert.EndsWith(": tried again", Assert.Single(said, s => s.Contains("500", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Equal("everything is given back on a", said[^1]);
    }

    [Fact]
    public async Task The_snippet_has_everything_that_nodes_offer_and_says_how_it_gets_into_KubeVirt()
    {
        await using var bench = await StartAsync();
        using var client = Client(bench);
        Assert.Equal(
            (null, "there is no HostDevice, SriovPolicy or MdevProfile yet: apply one first"),
            await KubeVirtSnippetCommand.ReadAsync(client, default)
        );
        bench.AddNode("a");
        bench.Apply("gpus");
        bench.StartOperator();
        await Waiting.UntilAsync(() => bench.Has("a") == "gpus:1");
        Assert.StartsWith(
            "no policy has found a device yet",
            (await KubeVirtSnippetCommand.ReadAsync(client, default)).Problem,
            StringComparison.Ordinal
        );
        bench.Report("a");
        var (text, _) = await KubeVirtSnippetCommand.ReadAsync(client, default);
        Assert.EndsWith(
            string.Join(
                '\n',
                "#   kubectl edit kubevirt -n kubevirt kubevirt",
                "# Do not apply them: the lists are atomic, and whoever applies one takes away everybody else's entries.",
                "# If there is no permittedHostDevices yet: without it KubeVirt permits every resource name, and with it none that "
                    + "it lacks. Add those of other device plugins too,",
                "# or their VMs end with Synchronized=False, FailedCreate.",
                "# An older entry for the same ids without externalResourceProvider: true makes KubeVirt's own device plugin offer "
                    + "the same devices beside Hostdev, and one device can be",
                "# given to two VMs: remove that entry, or set it to true there.",
                "# A resource belongs under gpus or under hostDevices of one VM, not under both: KubeVirt would give both entries the same "
                    + "device.",
                "permittedHostDevices:",
                "  pciHostDevices:",
                "  - pciVendorSelector: \"10DE:2236\"",
                "    resourceName: example.com/gpu",
                "    externalResourceProvider: true",
                ""
            ),
            text,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_snippet_that_is_stopped_while_it_is_read_says_that_nothing_is_printed()
    {
        await using var bench = await StartAsync();
        bench.Apply("gpus");
        await using var output = new StringWriter();

        var code = await OperatorCommand.InvokeAsync(
            ["kubevirt-snippet", "--kubeconfig", bench.Cluster.Kubeconfig],
            output,
            new CancellationToken(canceled: true)
        );

        var said = "hostdev-operator: stopped: not all policies were read, so nothing is printed; run it again";
        Assert.Equal((1, said), (code, output.ToString().TrimEnd()));
    }

    private static KubeClient Client(OperatorBench bench) =>
        bench.Cluster.CreateClient(new ApiUser("kubernetes-admin", [ApiUser.Masters]), "hostdev-operator/test");
}
