using Hostdev.Kube.Client;
using Hostdev.Operator;
using Hostdev.Operator.Commands;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.Cluster;
using Xunit;
using static Hostdev.Tests.Operator.OperatorBench;

namespace Hostdev.Tests.Operator;

/// <summary><c>hostdev-operator check</c>, by the words that it prints.</summary>
public sealed class InstallationCheckTests
{
    [Fact]
    public async Task Says_what_is_there_once_an_operator_leads_and_every_agent_has_reported()
    {
        await using var bench = await StartAsync();
        bench.AddNodes(2);
        bench.StartOperator();
        await Waiting.UntilAsync(() => bench.Has("node-01") == "" && bench.Has("node-02") == "");
        bench.Report("node-01");
        var check = CheckAsync(bench, TimeSpan.FromSeconds(30));
        await Task.Delay(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
        Assert.False(check.IsCompleted); // it waits for the second
        bench.Report("node-02");
        var (isWell, said) = await check;

        Assert.True(isWell, string.Join('\n', said));
        Assert.Equal("HostDevice, SriovPolicy, MdevProfile, NodeDeviceState are served", said[0]);
        Assert.Matches("^operator-0 leads$", said[1]);
        Assert.Equal(["the agents of 2 nodes have reported"], said[2..]);
    }

    [Fact]
    public async Task Says_of_each_node_what_its_agent_lacks_and_that_nobody_leads()
    {
        await using var bench = await StartAsync();
        var (isWell, said) = await CheckAsync(bench, TimeSpan.Zero);
        Assert.False(isWell);
        Assert.Equal(
            [
                "not everything is there after 0 s:",
                "  no operator leads: there is no Lease hostdev-operator in hostdev-system: look at the operators' Pods and their logs",
                "  no agent's Pod is on a node: agent.nodeSelector chooses none, or hostdev-system does not admit privileged Pods "
                    + "(kubectl describe daemonset says which)",
            ],
            said
        );

        bench.AddNodes(3);
        var one = bench.StartOperator();
        await Waiting.UntilAsync(() => Enumerable.Range(1, 3).All(i => bench.Has(Name(i)) == ""));
        bench.Report("node-03");
        await one.KillAsync(); // its lease stays and is not renewed
        bench.Agent("node-01", ready: false);
        bench.AddNode("node-04");
        (isWell, said) = await CheckAsync(bench, TimeSpan.FromSeconds(2));
        Assert.False(isWell);
        Assert.Equal(
            [
                "not everything is there after 2 s:",
                "  no operator leads: operator-0 has the Lease hostdev-operator and does not renew it: look at its log",
                "  node-01: the agent's Pod is not Ready: look at its log",
                "  node-02: the agent is Ready and has not reported what it is asked for now: look at its log",
                "  node-04: no operator has made its NodeDeviceState yet",
            ],
            said
        );
    }

    [Fact]
    public async Task Says_which_kinds_are_not_served()
    {
        await using var bench = await StartAsync();
        bench.Objects.Delete(Definitions, "mdevprofiles.hostdev.io");
        await Waiting.UntilAsync(() => bench.Objects.List(Definitions).Length == 3);
        var (isWell, said) = await CheckAsync(bench, TimeSpan.Zero);

        Assert.False(isWell);
        Assert.Equal(
            ["not everything is there after 0 s:", "  MdevProfile is not served: apply the chart's CRD mdevprofiles.hostdev.io"],
            said
        );
    }

    /// <summary>As Ctrl-C stops it, and SIGTERM: the same for both commands that wait.</summary>
    [Theory]
    [InlineData("check", "whether everything is there is not known yet; run it again")]
    [InlineData("give-back", "the nodes go on giving back; run it again to wait for them, or with --undo")]
    public async Task A_command_that_is_stopped_while_it_waits_says_what_is_so_and_ends_with_1(string command, string said)
    {
        await using var bench = await StartAsync();
        bench.AddNode("node-01");
        bench.StartOperator();
        await Waiting.UntilAsync(() => bench.Has("node-01") == ""); // its agent never reports
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        await using var output = new StringWriter();
        string[] arguments = [command, "--kubeconfig", bench.Cluster.Kubeconfig, "--namespace", SandboxCluster.SystemNamespace];
        var run = OperatorCommand.InvokeAsync(arguments, output, stop.Token);
        await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
        Assert.False(run.IsCompleted);
        await stop.CancelAsync();

        Assert.Equal(1, await run);
        Assert.EndsWith($"hostdev-operator: stopped: {said}{Environment.NewLine}", output.ToString(), StringComparison.Ordinal);
    }

    private static async Task<(bool IsWell, List<string> Said)> CheckAsync(OperatorBench bench, TimeSpan timeout)
    {
        var agents = new Selection { Namespace = SandboxCluster.SystemNamespace, Labels = OperatorOptions.DefaultAgentSelector };
        using var client = bench.Cluster.CreateClient(new ApiUser("kubernetes-admin", [ApiUser.Masters]), "hostdev-operator/test");
        var said = new List<string>();
        var check = new InstallationCheck(client, agents, said.Add, TimeProvider.System);
        return (await check.RunAsync(timeout, TestContext.Current.CancellationToken), said);
    }
}
