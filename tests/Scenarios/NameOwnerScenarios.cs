using System.Collections.Immutable;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Allocating;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Kubelet;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>Whose a resource name is, over updates, rollbacks and lost files of the whole agent; other plugins live on the node.</summary>
public sealed class NameOwnerScenarios
{
    private const string First = "0000:46:00.0";
    private const string Second = "0000:85:00.0";
    private const string Edu = "example.com/edu";
    private const string Rdma = "rdma/hca";

    private static readonly string Both = Desired.Policies(
        Desired.HostDevice("edu", First),
        Desired.HostDevice("more", Second).Replace("example.com/more", Edu, StringComparison.Ordinal)
    );

    [Fact]
    public async Task On_a_fresh_node_a_name_is_registered_beside_other_plugins_and_what_is_listed_is_kept()
    {
        await using var bench = await ScenarioBench.StartAsync(new SimulatedNode(), Both, start: false);
        await using var rdma = await StartRdmaAsync(bench);
        bench.StartAgent();

        await bench.ReadyAsync();
        Assert.Equal(2, bench.Kubelet.Allocatable(Edu));
        Assert.Equal([(Edu, First), (Edu, Second)], new ListedFile(bench.StateDirectory).Listed!.All);
    }

    /// <summary>The version before kept nothing of what it listed. One device was given to a pod, the other was only offered.</summary>
    [Fact]
    public async Task After_an_update_what_the_version_before_offered_and_gave_out_is_ours()
    {
        await using var bench = await StartAsync();
        await using var rdma = await StartRdmaAsync(bench);
        Assert.Equal(PodPhase.Running, (await AdmitAsync(bench, "vm")).Phase);
        await bench.UntilAsync(() => bench.WaitsFor(First) is "" || bench.WaitsFor(Second) is "");
        await bench.StopAgentAsync();
        File.Delete(FileOf(bench));
        Assert.Equal([First, Second], Entry(bench));

        bench.StartAgent();

        await bench.UntilAsync(() => bench.Kubelet.Registrations[Edu] == 2 && bench.Kubelet.Allocatable(Edu) == 2);
        await bench.ReadyAsync();
        Assert.Equal(PodPhase.Running, (await AdmitAsync(bench, "second")).Phase);
        Assert.Equal([(Edu, First), (Edu, Second)], new ListedFile(bench.StateDirectory).Listed!.All);
    }

    [Fact]
    public async Task What_a_version_before_listed_during_a_rollback_is_ours_after_the_next_update()
    {
        await using var bench = await StartAsync(Desired.Policies(Desired.HostDevice("edu", First)));
        await using var rdma = await StartRdmaAsync(bench);
        var kept = await File.ReadAllTextAsync(FileOf(bench), TestContext.Current.CancellationToken);
        bench.Desire(Both);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Edu) == 2);
        await bench.StopAgentAsync();
        await File.WriteAllTextAsync(FileOf(bench), kept, TestContext.Current.CancellationToken); // the version before left it as it was

        bench.StartAgent();

        await bench.UntilAsync(() => bench.Kubelet.Registrations[Edu] == 2 && bench.Kubelet.Allocatable(Edu) == 2);
        await bench.ReadyAsync();
    }

    [Theory]
    [InlineData("{\"format\": 1, \"resour")]
    [InlineData("{\"format\": 7, \"names\": {}}")]
    public async Task A_file_that_is_torn_or_of_another_format_costs_nothing_and_is_written_anew(string text)
    {
        await using var bench = await StartAsync();
        await using var rdma = await StartRdmaAsync(bench);
        await bench.StopAgentAsync();
        await File.WriteAllTextAsync(FileOf(bench), text, TestContext.Current.CancellationToken);

        bench.StartAgent();

        await bench.UntilAsync(() => bench.Kubelet.Registrations[Edu] == 2 && bench.Kubelet.Allocatable(Edu) == 2);
        await bench.ReadyAsync();
        Assert.Equal([(Edu, First), (Edu, Second)], new ListedFile(bench.StateDirectory).Listed!.All);
    }

    [Fact]
    public async Task A_name_that_another_plugin_has_keeps_its_policy_from_Ready_and_the_admin_reads_whose_it_is_until_it_is_gone()
    {
        await using var bench = await ScenarioBench.StartAsync(new SimulatedNode(), Both, start: false);
        bench.KubeletTimings = bench.KubeletTimings with
        {
            OthersReturn = TimeSpan.FromMilliseconds(300),
            Poll = TimeSpan.FromMilliseconds(50),
        };
        var foreign = new ForeignPlugin(bench.Kubelet.Directory, Edu, "edu-plugin.sock");
        await foreign.StartAsync();
        foreign.List("card-1", "card-2");
        await foreign.RegisterAsync();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Edu) == 2);
        bench.StartAgent();

        await bench.UntilAsync(() => bench.Problem("edu").Reason == Reasons.ResourceContested);
        var words =
            $"{Edu} is another device plugin's on this node: the kubelet has card-1, card-2 under it, which this agent never listed, and a "
            + $"socket of another plugin in {bench.Kubelet.Directory} (edu-plugin.sock) answers. So it is not registered: ";
        Assert.StartsWith(words, bench.Problem("edu").Message, StringComparison.Ordinal);
        await bench.UntilAsync(() => bench.Condition("Ready") == "False" && bench.Why("Degraded").Reason == Reasons.ResourceContested);
        Assert.Equal(0, (int)bench.Policy("edu")!["ready"]!);
        Assert.StartsWith("Not offered as ", bench.State(Second), StringComparison.Ordinal);
        Assert.Equal(1, bench.Kubelet.Registrations[Edu]);
        Assert.Equal(PodPhase.Running, (await AdmitAsync(bench, "vm")).Phase); // of the other's

        await foreign.DisposeAsync();
        bench.Kubelet.DeletePod("vms", "vm");
        await bench.ReadyAsync();
        await bench.UntilAsync(() => bench.Kubelet.Devices(Edu) is [{ Id: First }, { Id: Second }]);
    }

    private static async Task<ScenarioBench> StartAsync(string? desired = null)
    {
        var bench = await ScenarioBench.StartAsync(new SimulatedNode(), desired ?? Both);
        await bench.ReadyAsync();
        return bench;
    }

    /// <summary>A plugin of another name, whose socket does not say which.</summary>
    private static async Task<ForeignPlugin> StartRdmaAsync(ScenarioBench bench)
    {
        var plugin = new ForeignPlugin(bench.Kubelet.Directory, Rdma, "roce.sock");
        await plugin.StartAsync();
        plugin.List("mlx5_0");
        await plugin.RegisterAsync();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable(Rdma) == 1);
        return plugin;
    }

    private static Task<SimulatedPod> AdmitAsync(ScenarioBench bench, string pod) =>
        bench.Kubelet.AdmitPodAsync("vms", pod, new DeviceRequest(Edu, 1));

    private static string FileOf(ScenarioBench bench) => Path.Combine(bench.StateDirectory, ListedFile.FileName);

    private static ImmutableArray<string> Entry(ScenarioBench bench) =>
        [.. new KubeletCheckpointReader(bench.Kubelet.Directory).ReadHealthy(Edu).Order(StringComparer.Ordinal)];
}
