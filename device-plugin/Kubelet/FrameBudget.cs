namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// How many frames of HTTP/2 a peer may send that carry neither a call nor a byte of a request: pings, settings, window updates, resets,
/// and those that are empty (RFC 9113, 10.5). They cost the sender nothing and nobody else counts them. A peer that reads what we
/// send answers some of it with such frames, so that what is sent fills the budget up again. Not thread-safe but for <see cref="Sent"/>.
/// </summary>
internal sealed class FrameBudget(TimeProvider time)
{
    /// <summary>As much as a connection begins with, and never more: a kubelet sends some ten in a minute.</summary>
    public const int Most = 2_000;

    /// <summary>How many come back in a second.</summary>
    public const int PerSecond = 50;

    /// <summary>
    /// One comes back for so many bytes that we send: grpc-go answers a frame of data with a ping and a window update, so that the smallest
    /// answer to a call must bring more than two back. What we send for a ping, 17 bytes, brings less than one.
    /// </summary>
    private const int SentBytesEach = 48;

    private const byte Data = 0;
    private const byte Headers = 1;
    private const byte EndStream = 1;
    private const byte Padded = 8;

    private double _left = Most;
    private long _at = time.GetTimestamp();
    private long _sent;

    /// <summary>Bytes went out. From any thread.</summary>
    public void Sent(long bytes) => Interlocked.Add(ref _sent, bytes);

    /// <summary>A frame came. False when the peer has sent too many that carry nothing.</summary>
    public bool Take(byte type, byte flags, int length)
    {
        // grpc-go pads nothing, and padding is nothing.
        if (type == Headers || (type == Data && (length > 0 || (flags & EndStream) != 0) && (flags & Padded) == 0))
            return true;
        var now = time.GetTimestamp();
        _left += (time.GetElapsedTime(_at, now).TotalSeconds * PerSecond) + ((double)Interlocked.Exchange(ref _sent, 0) / SentBytesEach);
        (_left, _at) = (Math.Min(Most, _left) - 1, now);
        return _left >= 0;
    }
}
