using FsCheck;
using FsCheck.Fluent;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Kubelet;
using Xunit;

namespace Hostdev.Tests.Kubelet;

/// <summary>
/// A kubelet that deletes all sockets, listens and dials in whatever order to our connecting, binding and registering: it costs as long as
/// a wait between two
/// dials, and never the ten seconds for which a kubelet dials a socket that is gone.
/// </summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class RegistrationOrderTests
{
    private const string Gpu = KubeletBench.Gpu;

    /// <summary>Far below the kubelet's 10 s, far above what a busy machine needs.</summary>
    private const double Patience = 6;

    private static readonly string[] AllMoments = [.. Enum.GetNames<RegistrationMoment>(), "BeforeDial", "AfterDial"];

    public static TheoryData<string, string> Singles => [.. AllMoments.SelectMany(m => new[] { (m, "wipe"), (m, "restart") })];

    [Theory]
    [MemberData(nameof(Singles))]
    public Task Wherever_a_registration_is_a_wipe_or_a_restart_costs_no_ten_seconds(string moment, string act) =>
        RunAsync([new Event(moment, act)]);

    [Fact]
    public void No_order_of_wipe_listen_dial_and_register_costs_ten_seconds()
    {
        var one =
            from moment in Gen.Elements(AllMoments)
            from act in Gen.Elements("wipe", "restart", "nothing")
            select new Event(moment, act);
        var orders = from count in Gen.Choose(2, 6) from events in Gen.ListOf(one, count) select events.ToArray();
        var check = Prop.ForAll(orders.ToArbitrary(), events => RunAsync(events).GetAwaiter().GetResult());
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(60).WithQuietOnSuccess(true), check);
    }

    [Fact]
    public async Task Nothing_is_bound_before_a_kubelet_can_be_connected_to()
    {
        await using var bench = new KubeletBench();
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a"));
        await bench.Kubelet.StopAsync(leaveSocket: true);
        bench.Kubelet.Wipe();
        var tries = 0;
        bench.Advertiser.Moment = m => Task.FromResult(m == RegistrationMoment.Connecting ? Interlocked.Increment(ref tries) : 0);
        await Waiting.UntilAsync(() => Volatile.Read(ref tries) > 3 && bench.State(Gpu).Problem?.Reason == Reasons.RegistrationFailed);
        // A connection that was made just before the kubelet went may have been followed by a socket: what is bound from now on counts.
        bench.Kubelet.Wipe();
        var now = Volatile.Read(ref tries);
        await Waiting.UntilAsync(() => Volatile.Read(ref tries) > now + 2, 20);
        Assert.Contains("could not be registered with the kubelet at ", bench.State(Gpu).Problem!.Message, StringComparison.Ordinal);
        Assert.Contains("Connection refused", bench.State(Gpu).Problem!.Message, StringComparison.Ordinal);
        Assert.Equal(["kubelet.sock"], Directory.GetFiles(bench.Kubelet.Directory, "*.sock").Select(Path.GetFileName));

        await bench.Kubelet.StartAsync();
        await bench.OfferedAsync(Gpu, 1);
    }

    [Fact]
    public async Task A_socket_that_vanishes_while_the_kubelet_dials_is_made_again_in_place_and_not_registered_twice()
    {
        await using var bench = new KubeletBench();
        await bench.Kubelet.StartAsync();
        bench.Kubelet.DialBackoff = TimeSpan.FromMilliseconds(100);
        bench.Kubelet.BeforeDial = _ =>
        {
            bench.Kubelet.Wipe();
            return Task.CompletedTask;
        };
        bench.Advertiser.Start();
        bench.Advertiser.Update([KubeletBench.Resource(Gpu, "a")]);

        await bench.OfferedAsync(Gpu, 1);
        Assert.Equal(1, bench.Kubelet.Registrations[Gpu]);
        await Waiting.UntilAsync(() => bench.State(Gpu) is { Registered: true, StreamLive: true, Problem: null });
    }

    private static async Task RunAsync(Event[] events)
    {
        await using var bench = new KubeletBench(new KubeletTimings { Poll = TimeSpan.FromHours(1) });
        bench.Kubelet.DialBackoff = TimeSpan.FromMilliseconds(50);
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a", "b"));
        var script = new Script(bench, events);
        bench.Advertiser.Moment = m => script.AtAsync(m.ToString());
        bench.Kubelet.BeforeDial = _ => script.AtAsync("BeforeDial");
        bench.Kubelet.AfterDial = _ => script.AtAsync("AfterDial");

        await script.RestartAsync();
        await Waiting.UntilAsync(
            () =>
                script.IsDone
                && bench.Kubelet.Allocatable(Gpu) == 2
                && bench.State(Gpu) is { Registered: true, StreamLive: true, Problem: null },
            Patience,
            () => $"{string.Join(", ", events.AsEnumerable())}; allocatable {bench.Kubelet.Allocatable(Gpu)}, {bench.State(Gpu)}"
        );
        await script.StopAsync();
    }

    private sealed record Event(string Moment, string Act)
    {
        public override string ToString() => $"{Act} at {Moment}";
    }

    /// <summary>
    /// Does each event once, in order, when the registration comes by its moment; one whose moment does not come again is passed over by
    /// the next restart.
    /// </summary>
    private sealed class Script(KubeletBench bench, Event[] events)
    {
        private readonly Queue<Event> _left = new(events);
        private readonly Lock _gate = new();
        private Task _restarts = Task.CompletedTask;

        /// <summary>Nothing is under way; what is left waits for a registration that is not needed any more.</summary>
        public bool IsDone
        {
            get
            {
                lock (_gate)
                    return _restarts.IsCompleted;
            }
        }

        public Task AtAsync(string moment)
        {
            lock (_gate)
            {
                if (!_left.TryPeek(out var next) || next.Moment != moment)
                    return Task.CompletedTask;
                _left.Dequeue();
                if (next.Act == "wipe")
                    bench.Kubelet.Wipe();
                else if (next.Act == "restart")
                    _restarts = RestartAfterAsync(_restarts);
            }

            return Task.CompletedTask;
        }

        public Task RestartAsync()
        {
            lock (_gate)
                return _restarts = RestartAfterAsync(_restarts);
        }

        public Task StopAsync()
        {
            bench.Advertiser.Moment = null;
            (bench.Kubelet.BeforeDial, bench.Kubelet.AfterDial) = (null, null);
            lock (_gate)
                return _restarts;
        }

        /// <summary>
        /// As by SIGKILL, with kubelet.sock left behind: never awaited by who asked for it, which may be a call that it ends.
        /// </summary>
        private Task RestartAfterAsync(Task before) =>
            Task.Run(async () =>
            {
                await before;
                await bench.Kubelet.StopAsync(leaveSocket: true);
                await bench.Kubelet.StartAsync();
            });
    }
}
