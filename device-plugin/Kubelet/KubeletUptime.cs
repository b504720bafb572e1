namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// How long the kubelet that answers now has been up, at least: since its sockets were first seen as they are. A kubelet makes both anew
/// when it starts, one some time before the other. Counted from what this process saw, by the monotonic clock, so neither a clock that is
/// set nor a restart of the agent makes a kubelet older than it is. Thread-safe.
/// </summary>
/// <param name="sockets">The registration socket and the pod-resources socket.</param>
public sealed class KubeletUptime(IReadOnlyList<string> sockets, TimeProvider time)
{
    private readonly Lock _gate = new();
    private SocketFile?[] _seen = [];
    private long _since;

    /// <summary>Looks at the sockets. Null while one of them is missing.</summary>
    public TimeSpan? Look()
    {
        lock (_gate)
        {
            SocketFile?[] now = [.. sockets.Select(SocketFile.Read)];
            if (!now.SequenceEqual(_seen))
                (_seen, _since) = (now, time.GetTimestamp());
            return now.Contains(null) ? null : time.GetElapsedTime(_since);
        }
    }
}
