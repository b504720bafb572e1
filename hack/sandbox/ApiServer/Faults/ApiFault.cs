namespace Hostdev.Sandbox.ApiServer.Faults;

/// <summary>
/// What goes wrong with a request. None of them lies: an event is never left out, a write that is answered with success was made.
/// </summary>
public abstract record ApiFault
{
    private ApiFault() { }

    /// <summary>
    /// An answer instead of the work: 409 Conflict, 410 Expired, 429 TooManyRequests, 500 InternalError, 503 ServiceUnavailable, 504
    /// Timeout.
    /// </summary>
    public sealed record Refuse(int Code, int? RetryAfterSeconds = null) : ApiFault;

    /// <summary>The connection breaks before the server did anything.</summary>
    public sealed record CutBefore : ApiFault;

    /// <summary>
    /// The server does the work, then the connection breaks after a share of the answer, from 0 (nothing of it arrives) to below 1: the
    /// client cannot know what became of its write.
    /// </summary>
    public sealed record CutAnswer(double Share = 0) : ApiFault;

    /// <summary>The answer begins only after so long, by the server's clock.</summary>
    public sealed record Slow(TimeSpan Delay) : ApiFault;

    /// <summary>A watch breaks after so many events, in the middle of the next one's line or, with <paramref name="MidLine"/> false,
    /// between two.</summary>
    public sealed record CutWatch(int AfterEvents, bool MidLine = true) : ApiFault;
}
