using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Reporting;
using Hostdev.Kube.Meta;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.ApiServer.Faults;
using Hostdev.Tests.Cluster;
using Xunit;

namespace Hostdev.Tests.Reporting;

/// <summary>
/// What stands in the API is what the agent said last, whatever became of the object and of the agent's words in between.
/// </summary>
public sealed class NodeStatusWriterTests
{
    [Fact]
    public async Task A_state_that_is_made_again_gets_the_same_status_again()
    {
        await using var bench = await ConnectionBench.StartAsync();
        bench.Connection.Write(ConnectionBench.Machine("6.8.0"));
        await bench.ShowsAsync("6.8.0");

        bench.DeleteState();
        bench.CreateState();
        await bench.ShowsAsync("6.8.0");
    }

    /// <summary>By it another leader of operators knows whether a node lost something (docs/adr/0014).</summary>
    [Fact]
    public async Task The_last_generation_that_was_Ready_is_kept_for_each_policy_also_for_a_state_that_is_made_again()
    {
        await using var bench = await ConnectionBench.StartAsync();
        bench.Connection.Write(With(1, Reasons.Progressing));
        await bench.UntilAsync(() => Ready(bench) == 0);
        bench.Connection.Write(With(1, Reasons.Ready));
        bench.Connection.Write(With(2, Reasons.Blocked)); // at once: what was Ready in between is never written
        await bench.UntilAsync(() => (Ready(bench), (long?)bench.Status?["policies"]?[0]?["generation"]) == (1, 2));
        bench.DeleteState();
        bench.CreateState();
        await bench.UntilAsync(() => Ready(bench) == 1);

        bench.ChangeState(s => s["status"]!["policies"]![0]!["readyGeneration"] = 99, "status"); // by hand
        await bench.UntilAsync(() => Ready(bench) == 1);
        bench.Connection.Write(ConnectionBench.Machine("6.8.0")); // the policy went
        await bench.UntilAsync(() => bench.Status?["policies"]?.AsArray().Count == 0);
        bench.Connection.Write(With(2, Reasons.Blocked));
        await bench.UntilAsync(() => Ready(bench) == 0);
    }

    [Theory]
    [InlineData("""{"readyGeneration": 3, "generation": 4, "reason": "Blocked"}""", 3L)]
    [InlineData("""{"generation": 4, "reason": "Ready"}""", 4L)] // an agent of the version before wrote it
    [InlineData("""{"generation": 4, "reason": "Blocked"}""", null)] // was it Ready before? a halt by it stays
    public async Task An_agent_that_is_started_goes_on_from_the_generation_that_stands_there(string stood, long? expected)
    {
        var policy = JsonNode.Parse(stood)!.AsObject();
        (
            policy["kind"],
            policy["name"],
            policy["uid"],
            policy["matched"],
            policy["ready"],
            policy["blocked"],
            policy["message"],
            policy["problems"]
        ) = ("HostDevice", "gpus", "u1", 1, 0, 1, "m", new JsonArray());
        var status = NodeDeviceStateWriter.ToJson(ConnectionBench.Machine("5.10"));
        (status["conditions"], status["policies"]) = (new JsonArray(), new JsonArray(policy));
        await using var bench = await ConnectionBench.StartAsync(status: status);
        bench.Connection.Write(With(5, Reasons.Blocked));
        await bench.UntilAsync(() => (Ready(bench), (long?)bench.Status?["policies"]?[0]?["generation"]) == (expected, 5));
    }

    private static long? Ready(ConnectionBench bench) => (long?)bench.Status?["policies"]?.AsArray().FirstOrDefault()?["readyGeneration"];

    private static NodeDeviceStateStatus With(long generation, Reason reason) =>
        ConnectionBench.Machine("6.8.0") with
        {
            Policies =
            [
                new PolicyResult
                {
                    Kind = "HostDevice",
                    Name = "gpus",
                    Uid = "u1",
                    Generation = generation,
                    Matched = 1,
                    Ready = 0,
                    Blocked = 1,
                    Reason = reason,
                    Message = "m",
                    Problems = [],
                },
            ],
        };

    [Fact]
    public async Task A_status_that_comes_while_the_state_is_not_there_is_written_once_it_is()
    {
        await using var bench = await ConnectionBench.StartAsync();
        bench.DeleteState();
        bench.Connection.Write(ConnectionBench.Machine("6.8.0"));
        await bench.UntilAsync(() => bench.Log.Contains("is not written", StringComparison.Ordinal));

        bench.CreateState();
        await bench.ShowsAsync("6.8.0");
    }

    [Fact]
    public async Task A_status_that_somebody_else_changed_is_put_right()
    {
        await using var bench = await ConnectionBench.StartAsync();
        bench.Connection.Write(ConnectionBench.Machine("6.8.0"));
        await bench.ShowsAsync("6.8.0");

        bench.ChangeState(
            state =>
            {
                var status = state["status"]!.AsObject();
                status["host"]!["kernel"] = "by hand";
                status["devices"]![0]!["state"] = "by hand";
                status["releasing"] = new JsonArray(
                    new JsonObject
                    {
                        ["device"] = "d",
                        ["state"] = "Releasing",
                        ["reason"] = "r",
                        ["message"] = "m",
                    }
                );
                status.Remove("observedGeneration");
                status.Remove("truncated");
            },
            "status"
        );
        await bench.UntilAsync(() =>
            bench.Shows("6.8.0")
            && (long?)bench.Status!["observedGeneration"] == 1
            && bench.Status["devices"]![0]!["state"] is null
            && bench.Status["releasing"]!.AsArray().Count == 0
        );

        bench.ChangeState(state => state.Remove("status"), "status");
        await bench.ShowsAsync("6.8.0");
    }

    [Fact]
    public async Task A_write_whose_answer_was_lost_is_not_taken_for_one_that_was_not_made()
    {
        await using var bench = await ConnectionBench.StartAsync();
        bench.Connection.Write(ConnectionBench.Machine("first"));
        await bench.ShowsAsync("first");
        bench.Deafen();
        bench.Server.Faults.Add(
            new FaultRule(new ApiFault.CutAnswer())
            {
                Verb = "patch",
                Resource = "nodedevicestates",
                Subresource = "status",
                Times = 1,
            }
        );

        bench.Connection.Write(ConnectionBench.Machine("second") with { ObservedGeneration = null });
        await bench.ShowsAsync("second");
        bench.Connection.Write(ConnectionBench.Machine("first") with { ObservedGeneration = null });
        await bench.ShowsAsync("first");
        Assert.Null(bench.Status!["observedGeneration"]);
    }

    [Fact]
    public async Task What_was_said_before_the_watch_brought_the_write_counts()
    {
        await using var bench = await ConnectionBench.StartAsync();
        bench.Connection.Write(ConnectionBench.Machine("first"));
        await bench.ShowsAsync("first");
        bench.Deafen();

        bench.Connection.Write(ConnectionBench.Machine("second"));
        await bench.ShowsAsync("second");
        bench.Connection.Write(ConnectionBench.Machine("first"));
        await bench.ShowsAsync("first");
    }

    [Fact]
    public async Task The_same_status_again_and_a_new_spec_make_no_write()
    {
        await using var bench = await ConnectionBench.StartAsync();
        bench.Connection.Write(ConnectionBench.Machine("6.8.0"));
        await bench.ShowsAsync("6.8.0");
        for (var i = 0; i < 5; i++)
        {
            bench.Connection.Write(ConnectionBench.Machine("6.8.0"));
            bench.ChangeState(state => state["metadata"]!["annotations"] = new JsonObject { ["n"] = $"{i}" });
            await Task.Delay(30, TestContext.Current.CancellationToken);
        }

        bench.Connection.Write(ConnectionBench.Machine("6.8.1"));
        await bench.ShowsAsync("6.8.1");
        await Task.Delay(200, TestContext.Current.CancellationToken);
        Assert.Equal(2, bench.Writes().Length);
    }

    [Fact]
    public async Task A_watch_that_does_not_bring_our_write_for_long_is_not_waited_for()
    {
        await using var bench = await ConnectionBench.StartAsync(new QuickTime(20));
        bench.Connection.Write(ConnectionBench.Machine("first"));
        await bench.ShowsAsync("first");
        bench.Deafen();
        bench.Connection.Write(ConnectionBench.Machine("second"));
        await bench.ShowsAsync("second");

        bench.ChangeState(state => state["status"]!["host"]!["kernel"] = "by hand", "status");
        await bench.ShowsAsync("second");
    }

    [Theory]
    [InlineData("names")]
    [InlineData("releasing")] // without it this version cannot read the status back
    public async Task A_field_that_an_older_CRD_does_not_know_is_left_out_and_not_written_again_and_again(string field)
    {
        await using var bench = await ConnectionBench.StartAsync();
        bench.Server.Objects.Change(
            "customresourcedefinitions.apiextensions.k8s.io",
            "nodedevicestates.hostdev.io",
            definition =>
            {
                var status = definition["spec"]!["versions"]![0]!["schema"]!["openAPIV3Schema"]!["properties"]!["status"]!;
                status["properties"]!.AsObject().Remove(field);
                status.AsObject().Remove("required");
            }
        );
        await bench.Server.SettleAsync(TestContext.Current.CancellationToken);
        bench.Connection.Write(ConnectionBench.Machine("6.8.0"));
        await bench.ShowsAsync("6.8.0");
        await Task.Delay(1100, TestContext.Current.CancellationToken); // times of conditions are whole seconds
        bench.Connection.Write(ConnectionBench.Machine("6.8.1"));
        await bench.ShowsAsync("6.8.1");
        await bench.UntilAsync(() => bench.Writes().Length == 3); // a difference, and once the whole, to see what the server makes of it
        for (var i = 0; i < 5; i++)
        {
            bench.Connection.Write(ConnectionBench.Machine("6.8.1"));
            await Task.Delay(250, TestContext.Current.CancellationToken);
        }

        Assert.Equal(3, bench.Writes().Length);
        Assert.Null(bench.Status![field]);
    }

    [Fact]
    public async Task A_status_that_the_server_refuses_is_replaced_by_one_that_says_so_until_it_takes_one_again()
    {
        await using var bench = await ConnectionBench.StartAsync();
        bench.Server.AddAdmissionRule(r =>
            r.Subresource == "status"
            && (string?)r.Object!["status"]!["host"]!["kernel"] == "refused"
            && r.Object["status"]!["devices"]!.AsArray().Count > 0
                ? new AdmissionRefusal("devices are too many")
                : null
        );
        bench.Connection.Write(ConnectionBench.Machine("good"));
        await bench.ShowsAsync("good");

        bench.Connection.Write(ConnectionBench.Machine("refused"));
        await bench.UntilAsync(() =>
            Condition("Degraded") is { } d && ((string)d["status"]!, (string)d["reason"]!) == ("True", "StatusRefused")
        );
        Assert.Contains("devices are too many", (string)Condition("Degraded")!["message"]!, StringComparison.Ordinal);
        Assert.Equal(
            ("refused", true, 0),
            ((string)bench.Status!["host"]!["kernel"]!, (bool)bench.Status["truncated"]!, bench.Status["devices"]!.AsArray().Count)
        );
        Assert.Null(bench.Status["observedGeneration"]); // nobody shall take it for a host without devices
        Assert.Contains("refuses the status of NodeDeviceState node-1", bench.Log, StringComparison.Ordinal);
        await Task.Delay(100, TestContext.Current.CancellationToken); // what it says is heard
        var mark = bench.Server.Requests.Count;
        for (var i = 0; i < 5; i++)
        {
            bench.Connection.Write(ConnectionBench.Machine("refused"));
            await Task.Delay(30, TestContext.Current.CancellationToken);
        }

        Assert.Empty(bench.Writes(mark));
        bench.Connection.Write(ConnectionBench.Machine("mended"));
        await bench.ShowsAsync("mended");
        Assert.Equal((false, 1), ((bool)bench.Status["truncated"]!, (long)bench.Status["observedGeneration"]!));
        Assert.Null(Condition("Degraded"));

        JsonNode? Condition(string type) => bench.Status!["conditions"]!.AsArray().FirstOrDefault(c => (string)c!["type"]! == type);
    }

    [Fact]
    public async Task A_bug_in_one_of_its_tasks_ends_the_connection_and_is_said()
    {
        var clock = new BrokenClock();
        await using var bench = await ConnectionBench.StartAsync(clock: clock);
        bench.Connection.Write(ConnectionBench.Machine("first"));
        await bench.ShowsAsync("first");
        Assert.False(bench.Run.IsCompleted);

        clock.IsBroken = true;
        bench.Connection.Write(ConnectionBench.Machine("second"));
        var bug = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            bench.Run.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken)
        );
        Assert.Equal("no time", bug.Message);
        Assert.Contains("NodeDeviceState node-1 is not followed and reported any more", bench.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("7", "9", "9", false)] // the watch has brought it
    [InlineData("7", "9", "7", true)] // what stood there before the write
    [InlineData("7", "9", "8", true)] // what came between
    [InlineData("7", "9", "10", false)]
    [InlineData("a", "c", "a", true)]
    [InlineData("a", "c", "b", false)] // nobody knows which is newer: what is heard counts
    public void Our_answer_counts_until_the_watch_has_brought_it_or_something_newer(string before, string ours, string stored, bool counts)
    {
        var written = new WrittenStatus(before, State(ours), 0);
        Assert.Equal(counts, written.IsAheadOf(State(stored)));
        Assert.False(
            written.IsAheadOf(
                State(stored) with
                {
                    Metadata = new ObjectMeta { Uid = "another", ResourceVersion = stored },
                }
            )
        );

        static NodeDeviceState State(string version) =>
            new()
            {
                Metadata = new ObjectMeta { Uid = "u", ResourceVersion = version },
            };
    }

    private sealed class BrokenClock : TimeProvider
    {
        public volatile bool IsBroken;

        public override DateTimeOffset GetUtcNow() => IsBroken ? throw new InvalidOperationException("no time") : System.GetUtcNow();
    }
}
