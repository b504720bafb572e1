using System.Collections.Immutable;

namespace Hostdev.Sandbox.Demo;

/// <summary>What a step of a story has in hand: a look at what the story is about, and promises that must come true.</summary>
internal abstract class Chapter(IStoryScreen screen, TimeSpan patience, TimeProvider time, CancellationToken cancellationToken)
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(15);

    private readonly List<StoryLine> _lines = [];

    public ImmutableArray<StoryLine> Lines => [.. _lines];

    /// <summary>How things are now.</summary>
    public abstract IPicture Picture { get; }

    /// <summary>What is said to stand in the way now: shown when a promise is broken.</summary>
    public abstract IEnumerable<string> Said { get; }

    protected TimeProvider Time => time;

    public CancellationToken Cancellation => cancellationToken;

    public void Forget() => _lines.Clear();

    public void Act(string text) => _lines.Add(new StoryLine(LineKind.Act, text));

    public void Fact(string text) => _lines.Add(new StoryLine(LineKind.Fact, text));

    public void Change(string text) => _lines.Add(new StoryLine(LineKind.Change, text));

    public void Quote(string text) => _lines.Add(new StoryLine(LineKind.Quote, text));

    /// <summary>Waits until it is so.</summary>
    /// <param name="lacking">What is still otherwise; null when it is so.</param>
    /// <exception cref="BrokenPromiseException">It is not so by the deadline.</exception>
    public async Task PromiseAsync(string promise, Func<string?> lacking)
    {
        var since = time.GetTimestamp();
        while (lacking() is { } problem)
        {
            if (time.GetElapsedTime(since) > patience)
                throw new BrokenPromiseException($"{promise}: {problem} (after {StoryText.Duration(patience)})");
            screen.Show(() => Picture);
            await Task.Delay(s_look, time, cancellationToken);
        }
    }

    /// <summary>What must be so already.</summary>
    /// <exception cref="BrokenPromiseException">It is not.</exception>
    public void Check(string promise, string? problem)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (problem is not null)
            throw new BrokenPromiseException($"{promise}: {problem}");
    }
}
