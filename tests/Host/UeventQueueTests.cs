using System.Collections.Immutable;
using System.Threading.Channels;
using Hostdev.DevicePlugin.Host;
using Xunit;

namespace Hostdev.Tests.Host;

public sealed class UeventQueueTests
{
    private readonly UeventQueue queue = new(limit: 3);

    [Fact]
    public async Task Makes_one_batch_of_what_came_while_nobody_waited()
    {
        queue.Add([Event("a")], someWereLost: false);
        queue.Add([Event("b"), Event("c")], someWereLost: false);
        var batch = await queue.NextAsync(CancellationToken.None);
        Assert.Equal(["a", "b", "c"], batch.Events.Select(e => e.DevPath));
        Assert.False(batch.Lost);
        Assert.False(queue.NextAsync(CancellationToken.None).AsTask().IsCompleted);
    }

    [Fact]
    public async Task Wakes_who_waits_already()
    {
        var waiting = queue.NextAsync(CancellationToken.None).AsTask();
        queue.Add([], someWereLost: false);
        Assert.False(waiting.IsCompleted);
        queue.Add([Event("a")], someWereLost: false);
        Assert.Single((await waiting).Events);
    }

    [Fact]
    public async Task Says_that_the_kernel_dropped_some()
    {
        queue.Add([], someWereLost: true);
        Assert.True((await queue.NextAsync(CancellationToken.None)).Lost);
    }

    [Fact]
    public async Task Says_that_it_dropped_some_itself_and_begins_anew()
    {
        queue.Add([Event("a"), Event("b")], someWereLost: false);
        queue.Add([Event("c"), Event("d")], someWereLost: false);
        var batch = await queue.NextAsync(CancellationToken.None);
        Assert.True(batch.Lost);
        Assert.Equal(["c", "d"], batch.Events.Select(e => e.DevPath));
        queue.Add([Event("e")], someWereLost: false);
        Assert.False((await queue.NextAsync(CancellationToken.None)).Lost);
    }

    [Fact]
    public async Task Keeps_what_came_when_a_wait_is_given_up()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await queue.NextAsync(cancelled.Token));
        queue.Add([Event("a")], someWereLost: false);
        Assert.Single((await queue.NextAsync(CancellationToken.None)).Events);
    }

    [Fact]
    public async Task Ends_when_completed()
    {
        queue.Complete();
        await Assert.ThrowsAsync<ChannelClosedException>(async () => await queue.NextAsync(CancellationToken.None));
    }

    private static Uevent Event(string path) => new("change", path, "pci", ImmutableSortedDictionary<string, string>.Empty);
}
