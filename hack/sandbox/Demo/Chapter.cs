using System.Collections.Immutable;

namespace Hostdev.Sandbox.Demo;

/// <summary>Something the story promised is not so.</summary>
internal sealed class BrokenPromiseException : Exception
{
    public BrokenPromiseException()
    {
    }

    public BrokenPromiseException(string message)
        : base(message)
    {
    }

    public BrokenPromiseException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>What a step of the story has in hand: the node, the look at it, and promises that must come true.</summary>
internal sealed class Chapter(DemoNode node, IStoryScreen screen, TimeSpan patience, TimeProvider time, CancellationToken cancellationToken)
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(15);

    private readonly List<StoryLine> _lines = [];
    private (DateTime Written, StatusReading Status) _status = (default, StatusReading.Nothing);
    private long _reread;

    public DemoNode Node => node;

    public ImmutableArray<StoryLine> Lines => [.. _lines];

    public StatusReading Status
    {
        get
        {
            // The file's time alone would miss a second change within one tick of the file system's clock.
            var written = File.GetLastWriteTimeUtc(node.StatusFile);
            if (written == _status.Written && time.GetElapsedTime(_reread).TotalSeconds < 0.2) return _status.Status;
            _reread = time.GetTimestamp();
            if (StatusReading.Read(node.StatusFile) is { } status) _status = (written, status);
            return _status.Status;
        }
    }

    public NodeReading Reading => NodeReading.Take(node, Status);

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
            if (time.GetElapsedTime(since) > patience) throw new BrokenPromiseException($"{promise}: {problem} (after {StoryText.Duration(patience)})");
            screen.Show(() => Reading);
            await Task.Delay(s_look, time, cancellationToken);
        }
    }

    /// <summary>Waits until the agent's status says something that fits.</summary>
    public async Task<StatusProblem> SaysAsync(string promise, Func<StatusProblem, bool> fits)
    {
        StatusProblem? found = null;
        await PromiseAsync(promise, () => (found = Status.Problems.FirstOrDefault(fits)) is null
            ? Status.Problems.Length == 0 ? "the agent says nothing" : $"the agent says \"{string.Join("; ", Status.Problems.Select(p => p.Message))}\""
            : null);
        Quote(found!.Message);
        return found;
    }

    /// <summary>What must be so already.</summary>
    /// <exception cref="BrokenPromiseException">It is not.</exception>
    public void Check(string promise, string? problem)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (problem is not null) throw new BrokenPromiseException($"{promise}: {problem}");
    }
}
