using Hostdev.DevicePlugin.Host;
using Hostdev.Tests.Kube;
using Xunit;

namespace Hostdev.Tests.Host;

/// <summary>What the kernel keeps is given up, known until it comes back, and not asked for a second time meanwhile.</summary>
public sealed class KernelCallsTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private readonly FakeTime _time = new();
    private readonly TaskCompletionSource _letGo = new();

    public void Dispose() => _letGo.TrySetResult();

    [Fact]
    public async Task What_comes_back_in_time_is_the_answer_and_what_it_throws_is_thrown()
    {
        var calls = Calls();

        Assert.Equal(new KernelAnswer<int>.Returned(7), await calls.AskAsync("a", () => 7, Deadline, Token));
        await Assert.ThrowsAsync<IOException>(() => calls.AskAsync<int>("a", () => throw new IOException("bad"), Deadline, Token));
        await Assert.ThrowsAsync<TimeoutException>(() => calls.AskAsync<int>("a", () => throw new TimeoutException(), Deadline, Token));
        Assert.Empty(calls.Hung);
    }

    [Fact]
    public async Task A_call_is_given_up_at_its_deadline_and_not_before()
    {
        var calls = Calls();
        var asked = Hang(calls, "a");

        _time.Advance(Deadline - TimeSpan.FromSeconds(1));
        Assert.False(asked.IsCompleted);
        Assert.Empty(calls.Hung);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(new KernelAnswer<int>.GivenUp(Deadline), await asked);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(new HungCall<string>("a", Deadline + TimeSpan.FromSeconds(5)), Assert.Single(calls.Hung));
    }

    [Fact]
    public async Task A_call_that_comes_back_late_is_told_of_once_and_hangs_no_more()
    {
        var calls = Calls();
        var back = new List<string>();
        calls.CameBackLate = back.Add;
        await GiveUpAsync(calls, "a");
        Assert.Empty(back);

        _letGo.SetResult();
        await Waiting.UntilAsync(() => back.Count > 0);

        Assert.Equal(["a"], back);
        Assert.Empty(calls.Hung);
        Assert.Equal(new KernelAnswer<int>.Returned(1), await calls.AskAsync("a", () => 1, Deadline, Token));
        Assert.Equal(["a"], back);
    }

    [Fact]
    public async Task What_hangs_is_not_asked_again_and_another_call_is()
    {
        var calls = Calls();
        await GiveUpAsync(calls, "a");
        _time.Advance(TimeSpan.FromSeconds(12));

        var again = Assert.IsType<KernelAnswer<int>.NotBegun>(await calls.AskAsync("a", Never, Deadline, Token));

        Assert.Equal(new CallObstacle.Hangs(Deadline + TimeSpan.FromSeconds(12)), again.Why);
        Assert.Equal("the kernel does not answer, and an earlier call for it still hangs", again.Why.InWords);
        Assert.Equal(new KernelAnswer<int>.Returned(2), await calls.AskAsync("b", () => 2, Deadline, Token));
    }

    [Fact]
    public async Task With_too_many_hanging_nothing_more_is_begun_and_an_admin_reads_why()
    {
        var calls = Calls(mostHung: 2);
        await GiveUpAsync(calls, "writing 1 to /sys/x/reset");
        Assert.Null(calls.TooMany);
        await GiveUpAsync(calls, "writing 0 to /sys/y/sriov_numvfs");

        var refused = Assert.IsType<KernelAnswer<int>.NotBegun>(await calls.AskAsync("c", Never, Deadline, Token));

        Assert.Equal(
            "2 calls hang in the kernel, the first for 60 s (writing 1 to /sys/x/reset), and no more are begun until some come back: "
                + "find who holds these devices, or reboot the host",
            refused.Why.InWords
        );
        _letGo.SetResult();
        await Waiting.UntilAsync(() => calls.Hung.IsEmpty);
        Assert.Equal(new KernelAnswer<int>.Returned(3), await calls.AskAsync("c", () => 3, Deadline, Token));
    }

    [Fact]
    public async Task Whoever_stops_waiting_leaves_the_call_known()
    {
        var calls = Calls();
        using var stop = new CancellationTokenSource();
        var asked = Hang(calls, "a", Timeout.InfiniteTimeSpan, stop.Token);

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        Assert.Equal("a", Assert.Single(calls.Hung).Call);
        _letGo.SetResult();
        await Waiting.UntilAsync(() => calls.Hung.IsEmpty);
    }

    [Fact]
    public async Task A_call_is_on_a_thread_of_its_own_that_has_a_name()
    {
        var seen = await Calls().AskAsync("a", () => (Thread.CurrentThread.Name, Thread.CurrentThread.IsThreadPoolThread), Deadline, Token);

        Assert.Equal(new KernelAnswer<(string?, bool)>.Returned(("test calls", false)), seen);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private KernelCalls<string> Calls(int mostHung = CallObstacle.MostHung) => new(KernelThreads.Own, "test calls", _time, mostHung);

    private static int Never() => throw new InvalidOperationException("it was begun");

    /// <summary>The answer to come of a call that the kernel keeps.</summary>
    private Task<KernelAnswer<int>> Hang(
        KernelCalls<string> calls,
        string call,
        TimeSpan? deadline = null,
        CancellationToken token = default
    ) =>
        calls.AskAsync(
            call,
            () =>
            {
                _letGo.Task.GetAwaiter().GetResult();
                return 0;
            },
            deadline ?? Deadline,
            token
        );

    private async Task GiveUpAsync(KernelCalls<string> calls, string call)
    {
        var asked = Hang(calls, call);
        _time.Advance(Deadline);
        Assert.IsType<KernelAnswer<int>.GivenUp>(await asked);
    }
}
