using Hostdev.Kubectl.Page;
using Xunit;

namespace Hostdev.Tests.KubectlPlugin;

/// <summary>What whoever was away is told.</summary>
public sealed class UiBoardTests
{
    private readonly Board _board = new();

    [Fact]
    public void Who_has_nothing_is_given_everything_and_then_what_changed_once_for_each_key()
    {
        _board.Put("a", "1");
        _board.Put("b", "1");
        var first = _board.Since(0);
        Assert.True(first.IsWhole);
        Assert.Equal([("a", "1"), ("b", "1")], Told(first));
        Assert.Empty(_board.Since(first.Revision).Changes);

        _board.Put("a", "2");
        _board.Put("a", "3");
        _board.Put("b", "1"); // as it was
        _board.Remove("b");
        var second = _board.Since(first.Revision);
        Assert.False(second.IsWhole);
        Assert.Equal([("a", "3"), ("b", null)], Told(second));
        _board.Put("b", "2");
        Assert.Equal([("b", "2")], Told(_board.Since(second.Revision)));
    }

    [Fact]
    public void Who_was_away_for_longer_than_what_is_remembered_of_things_gone_is_given_everything()
    {
        _board.Put("stays", "1");
        var longAgo = _board.Since(0).Revision;
        for (var i = 0; i < 1001; i++)
        {
            _board.Put($"{i}", "1");
            _board.Remove($"{i}");
        }

        var told = _board.Since(longAgo);
        Assert.True(told.IsWhole);
        Assert.Equal([("stays", "1")], Told(told));
        Assert.False(_board.Since(told.Revision).IsWhole);
        Assert.True(_board.Since(told.Revision + 1).IsWhole); // of another program's board
    }

    [Fact]
    public async Task Who_waits_is_woken_by_the_next_change()
    {
        var now = _board.Since(0).Revision;
        var waiting = _board.WaitAsync(now, TestContext.Current.CancellationToken);
        Assert.False(waiting.IsCompleted);
        _board.Put("a", "1");
        await waiting;
        await _board.WaitAsync(now, TestContext.Current.CancellationToken); // it is past already
    }

    private static IEnumerable<(string, string?)> Told(BoardChanges changes) => changes.Changes.Select(c => (c.Key, c.Value));
}
