using Hostdev.Kube.Control;
using Xunit;

namespace Hostdev.Tests.Kube;

public sealed class WorkQueueTests : IDisposable
{
    private readonly FakeTime _time = new();
    private readonly WorkQueue<string> _queue;

    public WorkQueueTests() =>
        _queue = new WorkQueue<string>(new Backoff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60), Jitter: 0), _time, new Random(1));

    public void Dispose() => _queue.Dispose();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private async Task<string> TakeAsync() => (await _queue.TakeAsync(Token)).Key!;

    [Fact]
    public async Task A_key_that_is_added_twice_is_given_out_once()
    {
        _queue.Add("a");
        _queue.Add("b");
        _queue.Add("a");
        Assert.Equal(["a", "b"], [await TakeAsync(), await TakeAsync()]);
        Assert.Equal(0, _queue.Depth);
    }

    [Fact]
    public async Task A_key_that_is_worked_on_comes_again_only_afterwards_and_once()
    {
        _queue.Add("a");
        await TakeAsync();
        _queue.Add("a");
        _queue.Add("a");
        Assert.Equal(0, _queue.Depth);
        _queue.Done("a");
        Assert.Equal("a", await TakeAsync());
        _queue.Done("a");
        Assert.Equal(0, _queue.Depth);
    }

    [Fact]
    public async Task A_key_with_several_times_comes_at_the_earliest_and_once()
    {
        _queue.AddAfter("a", TimeSpan.FromSeconds(10));
        _queue.AddAfter("a", TimeSpan.FromSeconds(3));
        _queue.AddAfter("a", TimeSpan.FromSeconds(5));
        _time.Advance(TimeSpan.FromSeconds(2.9));
        Assert.Equal((0, 1), (_queue.Depth, _queue.Waiting));
        _time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal((1, 0), (_queue.Depth, _queue.Waiting));
        Assert.Equal("a", await TakeAsync());
        _queue.Done("a");
        _time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(0, _queue.Depth);
    }

    [Fact]
    public void A_key_that_fails_comes_later_each_time_until_it_is_forgotten()
    {
        Assert.Equal([1, 2, 4, 8, 16, 32, 60, 60], Enumerable.Range(0, 8).Select(_ => _queue.AddAfterFailure("a").TotalSeconds));
        Assert.Equal(1, _queue.AddAfterFailure("b").TotalSeconds);
        _queue.Forget("a");
        Assert.Equal(1, _queue.AddAfterFailure("a").TotalSeconds);
    }

    [Fact]
    public async Task A_key_that_failed_keeps_its_time_however_often_it_is_added_for_the_same_and_comes_at_once_for_something_else()
    {
        _queue.Add("a", "x");
        await TakeAsync();
        Assert.Equal(1, _queue.AddAfterFailure("a").TotalSeconds);
        _queue.Done("a");
        for (var i = 0; i < 9; i++)
        {
            _queue.Add("a", "x");
            _time.Advance(TimeSpan.FromSeconds(0.1));
        }

        Assert.Equal((0, 1), (_queue.Depth, _queue.Waiting));
        _time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal("a", await TakeAsync());
        _queue.Add("a", "x"); // somebody looks while it is worked on
        Assert.Equal(2, _queue.AddAfterFailure("a").TotalSeconds);
        _queue.Done("a");
        Assert.Equal((0, 1), (_queue.Depth, _queue.Waiting));

        _queue.Add("a", "y");
        Assert.Equal("a", await TakeAsync());
        _queue.Add("a", "z"); // wanted otherwise while it is worked on
        Assert.Equal(4, _queue.AddAfterFailure("a").TotalSeconds);
        _queue.Done("a");
        Assert.Equal("a", await TakeAsync());
    }

    [Fact]
    public async Task What_is_added_while_a_key_is_worked_on_is_not_lost_when_the_work_goes_well()
    {
        _queue.Add("a", "x");
        await TakeAsync();
        _queue.AddAfterFailure("a");
        _queue.Done("a");
        _time.Advance(TimeSpan.FromSeconds(1.1));
        await TakeAsync();
        _queue.Add("a", "x"); // what was looked at may be newer than what the work saw
        _queue.Forget("a");
        _queue.Done("a");
        Assert.Equal("a", await TakeAsync());
        _queue.Forget("a");
        _queue.Done("a");
        Assert.Equal((0, 0), (_queue.Depth, _queue.Waiting));
    }

    [Fact]
    public void The_longest_wait_stays_the_longest_after_very_many_failures()
    {
        var backoff = new Backoff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));
        Assert.All(Enumerable.Range(1, 3000), n => Assert.InRange(backoff.After(n, new Random(n)).TotalSeconds, 0.8, 72));
    }

    [Fact]
    public async Task A_stopped_queue_gives_nothing_out_and_lets_nobody_wait()
    {
        var waiting = _queue.TakeAsync(Token);
        _queue.Stop();
        Assert.False((await waiting).Taken);
        _queue.Add("a");
        _queue.AddAfter("b", TimeSpan.FromSeconds(1));
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.False((await _queue.TakeAsync(Token)).Taken);
    }

    [Fact]
    public async Task What_was_ready_is_dropped_by_the_stop()
    {
        _queue.Add("a");
        _queue.Stop();
        Assert.False((await _queue.TakeAsync(Token)).Taken);
    }

    [Fact]
    public async Task Many_takers_never_have_one_key_twice_at_once_and_miss_no_addition()
    {
        var working = new int[10];
        var seen = new long[10];
        var wanted = new long[10];
        using var queue = new WorkQueue<int>(
            new Backoff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1)),
            TimeProvider.System,
            new Random(1)
        );
        var takers = Enumerable
            .Range(0, 8)
            .Select(_ =>
                Task.Run(async () =>
                {
                    while (await queue.TakeAsync(Token) is (true, var key))
                    {
                        Assert.Equal(1, Interlocked.Increment(ref working[key]));
                        Volatile.Write(ref seen[key], Volatile.Read(ref wanted[key]));
                        await Task.Yield();
                        Interlocked.Decrement(ref working[key]);
                        queue.Done(key);
                    }
                })
            )
            .ToList();
        for (var i = 0; i < 20_000; i++)
        {
            Interlocked.Increment(ref wanted[i % 10]);
            queue.Add(i % 10);
        }

        await Waiting.UntilAsync(() => seen.SequenceEqual(wanted));
        queue.Stop();
        await Task.WhenAll(takers);
    }
}
