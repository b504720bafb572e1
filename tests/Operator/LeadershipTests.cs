using System.Text.Json.Nodes;
using Hostdev.Kube.Control;
using Hostdev.Sandbox.ApiServer.Faults;
using Hostdev.Sandbox.Cluster;
using Xunit;
using static Hostdev.Tests.Operator.OperatorBench;

namespace Hostdev.Tests.Operator;

[Trait(Pace.Name, Pace.Slow)]
public sealed class LeadershipTests
{
    [Fact]
    public async Task A_leader_that_is_killed_in_the_middle_of_its_writes_loses_nothing_and_the_other_goes_on_once_the_lease_has_run_out()
    {
        await using var bench = await StartAsync();
        bench.AddNodes(40);
        var first = bench.StartOperator();
        await Waiting.UntilAsync(() => Enumerable.Range(1, 40).All(i => bench.Has(Name(i)) == ""));
        var second = bench.StartOperator("operator-1");
        await bench.QuietAsync();
        Assert.Equal((true, false), (first.Host.IsLeading, second.Host.IsLeading));

        var writes = 0;
        var killed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bench.Cluster.Server.Requests.OnRecorded = r =>
        {
            if (r is { Verb: "patch", Resource: "nodedevicestates" } && Interlocked.Increment(ref writes) == 10)
                killed.SetResult();
        };
        bench.Apply("gpus");
        await killed.Task;
        await first.KillAsync();
        var at = TimeProvider.System.GetTimestamp();
        Assert.InRange(Enumerable.Range(1, 40).Count(i => bench.Has(Name(i)) == "gpus:1"), 1, 39);

        await Waiting.UntilAsync(() => Enumerable.Range(1, 40).All(i => bench.Has(Name(i)) == "gpus:1"), 20);
        Assert.True(second.Host.IsLeading);
        // The lease, the pause between two looks at it (at most 2.2 times the period), and the work.
        Assert.InRange(TimeProvider.System.GetElapsedTime(at).TotalSeconds, 0, 3 + (2.2 * 0.3) + 2);
    }

    [Fact]
    public async Task A_leader_that_stops_in_order_gives_the_lease_back_and_the_other_need_not_wait()
    {
        await using var bench = await StartAsync();
        var slow = Quick with { LeaseDuration = TimeSpan.FromSeconds(60), RenewDeadline = TimeSpan.FromSeconds(40) };
        var first = bench.StartOperator(timings: slow);
        await Waiting.UntilAsync(() => first.Host.IsLeading);
        var second = bench.StartOperator("operator-1", slow);
        await first.DisposeAsync();
        await Waiting.UntilAsync(() => second.Host.IsLeading, 5);
    }

    /// <summary>At an uninstall its rights go before it has ended, and it cannot give the Lease back any more.</summary>
    [Fact]
    public async Task The_Lease_goes_with_the_operators_account_also_one_that_the_version_before_made()
    {
        const string Leases = "leases.coordination.k8s.io";
        await using var bench = await StartAsync();
        var first = bench.StartOperator();
        await Waiting.UntilAsync(() => first.Host.IsLeading);
        JsonNode? Owners() =>
            bench.Objects.Get(Leases, "hostdev-operator", SandboxCluster.SystemNamespace)?["metadata"]?["ownerReferences"];
        Assert.Null(Owners()); // there is no account
        await first.DisposeAsync();

        var metadata = new JsonObject { ["name"] = "hostdev-operator", ["namespace"] = SandboxCluster.SystemNamespace };
        var account = bench.Objects.Create(
            new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "ServiceAccount",
                ["metadata"] = metadata,
            }
        );
        var second = bench.StartOperator("operator-1");
        await Waiting.UntilAsync(() => second.Host.IsLeading);
        Assert.Equal((string)account["metadata"]!["uid"]!, (string)Assert.Single(Owners()!.AsArray())!["uid"]!);
        await Task.Delay(Quick.RetryPeriod * 3, TestContext.Current.CancellationToken); // renewed: it has one owner still
        Assert.Single(Owners()!.AsArray());
        await second.KillAsync();
        bench.Objects.Delete("serviceaccounts", "hostdev-operator", SandboxCluster.SystemNamespace);
        await Waiting.UntilAsync(() => bench.Objects.Get(Leases, "hostdev-operator", SandboxCluster.SystemNamespace) is null);
    }

    [Fact]
    public async Task No_write_is_started_after_the_renew_deadline_when_the_lease_cannot_be_renewed()
    {
        await using var bench = await StartAsync();
        bench.AddNodes(5);
        var host = bench.StartOperator();
        bench.Apply("gpus");
        await Waiting.UntilAsync(() => bench.Has("node-05") == "gpus:1");
        await bench.QuietAsync();
        bench.Cluster.Server.Faults.Add(new FaultRule(new ApiFault.Slow(TimeSpan.FromSeconds(60))) { Resource = "leases" });
        var renewed = TimeProvider.System.GetUtcNow(); // no renewal succeeds that is sent from here on
        var priority = 0;
        while (!host.Ended.IsCompleted && TimeProvider.System.GetUtcNow() - renewed < TimeSpan.FromSeconds(10))
        {
            bench.Apply("gpus", priority: ++priority);
            await Task.Delay(50);
        }

        await Assert.ThrowsAsync<LeadershipLostException>(() => host.Ended);
        var specs = bench.Writes().Where(w => w.Resource == "nodedevicestates").Select(w => w.At - renewed).ToList();
        Assert.True(specs.Max() > TimeSpan.FromSeconds(0.5), "it wrote while it led");
        Assert.True(specs.Max() <= Quick.RenewDeadline, $"the last write came {specs.Max().TotalSeconds} s after the last renewal");

        bench.Cluster.Server.Faults.Clear();
        bench.StartOperator("operator-1");
        var generation = (long)bench.Objects.Get(HostDevices, "gpus")!["metadata"]!["generation"]!;
        await Waiting.UntilAsync(() => Enumerable.Range(1, 5).All(i => bench.Has(Name(i)) == $"gpus:{generation}"), 20, bench.Show);
    }
}
