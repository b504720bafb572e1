using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Sandbox.ApiServer.Faults;
using Hostdev.Sandbox.Cluster;
using Xunit;
using static Hostdev.Tests.Operator.OperatorBench;

namespace Hostdev.Tests.Operator;

/// <summary>One operator on an API server: what it writes, and what it does not.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class OperatorTests
{
    [Fact]
    public async Task A_policy_reaches_exactly_the_nodes_that_it_selects_and_then_nothing_is_written_any_more()
    {
        await using var bench = await StartAsync();
        bench.AddNode("a", ("gpu", "yes"));
        bench.AddNode("b");
        bench.StartOperator();
        await Waiting.UntilAsync(() => bench.Has("a") == "" && bench.Has("b") == "");
        bench.Report("a");
        bench.Report("b");
        await bench.QuietAsync();
        var mark = bench.Cluster.Server.Requests.Count;

        bench.Apply("gpus", selector: "{matchLabels: {gpu: \"yes\"}}");
        await Waiting.UntilAsync(() => bench.Has("a") == "gpus:1");
        bench.Report("a");
        await Waiting.UntilAsync(() => bench.Condition("gpus") == "True/Ready", state: bench.Show);
        await bench.QuietAsync();
        Assert.Equal(["a"], bench.Writes(mark).Where(w => w.Resource == "nodedevicestates").Select(w => w.Name));
        Assert.Equal("", bench.Has("b"));

        mark = bench.Cluster.Server.Requests.Count;
        // as kubelets do all the time
        bench.Objects.Change(
            "nodes",
            "b",
            n => n["status"] = new JsonObject { ["nodeInfo"] = new JsonObject { ["kubeletVersion"] = "v1.34.1" } },
            subresource: "status"
        );
        await bench.QuietAsync();
        Assert.Empty(bench.Writes(mark));
    }

    [Fact]
    public async Task A_spec_that_was_edited_by_hand_is_put_right()
    {
        await using var bench = await StartAsync();
        bench.AddNode("a");
        bench.Apply("gpus");
        bench.StartOperator();
        await Waiting.UntilAsync(() => bench.Has("a") == "gpus:1");
        bench.Objects.Change(
            States,
            "a",
            s => s["spec"]!["policies"]![0]!["spec"]!["resourceName"] = "example.com/mine",
            manager: "kubectl-edit"
        );
        await Waiting.UntilAsync(() =>
            (string)bench.Objects.Get(States, "a")!["spec"]!["policies"]![0]!["spec"]!["resourceName"]! == "example.com/gpu"
        );

        bench.Objects.Change(States, "a", s => s["spec"]!["policies"] = new JsonArray(), manager: "kubectl-edit");
        await Waiting.UntilAsync(() => bench.Has("a") == "gpus:1");
    }

    [Fact]
    public async Task A_write_over_something_newer_is_a_conflict_and_is_made_anew_from_what_is_there()
    {
        await using var bench = await StartAsync();
        bench.AddNode("a");
        bench.StartOperator();
        await Waiting.UntilAsync(() => bench.Has("a") == "");
        await bench.QuietAsync();
        // Between the operator's read and its write, somebody writes: its answer to the read waits, and the version in its write is old.
        var changed = 0;
        bench.Cluster.Server.Requests.OnRecorded = r =>
        {
            if (r is not { Verb: "get", Resource: "nodedevicestates", Name: "a" } || Interlocked.Exchange(ref changed, 1) == 1)
                return;
            bench.Objects.Change(
                States,
                "a",
                s => s["metadata"]!["annotations"] = new JsonObject { ["example.com/note"] = "mine" },
                manager: "kubectl-annotate"
            );
        };
        var mark = bench.Cluster.Server.Requests.Count;
        bench.Apply("gpus");
        await Waiting.UntilAsync(() => bench.Has("a") == "gpus:1");
        Assert.Equal([409, 200], bench.Writes(mark).Where(w => w.Resource == "nodedevicestates").Select(w => w.Code));
        Assert.Equal("mine", (string?)bench.Objects.Get(States, "a")!["metadata"]!["annotations"]!["example.com/note"]);
    }

    [Fact]
    public async Task A_status_is_written_at_once_after_a_quiet_time_and_then_once_in_an_interval()
    {
        await using var bench = await StartAsync();
        bench.AddNodes(6);
        bench.StartOperator(timings: Quick with { StatusInterval = TimeSpan.FromSeconds(2) });
        bench.Apply("gpus");
        await Waiting.UntilAsync(() =>
            bench.Condition("gpus") is not null && Enumerable.Range(1, 6).All(i => bench.Has(Name(i)) == "gpus:1")
        );
        for (var i = 1; i <= 6; i++)
        {
            bench.Report(Name(i));
            await Task.Delay(60); // each in a look of its own
        }

        await Waiting.UntilAsync(() => bench.Condition("gpus") == "True/Ready");
        var times = bench.Writes().Where(w => w is { Resource: "hostdevices", Subresource: "status" }).Select(w => w.At).ToList();
        Assert.True(times.Count is >= 2 and <= 3, $"{times.Count} writes");
        Assert.All(times.Zip(times.Skip(1)), t => Assert.True(t.Second - t.First >= TimeSpan.FromSeconds(1.9), $"{t.Second - t.First}"));
    }

    [Fact]
    public async Task A_status_whose_write_fails_once_is_written_soon_and_not_an_interval_later()
    {
        await using var bench = await StartAsync();
        bench.AddNode("a");
        bench.Cluster.Server.Faults.Add(
            new FaultRule(new ApiFault.Refuse(500))
            {
                Verb = "patch",
                Resource = "hostdevices",
                Subresource = "status",
                Times = 1,
            }
        );
        bench.StartOperator(timings: Quick with { StatusInterval = TimeSpan.FromMinutes(10) });
        bench.Apply("gpus");
        await Waiting.UntilAsync(() => bench.Condition("gpus") is not null, state: bench.Show);
        Assert.Equal([500, 200], bench.Writes().Where(w => w is { Resource: "hostdevices", Subresource: "status" }).Select(w => w.Code));
    }

    [Fact]
    public async Task A_status_that_somebody_else_wrote_is_put_right_and_so_is_one_of_a_leader_that_came_too_late()
    {
        await using var bench = await StartAsync();
        bench.AddNode("a");
        bench.Apply("gpus");
        bench.StartOperator();
        await Waiting.UntilAsync(() => bench.Has("a") == "gpus:1");
        bench.Report("a");
        await Waiting.UntilAsync(() => bench.Condition("gpus") == "True/Ready");
        bench.Objects.Change(
            HostDevices,
            "gpus",
            p => (p["status"]!["devices"]!["ready"], p["status"]!["conditions"]![0]!["reason"]) = (7, "Late"),
            subresource: "status"
        );
        await Waiting.UntilAsync(() =>
            bench.Condition("gpus") == "True/Ready" && (int)bench.Objects.Get(HostDevices, "gpus")!["status"]!["devices"]!["ready"]! == 2
        );
    }

    [Fact]
    public async Task A_deleted_policy_is_taken_from_its_nodes_and_what_is_still_being_given_back_stays_to_be_seen_on_the_node()
    {
        await using var bench = await StartAsync();
        bench.AddNode("a");
        bench.AddNode("b");
        bench.Apply("gpus");
        bench.StartOperator();
        await Waiting.UntilAsync(() => bench.Has("a") == "gpus:1" && bench.Has("b") == "gpus:1");
        bench.Agent("b", ready: false);
        bench.Objects.Delete(HostDevices, "gpus");
        await Waiting.UntilAsync(() => bench.Has("a") == "" && bench.Has("b") == "");
    }

    [Fact]
    public async Task What_is_no_longer_selected_is_told_in_the_policy_s_status_until_it_is_given_back()
    {
        await using var bench = await StartAsync();
        bench.AddNode("a", ("gpu", "yes"));
        bench.Apply("gpus", selector: "{matchLabels: {gpu: \"yes\"}}");
        bench.StartOperator();
        await Waiting.UntilAsync(() => bench.Has("a") == "gpus:1");
        bench.Report("a");
        bench.Label("a", "gpu", "no");
        await Waiting.UntilAsync(
            () => bench.Has("a") == "" && Releasing() == "a: the agent has not reported yet that it is given back",
            state: bench.Show
        );
        var uid = (string)bench.Objects.Get(HostDevices, "gpus")!["metadata"]!["uid"]!;
        bench.Report("a", releasing: [new DeviceProblem("0000:43:00.0", FindingState.Releasing, Reasons.InUse, "vms/web has it", uid)]);
        await Waiting.UntilAsync(() => Releasing() == "a: vms/web has it", state: bench.Show);
        bench.Report("a");
        await Waiting.UntilAsync(() => Releasing() == "", state: bench.Show);

        string Releasing() =>
            string.Join(
                ", ",
                bench.Objects.Get(HostDevices, "gpus")!["status"]?["releasing"]?.AsArray().Select(r => $"{r!["node"]}: {r["message"]}")
                    ?? []
            );
    }

    [Fact]
    public async Task Nodes_that_appear_are_given_what_selects_them_and_relabelling_one_touches_that_one_alone()
    {
        await using var bench = await StartAsync();
        for (var i = 1; i <= 4; i++)
            bench.AddNode(Name(i), ("gpu", "no"));
        bench.Apply("gpus", selector: "{matchLabels: {gpu: \"yes\"}}");
        bench.StartOperator();
        await Waiting.UntilAsync(() => Enumerable.Range(1, 4).All(i => bench.Has(Name(i)) == ""));
        await bench.QuietAsync();
        var mark = bench.Cluster.Server.Requests.Count;
        bench.Label("node-03", "gpu", "yes");
        await Waiting.UntilAsync(() => bench.Has("node-03") == "gpus:1");
        await bench.QuietAsync();
        Assert.Equal(["node-03"], bench.Writes(mark).Where(w => w.Resource == "nodedevicestates").Select(w => w.Name));

        bench.AddNode("late", ("gpu", "yes"));
        await Waiting.UntilAsync(() => bench.Has("late") == "gpus:1");
        var owner = bench.Objects.Get(States, "late")!["metadata"]!["ownerReferences"]![0]!;
        Assert.Equal(
            ("Node", "late", (string)bench.Objects.Get("nodes", "late")!["metadata"]!["uid"]!),
            ((string)owner["kind"]!, (string)owner["name"]!, (string)owner["uid"]!)
        );
    }

    [Fact]
    public async Task The_state_of_a_node_that_vanishes_goes_with_it_and_is_not_made_again()
    {
        await using var bench = await StartAsync();
        bench.AddNode("a");
        bench.Apply("gpus");
        bench.StartOperator();
        await Waiting.UntilAsync(() => bench.Has("a") == "gpus:1");
        await bench.QuietAsync();
        var mark = bench.Cluster.Server.Requests.Count;
        bench.Objects.Delete("nodes", "a");
        bench.Objects.Delete("pods", "agent-a", SandboxCluster.SystemNamespace);
        await Waiting.UntilAsync(() => bench.Objects.Get(States, "a") is null);
        await bench.QuietAsync();
        Assert.Null(bench.Objects.Get(States, "a"));
        Assert.DoesNotContain(bench.Writes(mark), w => w.Resource == "nodedevicestates");
    }

    [Fact]
    public async Task A_deleted_NodeDeviceState_is_made_again_with_everything_at_once_and_no_agent_sees_a_shorter_list()
    {
        await using var bench = await StartAsync();
        bench.AddNodes(3);
        bench.Apply("gpus", maxUnavailable: "1");
        bench.Apply("more", "example.com/more", maxUnavailable: "1");
        bench.StartOperator();
        await Waiting.UntilAsync(() => Enumerable.Range(1, 3).All(i => bench.Has(Name(i)) == "gpus:1 more:1"));
        var uid = (string)bench.Objects.Get(States, "node-02")!["metadata"]!["uid"]!;
        bench.Agent("node-01", ready: false); // which a rollout would wait for
        bench.Objects.Delete(States, "node-02");
        await Waiting.UntilAsync(() => bench.Has("node-02") is not null);
        Assert.Equal("gpus:1 more:1", bench.Has("node-02"));
        Assert.NotEqual(uid, (string)bench.Objects.Get(States, "node-02")!["metadata"]!["uid"]!);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_deleted_CRD_takes_nothing_from_nodes_nor_does_one_that_comes_back_empty(bool restart)
    {
        await using var bench = await StartAsync();
        bench.AddNode("a");
        bench.Apply("gpus");
        var first = bench.StartOperator();
        await Waiting.UntilAsync(() => bench.Has("a") == "gpus:1");
        bench.Report("a");
        await bench.QuietAsync();
        var (mark, version) = (bench.Cluster.Server.Requests.Count, Generation());
        var definition = SandboxCluster.Definitions.Single(d => (string)d["metadata"]!["name"]! == HostDevices);

        bench.Objects.Delete(Definitions, HostDevices);
        await bench.Cluster.Server.SettleAsync();
        Assert.Null(bench.Objects.Get(Definitions, HostDevices));
        await bench.QuietAsync();
        Assert.Equal(("gpus:1", version), (bench.Has("a"), Generation()));
        if (restart)
        {
            await first.DisposeAsync();
            bench.StartOperator("operator-1");
            await bench.QuietAsync();
        }

        await Task.Delay(1100); // CRDs are as old as whole seconds tell
        bench.Objects.Create(definition.DeepClone().AsObject());
        await bench.Cluster.Server.SettleAsync();
        bench.AddNode("b"); // something to see that it works again
        await Waiting.UntilAsync(() => bench.Has("b") == "", 40, bench.Show);
        await bench.QuietAsync();
        Assert.Equal(("gpus:1", version), (bench.Has("a"), Generation()));
        Assert.DoesNotContain(bench.Writes(mark), w => w is { Resource: "nodedevicestates", Name: "a" });

        bench.Apply("gpus"); // applied anew it is another object, and takes the old one's place
        await Waiting.UntilAsync(() =>
            (string)bench.Objects.Get(States, "a")!["spec"]!["policies"]![0]!["uid"]!
            == (string)bench.Objects.Get(HostDevices, "gpus")!["metadata"]!["uid"]!
        );

        long Generation() => (long)bench.Objects.Get(States, "a")!["metadata"]!["generation"]!;
    }

    [Fact]
    public async Task A_CRD_whose_end_is_heard_of_after_that_of_its_policies_takes_nothing_either()
    {
        await using var bench = await StartAsync();
        bench.AddNode("a");
        bench.Apply("gpus");
        // The watches of CRDs bring nothing any more: what they know is from the list.
        bench.Cluster.Server.Faults.Add(new FaultRule(new ApiFault.Refuse(503)) { Verb = "watch", Resource = "customresourcedefinitions" });
        bench.StartOperator();
        await Waiting.UntilAsync(() => bench.Has("a") == "gpus:1");
        bench.Cluster.Server.Faults.Clear();
        bench.Cluster.Server.Faults.Add(
            new FaultRule(new ApiFault.Slow(TimeSpan.FromSeconds(30))) { Verb = "watch", Resource = "customresourcedefinitions" }
        );
        await Task.Delay(3000); // until the watches, refused before, hang
        bench.Objects.Delete(Definitions, HostDevices);
        await bench.Cluster.Server.SettleAsync();
        Assert.Null(bench.Objects.Get(Definitions, HostDevices));
        await bench.QuietAsync();
        Assert.Equal("gpus:1", bench.Has("a"));
    }
}
