namespace Hostdev.DevicePlugin.Agent;

/// <summary>
/// A clock that is right when the agent starts and goes on by the monotonic clock: it never jumps when the host's is set. All of the
/// agent's waits and proofs compare its own times with each other; a host clock that is set an hour ahead after boot would make a device
/// look free that was given out a second ago. It is not for what others read: where the agent started before the host's clock was set, it
/// stays wrong until the agent ends.
/// </summary>
public sealed class SteadyTime(TimeProvider inner) : TimeProvider
{
    private readonly DateTimeOffset _began = inner.GetUtcNow();
    private readonly long _timestamp = inner.GetTimestamp();

    public override long TimestampFrequency => inner.TimestampFrequency;

    public override DateTimeOffset GetUtcNow() => _began + inner.GetElapsedTime(_timestamp);

    public override long GetTimestamp() => inner.GetTimestamp();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        inner.CreateTimer(callback, state, dueTime, period);
}
