using System.Collections.Concurrent;
using Hostdev.Kube.Client;
using Hostdev.Kube.Control;
using Xunit;

namespace Hostdev.Tests.Kube;

public sealed class ControllerTests : IDisposable
{
    private readonly FakeTime _time = new();
    private readonly LogLines _log = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly WorkQueue<string> _queue;
    private readonly ConcurrentQueue<string> _outcomes = new();

    public ControllerTests() =>
        _queue = new WorkQueue<string>(new Backoff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60), Jitter: 0), _time, new Random(1));

    public void Dispose()
    {
        _queue.Dispose();
        _stop.Dispose();
    }

    private Task RunAsync(Func<string, CancellationToken, Task<ReconcileResult>> reconcile, int workers = 1) =>
        new Controller<string>("things", _queue, reconcile, _time, _log, workers, observe: o => _outcomes.Enqueue(o.Outcome)).RunAsync(
            _stop.Token
        );

    [Fact]
    public async Task One_switch_decides_what_becomes_of_a_key()
    {
        var results = new Queue<Func<ReconcileResult>>([
            () => throw new InvalidOperationException("broken"),
            () => throw new InvalidOperationException("broken"),
            () => ReconcileResult.RequeueAfter(TimeSpan.FromMinutes(5)),
            () => ReconcileResult.Done,
        ]);
        var run = RunAsync((_, _) => Task.FromResult(results.Dequeue()()));
        _queue.Add("a");
        await Waiting.UntilAsync(() => _outcomes.Count == 1 && _queue.Waiting == 1);
        _time.Advance(TimeSpan.FromSeconds(1.1));
        await Waiting.UntilAsync(() => _outcomes.Count == 2 && _queue.Waiting == 1);
        Assert.Equal(2, _queue.Failures("a"));
        _time.Advance(TimeSpan.FromSeconds(1.1));
        Assert.Equal(2, _outcomes.Count); // the second failure waits for 2 s
        _time.Advance(TimeSpan.FromSeconds(1));
        await Waiting.UntilAsync(() => _outcomes.Count == 3 && _queue.Waiting == 1);
        Assert.Equal(2, _queue.Failures("a")); // nothing was tried, so nothing is known to work again
        _time.Advance(TimeSpan.FromMinutes(5.1));
        await Waiting.UntilAsync(() => _outcomes.Count == 4);
        Assert.Equal((0, 0), (_queue.Waiting, _queue.Failures("a")));
        await _stop.CancelAsync();
        await run;
        Assert.Equal(["error", "error", "requeue_after", "done"], _outcomes);
    }

    [Fact]
    public async Task A_failure_is_said_once_and_another_one_again()
    {
        var errors = new Queue<string>(["no room", "no room", "no way", "no way", ""]);
        var run = RunAsync(
            (_, _) =>
                errors.Dequeue() is { Length: > 0 } text
                    ? throw new KubeApiException("GET /x", new KubeStatus { Code = 500, Message = text })
                    : Task.FromResult(ReconcileResult.Done)
        );
        for (var i = 1; i <= 5; i++)
        {
            _queue.Add("a");
            await Waiting.UntilAsync(() => _outcomes.Count == i);
        }

        await _stop.CancelAsync();
        await run;
        Assert.Equal(
            [
                "Warning things a: GET /x: 500: no room (tried again, later each time, and not said again)",
                "Warning things a: GET /x: 500: no way (tried again, later each time, and not said again)",
                "Information things a: well again",
            ],
            _log.Lines
        );
    }

    [Fact]
    public async Task Work_that_is_put_off_between_two_failures_is_neither_well_again_nor_begins_the_backoff_anew()
    {
        var turns = 0;
        var run = RunAsync(
            (_, _) =>
                ++turns % 2 == 1
                    ? throw new KubeApiException("PATCH /x", new KubeStatus { Code = 422, Message = "too long" })
                    : Task.FromResult(ReconcileResult.RequeueAfter(TimeSpan.FromSeconds(10)))
        );
        _queue.Add("a");
        for (var i = 1; i <= 8; i++)
        {
            if (i > 1)
                _time.Advance(TimeSpan.FromSeconds(10.1));
            await Waiting.UntilAsync(() => _outcomes.Count == i && _queue.Waiting == 1);
        }

        await _stop.CancelAsync();
        await run;
        Assert.Equal(4, _queue.Failures("a"));
        Assert.Equal(["Warning things a: PATCH /x: 422: too long (tried again, later each time, and not said again)"], _log.Lines);
    }

    [Fact]
    public async Task A_conflict_is_ordinary_and_warns_nobody()
    {
        var run = RunAsync((_, _) => throw new KubeApiException("PUT /x", new KubeStatus { Code = 409, Reason = "Conflict" }));
        _queue.Add("a");
        await Waiting.UntilAsync(() => _queue.Waiting == 1 && _outcomes.Count == 1);
        await _stop.CancelAsync();
        await run;
        Assert.Empty(_log.Warnings);
    }

    [Fact]
    public async Task A_stop_lets_finish_what_was_begun_and_begins_nothing()
    {
        var gate = new TaskCompletionSource();
        var began = new ConcurrentQueue<string>();
        var run = RunAsync(
            async (key, token) =>
            {
                began.Enqueue(key);
                await gate.Task.WaitAsync(token);
                return ReconcileResult.Done;
            }
        );
        _queue.Add("a");
        _queue.Add("b");
        await Waiting.UntilAsync(() => began.Count == 1);
        await _stop.CancelAsync();
        Assert.False(run.IsCompleted);
        gate.SetResult();
        await run;
        Assert.Equal(["a"], began);
        Assert.Equal(["done"], _outcomes);
    }

    [Fact]
    public async Task Work_that_does_not_end_after_a_stop_is_cancelled()
    {
        var run = RunAsync(
            async (_, token) =>
            {
                await Task.Delay(Timeout.Infinite, token);
                return ReconcileResult.Done;
            }
        );
        _queue.Add("a");
        await Waiting.UntilAsync(() => _queue.Depth == 0);
        await _stop.CancelAsync();
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.False(run.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));
        await run.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Empty(_log.Warnings);
    }

    [Fact]
    public async Task Workers_work_side_by_side()
    {
        var together = new Barrier(3);
        var run = RunAsync(
            (_, _) =>
                Task.Run(() =>
                {
                    Assert.True(together.SignalAndWait(TimeSpan.FromSeconds(10)));
                    return ReconcileResult.Done;
                }),
            workers: 3
        );
        foreach (var key in new[] { "a", "b", "c" })
            _queue.Add(key);
        await Waiting.UntilAsync(() => _outcomes.Count == 3);
        await _stop.CancelAsync();
        await run;
        Assert.All(_outcomes, o => Assert.Equal("done", o));
    }
}
