namespace Hostdev.Kube.Control;

public sealed record InformerTimings
{
    /// <summary>Between attempts that brought nothing (client-go's reflector: 800 ms to 30 s).</summary>
    public Backoff Backoff { get; init; } = new(TimeSpan.FromMilliseconds(800), TimeSpan.FromSeconds(30), 0.5);

    /// <summary>How long a watch is asked for, at least; at most twice that, at random, so that not all end at once.</summary>
    public TimeSpan Watch { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>A watch that brings nothing and ends before this was no success: the next one waits.</summary>
    public TimeSpan ShortWatch { get; init; } = TimeSpan.FromSeconds(5);
}
