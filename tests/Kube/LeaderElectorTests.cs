using Hostdev.Kube.Client;
using Hostdev.Kube.Control;
using Hostdev.Kube.Meta;
using Xunit;

namespace Hostdev.Tests.Kube;

public sealed class LeaderElectorTests : IAsyncLifetime
{
    private const string Path = "/apis/coordination.k8s.io/v1/namespaces/hostdev/leases/operator";

    private readonly FakeTime _time = new();
    private readonly LogLines _log = new();
    private FakeApiServer _server = null!;
    private KubeClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await FakeApiServer.StartAsync();
        _client = Connection.To(_server, _time);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task The_first_one_leads_and_the_lease_says_so_in_microseconds()
    {
        await using var a = new Process(this, "a");
        await Waiting.UntilAsync(() => a.Leads);
        var lease = _server.Find(Path)!;
        Assert.Equal(
            """{"holderIdentity":"a","leaseDurationSeconds":15,"acquireTime":"2026-01-02T12:00:"""
                + """00.000000Z","renewTime":"2026-01-02T12:00:00.000000Z","leaseTransitions":0}""",
            lease["spec"]!.ToJsonString()
        );
        Assert.Equal(("coordination.k8s.io/v1", "Lease"), (lease["apiVersion"]!.GetValue<string>(), lease["kind"]!.GetValue<string>()));
    }

    /// <summary>OpenShift asks for the right to delete of whoever sets an owner.</summary>
    [Fact]
    public async Task One_that_may_not_give_the_lease_an_owner_leads_without_and_says_so_once()
    {
        _server.Refuse(
            r => r.Body.Contains("ownerReferences", StringComparison.Ordinal),
            403,
            "Forbidden",
            "cannot set an ownerRef",
            times: int.MaxValue
        );
        var owner = new OwnerReference
        {
            ApiVersion = "v1",
            Kind = "ServiceAccount",
            Name = "operator",
            Uid = "u",
        };
        await using var a = new Process(this, "a", owner);
        await Waiting.UntilAsync(() => a.Leads);
        for (var i = 0; i < 5; i++)
            await StepAsync(TimeSpan.FromSeconds(2), a);
        Assert.True(a.Leads);
        Assert.Null(_server.Find(Path)!["metadata"]!["ownerReferences"]);
        Assert.Single(_log.Lines, l => l.Contains("gets no owner and stays behind after an uninstall: ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_leader_renews_and_nobody_else_leads()
    {
        await using var a = new Process(this, "a");
        await Waiting.UntilAsync(() => a.Leads);
        await using var b = new Process(this, "b");
        for (var i = 0; i < 30; i++)
            await StepAsync(TimeSpan.FromSeconds(2), a);
        Assert.True(a.Leads);
        Assert.True(a.Elector.Fence.IsOpen);
        Assert.False(b.Leads);
        Assert.Equal("a", b.Elector.Leader);
        Assert.Equal("2026-01-02T12:01:00.000000Z", _server.Find(Path)!["spec"]!["renewTime"]!.GetValue<string>());
        Assert.Equal("2026-01-02T12:00:00.000000Z", _server.Find(Path)!["spec"]!["acquireTime"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_leader_that_stops_gives_the_lease_back_after_its_last_work()
    {
        await using var a = new Process(this, "a");
        await Waiting.UntilAsync(() => a.Leads);
        var holder = "";
        a.AtEnd = () => holder = _server.Find(Path)!["spec"]!["holderIdentity"]!.GetValue<string>();
        await a.StopAsync();
        Assert.Equal("a", holder);
        Assert.Equal("", _server.Find(Path)!["spec"]!["holderIdentity"]!.GetValue<string>());
        Assert.False(a.Elector.Fence.IsOpen);
        await using var b = new Process(this, "b");
        await Waiting.UntilAsync(() => b.Leads);
        Assert.Equal(1, _server.Find(Path)!["spec"]!["leaseTransitions"]!.GetValue<int>());
    }

    [Fact]
    public async Task A_leader_that_died_is_followed_after_the_lease_duration_whatever_its_clock_said()
    {
        // Its clock was an hour ahead: by the lease's own times it would be valid for an hour.
        _server.Put(
            Path,
            new()
            {
                ["apiVersion"] = "coordination.k8s.io/v1",
                ["kind"] = "Lease",
                ["spec"] = new System.Text.Json.Nodes.JsonObject
                {
                    ["holderIdentity"] = "dead",
                    ["leaseDurationSeconds"] = 15,
                    ["renewTime"] = "2026-01-02T13:00:00.000000Z",
                },
            }
        );
        await using var b = new Process(this, "b");
        await Waiting.UntilAsync(() => b.Elector.Leader == "dead" && _time.Waiting > 0);
        var seconds = 0;
        while (!b.Leads && seconds < 60)
        {
            await StepAsync(TimeSpan.FromSeconds(1), b);
            seconds++;
        }

        Assert.InRange(seconds, 15, 20);
    }

    [Fact]
    public async Task A_leader_that_cannot_renew_ends_before_another_may_lead_and_starts_no_write_meanwhile()
    {
        await using var a = new Process(this, "a");
        await Waiting.UntilAsync(() => a.Leads);
        var gated = _client.Gated(a.Elector.Fence.ThrowIfClosed);
        await gated.CreateAsync(Thing.Kind, null, Thing.Json("x", 1), new WriteOptions(), default);
        _server.Refuse(r => r.Method == "PUT" || r.Path == Path, 500, "InternalError", "etcd is away", times: 1000);
        for (var i = 0; i < 9; i++)
            await StepAsync(TimeSpan.FromSeconds(1), a);
        Assert.True(a.Leads);
        _time.Advance(TimeSpan.FromSeconds(1.1));
        Assert.False(a.Elector.Fence.IsOpen);
        var before = _server.Requests.Count(r => r.Path.StartsWith(Thing.Path, StringComparison.Ordinal));
        await Assert.ThrowsAsync<LeadershipLostException>(() =>
            gated.CreateAsync(Thing.Kind, null, Thing.Json("y", 1), new WriteOptions(), default)
        );
        Assert.Equal(before, _server.Requests.Count(r => r.Path.StartsWith(Thing.Path, StringComparison.Ordinal)));
        await StepAsync(TimeSpan.FromSeconds(2), a);
        var lost = await Assert.ThrowsAsync<LeadershipLostException>(() => a.Run.WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Contains("lease hostdev/operator: not renewed within 10 s", lost.Message, StringComparison.Ordinal);
        Assert.False(a.Leads);
        Assert.Single(_log.Warnings);
    }

    [Fact]
    public async Task A_lease_that_somebody_else_took_is_lost_at_the_next_renewal()
    {
        await using var a = new Process(this, "a");
        await Waiting.UntilAsync(() => a.Leads);
        var taken = _server.Find(Path)!;
        taken["spec"]!["holderIdentity"] = "b";
        _server.Put(Path, taken);
        for (var i = 0; i < 6 && !a.Run.IsCompleted; i++)
            await StepAsync(TimeSpan.FromSeconds(1), a);
        var lost = await Assert.ThrowsAsync<LeadershipLostException>(() => a.Run.WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Contains("taken by b", lost.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_fence_closes_when_the_machine_slept_though_the_monotonic_clock_stood_still()
    {
        await using var a = new Process(this, "a");
        await Waiting.UntilAsync(() => a.Leads);
        _time.Jump(TimeSpan.FromSeconds(11));
        Assert.False(a.Elector.Fence.IsOpen);
    }

    [Fact]
    public async Task A_clock_that_is_set_ahead_stops_writes_until_the_next_renewal_and_costs_no_leadership()
    {
        await using var a = new Process(this, "a");
        await Waiting.UntilAsync(() => a.Leads);
        _time.Jump(TimeSpan.FromHours(1));
        Assert.False(a.Elector.Fence.IsOpen);
        for (var i = 0; i < 3 && !a.Elector.Fence.IsOpen; i++)
            await StepAsync(TimeSpan.FromSeconds(1), a);
        Assert.Equal((true, true, false), (a.Elector.Fence.IsOpen, a.Leads, a.Run.IsCompleted));
    }

    [Fact]
    public async Task Labels_that_others_put_on_the_lease_stay()
    {
        _server.Put(
            Path,
            new()
            {
                ["apiVersion"] = "coordination.k8s.io/v1",
                ["kind"] = "Lease",
                ["metadata"] = new System.Text.Json.Nodes.JsonObject
                {
                    ["labels"] = new System.Text.Json.Nodes.JsonObject { ["team"] = "x" },
                },
            }
        );
        await using var a = new Process(this, "a");
        await Waiting.UntilAsync(() => a.Leads);
        Assert.Equal("x", _server.Find(Path)!["metadata"]!["labels"]!["team"]!.GetValue<string>());
    }

    /// <summary>Moves the clock and lets the elector's answers come in.</summary>
    private async Task StepAsync(TimeSpan by, Process process)
    {
        _time.Advance(by);
        var quiet = 0;
        var seen = (-1, -1);
        // Quiet: nothing was sent, nothing is being answered and no timer was set for a while, in which everybody had time to.
        while (quiet < 12)
        {
            await Task.Delay(4);
            var now = (_server.Requests.Count, _time.Waiting);
            var isBusy = _server.Answering > 0 || ThreadPool.PendingWorkItemCount > 0;
            quiet = (now == seen && !isBusy) || process.Run.IsCompleted ? quiet + 1 : 0;
            seen = now;
        }
    }

    private sealed class Process : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();

        public Process(LeaderElectorTests test, string identity, OwnerReference? owner = null)
        {
            var options = new LeaderElectorOptions
            {
                Lease = new ObjectKey("operator", "hostdev"),
                Identity = identity,
                Owner = owner is null ? null : _ => Task.FromResult<OwnerReference?>(owner),
            };
            Elector = new LeaderElector(test._client, options, test._time, new Random(identity[0]), test._log);
            Run = Elector.RunAsync(LeadAsync, _stop.Token);
        }

        public LeaderElector Elector { get; }

        public Task Run { get; }

        public bool Leads { get; private set; }

        public Action AtEnd { get; set; } = () => { };

        public async Task StopAsync()
        {
            await _stop.CancelAsync();
            await Run.WaitAsync(TimeSpan.FromSeconds(10));
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await Run.WaitAsync(TimeSpan.FromSeconds(10)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _stop.Dispose();
        }

        private async Task LeadAsync(CancellationToken cancellationToken)
        {
            Leads = true;
            await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            AtEnd();
            Leads = false;
        }
    }
}
